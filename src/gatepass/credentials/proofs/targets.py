"""URLs as a proof names them (`htu`): equal if they are equal once normalised.

The law: what is compared is scheme, authority and path after the syntax-based and scheme-based normalisation of RFC
3986 (sections 6.2.2 and 6.2.3), query and fragment left out, as RFC 9449 section 4.3 says. Two URLs with one normal
form are the same resource to every reader. What is no plain absolute `http` or `https` URL has no normal form.
"""

import re
from typing import Final

__all__ = ["normal"]

MOST: Final = 4096
_URL: Final = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._~%-]+)(?::([0-9]{0,5}))?(/[^?#]*)?(?:\?[^#]*)?(?:#.*)?",
    re.ASCII | re.IGNORECASE,
)
_PATH: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~-]", re.ASCII)
_DEFAULT: Final = {"http": "80", "https": "443"}


def normal(url: str) -> str:
    """The normal form of a URL without query and fragment. Raises `ValueError` for what has none."""
    found = _URL.fullmatch(url) if len(url) <= MOST and url.isascii() and url.isprintable() else None
    if found is None or " " in url:
        raise ValueError("not an absolute URL of http or https")
    scheme, host, port, path = found[1].lower(), found[2].lower(), found[3], found[4] or "/"
    if "%" in host or not _PATH.fullmatch(path):
        raise ValueError("not an absolute URL of http or https")
    number = "" if not port else str(int(port))
    at = host if number in {"", _DEFAULT[scheme]} else f"{host}:{number}"
    return f"{scheme}://{at}{_without_dots(_ESCAPE.sub(_unescaped, path))}"


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0].upper()


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
