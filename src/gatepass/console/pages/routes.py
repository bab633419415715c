"""Every address of the console, and the navigation. A page is added by a row in its module and its module here."""

from dataclasses import dataclass
from typing import Final

from gatepass.console.asking import Route
from gatepass.console.pages import entry, overview

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


NAVIGATION: Final = (Group("", (Place("/console", "Overview"),)),)

ROUTES: Final[tuple[Route, ...]] = (
    *overview.ROUTES,
    *entry.ROUTES,
)
