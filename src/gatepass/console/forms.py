"""What a browser sends, read strictly: cookies, the query, and forms of bounded size in one encoding.

Text is UTF-8 or refused. A name may stand several times, because boxes that are ticked share one. Nothing that
cannot be read is repeated: it may be a secret that was pasted into the wrong place.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlencode

from starlette.types import Receive

from gatepass.errors import Malformed
from gatepass.web.bodies import read_pairs, read_whole

__all__ = ["LARGEST_FORM", "Fields", "read_cookies", "read_form", "read_query"]

LARGEST_FORM: Final = 2 << 20
LONGEST_QUERY: Final = 8192
MOST_FIELDS: Final = 1024
LONGEST_COOKIES: Final = 8192
_FORM: Final = b"application/x-www-form-urlencoded"

Headers = Iterable[tuple[bytes, bytes]]


class Fields:
    """Names and values in their order. Does not print: values may be secrets."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)

    def one(self, name: str, otherwise: str = "") -> str:
        """The first value of `name`, without the blanks around it."""
        return next((value.strip() for found, value in self.pairs if found == name), otherwise)

    def exact(self, name: str) -> str:
        """The first value of `name`, to the last blank. Line ends are as files have them, not as forms do."""
        return next((value.replace("\r\n", "\n") for found, value in self.pairs if found == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of `name` that is not blank."""
        return tuple(value.strip() for found, value in self.pairs if found == name and value.strip())

    def without(self, *names: str) -> "Fields":
        """The rest of them."""
        return Fields([(name, value) for name, value in self.pairs if name not in names])

    def replaced(self, name: str, value: str) -> "Fields":
        """The same with one value for `name`."""
        return Fields([*self.without(name).pairs, (name, value)])

    def encoded(self) -> str:
        """As a query."""
        return urlencode(self.pairs)

    def __contains__(self, name: object) -> bool:
        return any(found == name for found, _ in self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)


def read_query(query: bytes) -> Fields:
    """The fields of a query. Raises `Malformed`."""
    return Fields(read_pairs(query, largest=LONGEST_QUERY, most=MOST_FIELDS, what="query"))


async def read_form(headers: Headers, receive: Receive) -> Fields:
    """The fields of a form that was sent. Raises `Malformed`."""
    types = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    body = await read_whole(receive, LARGEST_FORM, "form")
    if body and types != [_FORM]:
        said = "a form is sent as application/x-www-form-urlencoded"
        raise Malformed("unsupported_media", said, hint="Open the page again and send the form from there.")
    return Fields(read_pairs(body, largest=LARGEST_FORM, most=MOST_FIELDS, what="form"))


def read_cookies(headers: Headers) -> dict[str, str | None]:
    """The cookies by name; None for a name that came twice with different values, which is nobody's to choose from."""
    found: dict[str, str | None] = {}
    text = b"; ".join(value for name, value in headers if name == b"cookie")
    if len(text) > LONGEST_COOKIES:
        return found
    for pair in text.decode("latin-1").split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            found[name] = value if found.get(name, value) == value else None
    return found
