"""Settings as they are in force and where each came from, and the page that says where to read on.

Settings are read once at the start; there is nothing to change here, and the page says where it is done.
"""

from typing import Final

from gatepass.console.asking import Answer, Asking, Page, Route

__all__ = ["ROUTES"]


async def index(asking: Asking) -> Answer:
    """Every setting, and how the deployment stands."""
    found = await asking.api.get("settings")
    return Page(template="estate/settings.html", values={"items": found["items"], "status": await asking.status()})


async def guide(asking: Asking) -> Answer:
    """Where to read on."""
    return Page(template="estate/guide.html", values={"status": await asking.status()})


ROUTES: Final = (
    Route("GET", "/settings", index),
    Route("GET", "/help", guide),
)
