"""Server-sent events: read with a bound from servers, written for clients.

Only what MCP uses: `data` lines, joined. Comments, ids, names and retry times are passed over, because
streams are never resumed here. An event that grows beyond its bound ends the reading.

Source: the HTML standard, section 9.2 (server-sent events).
"""

from dataclasses import dataclass, field
from typing import Final

from gatepass.errors import Malformed

__all__ = ["KEEP_ALIVE", "EventReader", "event"]

KEEP_ALIVE: Final = b": still there\n\n"
"""A comment: it keeps intermediaries from closing a quiet stream."""


def event(message: bytes) -> bytes:
    """One message as an event. Canonical JSON holds no line break."""
    return b"event: message\ndata: " + message + b"\n\n"


@dataclass(slots=True)
class EventReader:
    """Turns chunks into the data of events. `feed` after `feed`; nothing else is kept than the event begun."""

    longest: int
    _line: bytearray = field(default_factory=bytearray)
    _data: list[bytes] = field(default_factory=list)
    _size: int = 0
    _named: bool = False
    _after_return: bool = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes. Raises `Malformed` (`too_large`) beyond the bound."""
        # A line ends with CR, LF or both. A chunk may end between the two.
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if chunk:
            self._after_return = chunk.endswith(b"\r")
        *lines, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        found: list[bytes] = []
        for line in lines:
            self._line += line
            self._take(bytes(self._line), found)
            self._line.clear()
        self._line += rest
        self._check(len(self._line))
        return found

    def _take(self, line: bytes, found: list[bytes]) -> None:
        if not line:
            if self._data and not self._named:
                data = b"\n".join(self._data)
                if data:
                    found.append(data)
            self._data, self._size, self._named = [], 0, False
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            self._check(0)
            self._data.append(value)
        elif name == b"event":
            self._named = value not in {b"", b"message"}

    def _check(self, more: int) -> None:
        if self._size + more > self.longest:
            raise Malformed("too_large", f"an event is larger than {self.longest} bytes")
