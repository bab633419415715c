"""Requests that are sent twice and done once: the `Idempotency-Key` of everything that creates.

A key belongs to the credential that sent it. The same credential, key and request get the same answer again; the same
key with another request is refused, and so is one whose first request is still under way. Only answers that changed
something are remembered: after a failure nothing was done, and the repeat does it. Memory only, so many and for a day:
a token's text is never on a disk, and what is forgotten does no harm, because names are taken once.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import CredentialId, Instant
from gatepass.errors import Conflict, Malformed

__all__ = ["Kept", "Repeats", "fingerprint", "read_key"]

KEPT: Final = 24 * 3_600_000
"""Milliseconds."""
MOST_EACH: Final = 128
"""Answers remembered for one credential; one more forgets its oldest."""
MOST_BYTES: Final = 16 << 20
"""Of all remembered answers together; more forget the oldest of them."""

_KEY: Final = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,128})"|([A-Za-z0-9._:~-]{1,128})', re.ASCII)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to be given again. It may hold a token's text, so it does not print."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)
    lines: AsyncIterator[bytes] | None = None
    """In the place of the body, for an answer without end, which nobody can give again."""


@dataclass(slots=True)
class _Row:
    asked: bytes
    at: Instant
    answer: Kept | None = None


@dataclass(slots=True)
class Repeats:
    """What was answered to which key."""

    clock: Callable[[], Instant]
    _rows: dict[tuple[CredentialId, str], _Row] = field(default_factory=dict, repr=False)

    @asynccontextmanager
    async def once(self, credential: CredentialId, key: str, asked: bytes) -> AsyncIterator["Attempt"]:
        """A request that is done in the block unless `Attempt.answer` says what came of it before.

        Raises `Malformed` (`idempotency_key_reused`) or `Conflict` (`idempotency_key_in_use`).
        """
        self._forget()
        place = (credential, key)
        row = self._rows.get(place)
        if row is not None:
            if row.asked != asked:
                raise Malformed("idempotency_key_reused", "the `Idempotency-Key` was sent with another request before")
            if row.answer is None:
                raise Conflict("idempotency_key_in_use", "the request with this `Idempotency-Key` is under way")
            yield Attempt(row.answer)
            return
        self._rows[place] = row = _Row(asked, self.clock())
        attempt = Attempt(None)
        try:
            yield attempt
        finally:
            row.answer = attempt.answer
            if row.answer is None:
                self._rows.pop(place, None)
            else:
                self._make_room(credential)

    def _forget(self) -> None:
        """Let go of what is older than a day. Rows stand in the order in which they came."""
        oldest = self.clock() - KEPT
        while self._rows:
            place = next(iter(self._rows))
            if self._rows[place].at > oldest or self._rows[place].answer is None:
                return
            del self._rows[place]

    def _make_room(self, credential: CredentialId) -> None:
        own = [place for place, row in self._rows.items() if place[0] == credential and row.answer is not None]
        for place in own[: max(len(own) - MOST_EACH, 0)]:
            del self._rows[place]
        size = sum(len(row.answer.body) for row in self._rows.values() if row.answer is not None)
        for place in [place for place, row in self._rows.items() if row.answer is not None]:
            if size <= MOST_BYTES:
                return
            gone = self._rows.pop(place)
            size -= len(gone.answer.body) if gone.answer else 0


@dataclass(slots=True)
class Attempt:
    """One go at a request: what was answered before, or, once it is set, what is to be answered again."""

    answer: Kept | None


def read_key(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The one key that was sent, a string in quotes or plain. Raises `Malformed` for what is none."""
    values = [value.decode("latin-1").strip(" \t") for name, value in headers if name == b"idempotency-key"]
    if not values:
        return None
    found = _KEY.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        hint = "Send a fresh UUID with each new request, in quotes."
        raise Malformed("malformed_request", "`Idempotency-Key`: expected one key of 1 to 128 characters", hint=hint)
    return found[1] or found[2]


def fingerprint(method: str, path: bytes, body: bytes) -> bytes:
    """What makes two requests the same one."""
    return hashlib.sha256(b"\0".join((method.encode(), path, hashlib.sha256(body).digest()))).digest()
