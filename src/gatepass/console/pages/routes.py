"""Every address of the console, and the navigation. A page is added by a row in its module and its module here.

A word of ours that stands where a name may stand begins with `_` (`/roles/_new`), which no name and no id does: a role
may be called `new`.
"""

from dataclasses import dataclass
from typing import Final

from gatepass.console import estate, history
from gatepass.console.asking import Route
from gatepass.console.pages import entry, overview
from gatepass.console.passes import agents, creating, listing, one

__all__ = ["NAVIGATION", "ROUTES", "Group", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A page that every other leads to."""

    path: str
    name: str
    needs: str = ""
    """The act that its page asks the API for; nobody is led to where they would be refused."""


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together."""

    name: str
    places: tuple[Place, ...]


_READ: Final = "read"

NAVIGATION: Final = (
    Group(
        "",
        (Place("/console", "Overview"), Place("/console/agents", "Agents"), Place("/console/tokens", "Tokens")),
    ),
    Group(
        "Behind the gate",
        (Place("/console/upstreams", "Upstreams", _READ), Place("/console/secrets", "Secrets", _READ)),
    ),
    Group(
        "Who may do what",
        (
            Place("/console/roles", "Roles", _READ),
            Place("/console/people", "People", _READ),
            Place("/console/trust", "Trust", _READ),
        ),
    ),
    Group("What happened", (Place("/console/runs", "Runs"), Place("/console/journal", "Journal", "journal.read"))),
    Group("This deployment", (Place("/console/settings", "Settings", _READ), Place("/console/help", "Help"))),
)

ROUTES: Final[tuple[Route, ...]] = (
    *overview.ROUTES,
    *entry.ROUTES,
    *agents.ROUTES,
    *listing.ROUTES,
    *creating.ROUTES,
    *one.ROUTES,
    *estate.ROUTES,
    *history.ROUTES,
)
