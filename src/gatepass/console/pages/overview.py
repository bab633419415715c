"""The first page: what needs a person's attention, how much there is, and what was permitted and refused lately."""

from typing import Final

from gatepass.console.asking import Answer, Asking, Page, Route

__all__ = ["ROUTES"]


async def overview(asking: Asking) -> Answer:
    """The page."""
    return Page(template="overview.html", values={"status": await asking.status()})


ROUTES: Final = (Route("GET", "", overview),)
