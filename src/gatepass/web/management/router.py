"""The table of the management API, and the paths that come of it."""

from typing import Final

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepass.administration import Administration
from gatepass.errors import NotFound
from gatepass.web.management.answers import Shows
from gatepass.web.management.calls import API, Operation, Resource
from gatepass.web.management.handlers import agents, configuration, deployment, journal, people, tokens, upstreams
from gatepass.web.management.repeats import Repeats

__all__ = ["OPERATIONS", "build"]

OPERATIONS: Final[tuple[Operation, ...]] = (
    *people.OPERATIONS,
    *agents.OPERATIONS,
    *upstreams.OPERATIONS,
    *tokens.OPERATIONS,
    *configuration.OPERATIONS,
    *deployment.OPERATIONS,
    *journal.OPERATIONS,
)
"""All of it. `docs/api.md` names each; a test holds the two together."""


def build(administration: Administration) -> ASGIApp:
    """The management API over `administration`, for requests whose path begins with `/api/v1`.

    Errors are raised, and answered where all answers to errors are made.
    """
    shows, repeats = Shows(administration), Repeats(administration.desk.clock)
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    # Fixed paths go before those with a name in them, or `/secrets/rewrap` would be a secret's.
    in_order = sorted(paths.items(), key=lambda item: ("{" in item[0], item[0]))
    routes = [Route(API + path, Resource(administration, by_method, shows, repeats)) for path, by_method in in_order]
    return Router(routes=routes, redirect_slashes=False, default=_nothing_here)


async def _nothing_here(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise NotFound("not_found", "the management API has no such path", hint="`docs/api.md` lists all of them.")
