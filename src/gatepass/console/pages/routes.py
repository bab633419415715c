"""Every address of the console, and the navigation. A page is added by a row in its module and its module here."""

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


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together."""

    name: str
    places: tuple[Place, ...]


NAVIGATION: Final = (
    Group(
        "",
        (Place("/console", "Overview"), Place("/console/agents", "Agents"), Place("/console/tokens", "Tokens")),
    ),
    Group("Behind the gate", (Place("/console/upstreams", "Upstreams"), Place("/console/secrets", "Secrets"))),
    Group("Who may do what", (Place("/console/roles", "Roles"), Place("/console/people", "People"))),
    Group("What happened", (Place("/console/journal", "Journal"),)),
    Group("This deployment", (Place("/console/settings", "Settings"), Place("/console/help", "Help"))),
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
