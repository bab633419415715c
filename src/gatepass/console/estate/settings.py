"""Settings as they are in force and where each came from, and the page that says where to read on.

Settings are read once at the start; there is nothing to change here, and the page says where it is done.
"""

import re
from typing import Final

from gatepass.console.asking import Answer, Asking, Page, Redirect, Route
from gatepass.console.showing import theme_cookie

__all__ = ["ROUTES"]

_OURS: Final = re.compile(r"/console(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


async def index(asking: Asking) -> Answer:
    """Every setting, and how the deployment stands."""
    found = await asking.api.get("settings")
    return Page(template="estate/settings.html", values={"items": found["items"], "status": await asking.status()})


async def guide(asking: Asking) -> Answer:
    """Where to read on."""
    return Page(template="estate/guide.html", values={"status": await asking.status()})


async def choose(asking: Asking) -> Answer:
    """Light, dark, or as the system has it, from now on; back to where that was chosen."""
    back = asking.form.one("to")
    cookie = theme_cookie(asking.form.one("theme"))
    return Redirect(to=back if _OURS.fullmatch(back) else "/console/settings", headers=(cookie,))


ROUTES: Final = (
    Route("GET", "/settings", index),
    Route("POST", "/theme", choose),
    Route("GET", "/help", guide),
)
