"""The table of the management API, and the paths that come of it."""

from functools import cache
from typing import Any, Final

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from gatepass.administration import Act, Administration
from gatepass.errors import NotFound
from gatepass.web.management.answers import Shows
from gatepass.web.management.calls import API, Answer, Call, Operation, Resource
from gatepass.web.management.handlers import (
    agents,
    configuration,
    deployment,
    federation,
    journal,
    people,
    runs,
    signing,
    tokens,
    upstreams,
)
from gatepass.web.management.openapi import describe
from gatepass.web.management.repeats import Repeats

__all__ = ["OPERATIONS", "build"]


async def openapi(call: Call) -> Answer:
    """This API as an OpenAPI 3.1 document."""
    await call.administration.desk.permit(call.operator, Act.READ_OWN)
    return Answer(shown=_document())


OPERATIONS: Final[tuple[Operation, ...]] = (
    *people.OPERATIONS,
    *agents.OPERATIONS,
    *federation.OPERATIONS,
    *upstreams.OPERATIONS,
    *tokens.OPERATIONS,
    *runs.OPERATIONS,
    *signing.OPERATIONS,
    *configuration.OPERATIONS,
    *deployment.OPERATIONS,
    *journal.OPERATIONS,
    Operation(method="GET", path="/openapi.json", handle=openapi, acts=(Act.READ_OWN,), answer=dict[str, Any]),
)
"""All of it. `docs/api.md` names each; a test holds the two together."""


@cache
def _document() -> dict[str, Any]:
    return describe(OPERATIONS)


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
