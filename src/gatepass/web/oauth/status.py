"""The status lists as documents (Token Status List, draft 21, sections 8 and 9).

The law: anybody may read them, from any page, and asking tells nothing of which token is meant. What stands between may
keep one for half a minute; the list itself says when it has to be fetched again, and when it is worth nothing.
"""

import re
from typing import Final

from gatepass import exact
from gatepass.gateway.requests import Headers, Reply
from gatepass.issuer.standing import StatusLists
from gatepass.web.oauth.answers import body_reply
from gatepass.web.oauth.router import Document

__all__ = ["list_of_lists", "status_list"]

_NUMBER: Final = re.compile(rb"[1-9][0-9]{0,8}")
_KEPT: Final[Headers] = (
    (b"cache-control", b"public, max-age=30"),
    (b"access-control-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
)


def status_list(lists: StatusLists) -> Document:
    """`/oauth2/status/{list}`."""

    def document(left: bytes) -> Reply | None:
        text = lists.signed(int(left)) if _NUMBER.fullmatch(left) else None
        if text is None:
            return None
        return body_reply(200, text.encode("ascii"), ((b"content-type", b"application/statuslist+jwt"), *_KEPT))

    return document


def list_of_lists(lists: StatusLists) -> Document:
    """`/oauth2/status`: where all of them are."""

    def document(left: bytes) -> Reply | None:
        if left:
            return None
        said = exact.write({"status_lists": lists.uris})
        return body_reply(200, said, ((b"content-type", b"application/json"), *_KEPT))

    return document
