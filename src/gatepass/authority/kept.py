"""An authority as it lies in a store, read when somebody first asks it.

The law: what is kept says what `authority_from_json` reads in it, no more. Reading is total: a text that is no exact
JSON permits nothing. Most credentials of a large deployment are not used between two starts, so a start does not
read what all of them may do.
"""

from functools import cached_property

from gatepass import exact
from gatepass.access import Json
from gatepass.authority.grants import Authority, Grant, authority_from_json
from gatepass.errors import Malformed

__all__ = ["kept_authority"]

_LONGEST = 1 << 24


def kept_authority(text: str) -> Authority:
    """The authority that `text`, the JSON of `authority_to_json`, stands for."""
    return _Kept(text)


class _Kept(Authority):
    """Equal to the authority that was kept, and indistinguishable from it in use."""

    def __init__(self, text: str) -> None:
        self.__dict__["_text"] = text

    @cached_property
    def _read(self) -> Authority:
        text = self.__dict__.pop("_text")
        try:
            return authority_from_json(exact.read(text, max_bytes=_LONGEST))
        except Malformed:
            return Authority(unread=(text,))

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """See `Authority`."""
        return self._read.grants

    @cached_property
    def unread(self) -> tuple[Json, ...]:
        """See `Authority`."""
        return self._read.unread

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Authority):
            return NotImplemented
        return (self.grants, self.unread) == (other.grants, other.unread)

    def __hash__(self) -> int:
        return hash((self.grants, self.unread))
