"""What a page is: a function from what was asked to what is answered, and a row in the table of addresses.

A page function gets an `Asking` and returns a `Page` (a template and its values), a `Redirect` (after everything
that changed something) or `Data` (JSON, for scripts of ours). It reaches the deployment through `asking.api` alone.
An error that it does not catch becomes the page that says so.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from gatepass.access import Instant
from gatepass.console.bridge import Bridge, Members
from gatepass.console.forms import Fields
from gatepass.errors import Conflict, Denied, Malformed, NotFound, Unauthenticated
from gatepass.gateway.requests import Headers

__all__ = [
    "CORRECTABLE",
    "Answer",
    "Asking",
    "Data",
    "Page",
    "Redirect",
    "Route",
    "Row",
    "instant_text",
]

CORRECTABLE: Final = (Malformed, Denied, NotFound, Conflict)
"""What a form can be shown again with. That nobody is known any more is not among them: it is answered elsewhere."""

_SEGMENT: Final = r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,63})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A template and what goes into it."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Look there instead. `notice` is one of `pages.notices.NOTICES`, about `subject`."""

    to: str
    notice: str | None = None
    subject: str = ""
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """JSON, for our own scripts."""

    value: object
    status: int = 200
    headers: Headers = ()


Answer: TypeAlias = Page | Redirect | Data


@dataclass(slots=True, kw_only=True)
class Asking:
    """One request, with everything that a page may use."""

    method: str
    path: str
    """Whole, `/console/...`."""
    refs: tuple[str, ...] = ()
    """What stood in the place of each `{ref}`."""
    query: Fields = field(default_factory=Fields)
    form: Fields = field(default_factory=Fields)
    api: Bridge
    now: Instant
    agents_url: str = ""
    """Where agents reach the gateway, as far as can be said from here."""
    headers: Headers = field(default=(), repr=False)
    partial: bool = False
    """Whether htmx asks, for a part of a page."""
    _status: Members | None = None

    @property
    def ref(self) -> str:
        """The id or name in the path."""
        return self.refs[0]

    @property
    def signed_in(self) -> bool:
        """Whether the request came with a session, good or not."""
        return self.api.token is not None

    async def status(self) -> Members:
        """The deployment and who asks, read once a request."""
        if self._status is None:
            self._status = await self.api.get("status")
        return self._status

    async def may(self, act: str) -> bool:
        """Whether whoever asks may do that, in the API's own words."""
        acts = (await self.status())["may"]
        return isinstance(acts, tuple) and act in acts

    async def require_fresh(self) -> None:
        """For the page of a form that widens: ask now who it is, before anything was typed.

        Raises `Unauthenticated` (`reauthentication_required`), which the person answers and comes back.
        """
        until = _credential(await self.status()).get("fresh_until")
        if not isinstance(until, str) or until <= instant_text(self.now):
            raise Unauthenticated("reauthentication_required", "this needs a person who has just signed in")


PageFunction: TypeAlias = Callable[[Asking], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: `/tokens/{ref}` below `/console`, for GET or POST."""

    method: str
    path: str
    page: PageFunction
    stranger: bool = False
    """Whether somebody who has not signed in may ask."""


@dataclass(frozen=True, slots=True)
class Row:
    """A route with its pattern."""

    route: Route
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, route: Route) -> "Row":
        """Read the path of `route`."""
        parts = [_SEGMENT if part == "{ref}" else re.escape(part) for part in route.path.split("/")]
        return cls(route, re.compile("/console" + "/".join(parts).rstrip("/"), re.ASCII))


def instant_text(at: Instant) -> str:
    """RFC 3339 in UTC to the millisecond, as the API has it: instants compare as texts do."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _credential(status: Members) -> Members:
    found = status.get("credential")
    return found if isinstance(found, Mapping) else {}
