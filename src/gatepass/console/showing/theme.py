"""Light, dark, or as the system has it: one cookie that any page may set and that says nothing about anybody.

The server writes what was chosen onto the page, so that no page begins in one scheme and turns into the other.
"""

from collections.abc import Iterable
from typing import Final

from gatepass.console.forms import read_cookies

__all__ = ["THEMES", "theme_cookie", "theme_of"]

THEMES: Final = (("auto", "Auto"), ("light", "Light"), ("dark", "Dark"))
_COOKIE: Final = "gatepass_theme"
_CHOSEN: Final = frozenset({"light", "dark"})
_YEAR: Final = 31_536_000


def theme_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """What was chosen; None for as the system has it."""
    said = read_cookies(headers).get(_COOKIE)
    return said if said in _CHOSEN else None


def theme_cookie(chosen: str) -> tuple[bytes, bytes]:
    """What makes a browser remember it; what is no scheme is forgotten."""
    value, seconds = (chosen, _YEAR) if chosen in _CHOSEN else ("", 0)
    return b"set-cookie", f"{_COOKIE}={value}; Path=/console; HttpOnly; SameSite=Lax; Max-Age={seconds}".encode("ascii")
