"""Follows the chain: every row's own hash, every row's tie to the one before, every kept head.

Rows come in the order of their numbers. What is held in memory does not grow with the journal: a cursor, and a
bounded number of rows that do not fit where they stand. Nothing that a row holds makes this raise.

Without a head that somebody kept outside, nobody can tell a journal that was cut off from one that ended, nor one
that was written anew from its first entry from a genuine one.
"""

from binascii import hexlify
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec

from gatepass.audit.bodies import labels_of
from gatepass.audit.chain import ORIGIN, TAG, Head, Row, WriterId, link
from gatepass.audit.entries import OPENED
from gatepass.audit.verify.faults import FaultKind, Faults, Report
from gatepass.audit.verify.strays import WINDOW, Strays
from gatepass.errors import Unavailable

__all__ = ["Verifier"]

_HIGHEST: Final = 2**63
_HASH_LENGTH: Final = 32
_UNLABELLED: Final = len(Row._fields)
_astuple: Final = msgspec.structs.astuple


class Verifier:
    """Feed it rows with `see`, in order; `finish` says what was found.

    `saved` are heads that somebody kept. A row that is indexed is followed by the labels that it is indexed
    under, in the order of `Labels`; one from an export is not.
    """

    def __init__(self, saved: Sequence[Head] = ()) -> None:
        self._saved = sorted(saved, key=lambda head: head.seq)
        self._faults = Faults()
        self._strays = Strays(self._faults)
        self._count = 0
        self._seq = 0
        self._last: bytes | None = ORIGIN
        """The hash that the next row has to follow on; None when it is not known."""
        self._writer: str | None = None
        self._ends: dict[str, int] = {head.writer: 0 for head in saved}
        """How far the chains of the kept heads' writers go."""
        self._loose: int | None = None
        """The row just before, when it holds but does not follow on the one before it."""
        self._after_stray = False
        self._calm = True
        """Whether the row before raises no question about this one."""

    def see(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Look at the next rows: each a `Row`, or the members of one followed by its labels."""
        recent, prefix = self._strays.recent, b""
        for row in rows:
            seq, writer, prev, hash_, body = row[:5]
            if writer != self._writer or not prefix:
                prefix = TAG + str(writer).encode("utf-8", "replace")
            if (
                prev == self._last
                and writer == self._writer
                and seq == self._seq + 1
                and self._calm
                and type(body) is bytes
                and sha256(b"%b\n%d\n%b\n%b" % (prefix, seq, hexlify(prev), body)).digest() == hash_
            ):
                self._seq, self._last = seq, hash_
                recent[seq % WINDOW] = hash_
            else:
                self._odd(Row(*row[:5]))
                self._calm = self._loose is None and not self._after_stray
            self._count += 1
            if len(row) > _UNLABELLED and not self._labelled(body, row[_UNLABELLED:]):
                self._faults.add(FaultKind.MISLABELLED, seq)
            if self._saved and isinstance(seq, int) and seq >= self._saved[0].seq:
                self._check_head(Row(*row[:5]))

    def finish(self) -> Report:
        """Say what was found. The verifier is spent afterwards."""
        self._settle_loose(followed=True)
        self._strays.settle(self._seq)
        for kept in self._saved:
            self._faults.add(FaultKind.CUT_OFF, (self._end(kept.writer) or self._seq) + 1, kept.seq)
        head = Head(WriterId(self._writer), self._seq, self._last) if self._writer and self._last else None
        return Report(self._count, head, self._faults.in_order(), self._faults.unnamed)

    def _odd(self, row: Row) -> None:
        """A row that is not simply the next one."""
        if not _readable(row):
            seq = row.seq if type(row.seq) is int and row.seq > self._seq else self._seq + 1
            self._faults.add(FaultKind.CHANGED, seq)
            self._pass(row._replace(seq=seq), None, stray=True)
            return
        if row.seq <= self._seq:
            self._faults.add(FaultKind.MOVED, row.seq, place=self._seq + 1)
            return
        if row.seq > self._seq + 1:
            self._faults.add(FaultKind.MISSING, self._seq + 1, row.seq - 1)
            self._settle_loose(followed=True)
            self._last = None
        linked = self._last is None or row.prev == self._last
        if link(row.writer, row.seq, row.prev, row.body) != row.hash:
            self._settle_loose(followed=linked)
            self._strays.add(row, linked=linked)
            self._pass(row, row.hash, stray=True)
        elif row.writer != self._writer and self._last is not None and not self._after_stray and not _opens(row):
            self._settle_loose(followed=linked)
            self._faults.add(FaultKind.FOREIGN, row.seq)
            self._pass(row, row.hash, stray=True)
        else:
            self._hold(row, linked=linked)

    def _hold(self, row: Row, *, linked: bool) -> None:
        """A row that holds by itself. Where it does not follow on the one before, one of the two is not genuine."""
        first = self._loose is None and not self._after_stray
        self._settle_loose(followed=linked)
        if not linked and first:
            self._loose = row.seq
        if linked and self._after_stray:
            self._strays.grown_on(row.seq - 1)
        if self._writer in self._ends and row.writer != self._writer:
            self._ends[self._writer] = self._seq
        self._writer = row.writer
        self._pass(row, row.hash, stray=False)

    def _pass(self, row: Row, hash_: bytes | None, *, stray: bool) -> None:
        self._seq, self._last, self._after_stray = row.seq, hash_, stray
        self._strays.recent[row.seq % WINDOW] = None if stray else hash_

    def _settle_loose(self, *, followed: bool) -> None:
        """Now that the next row is here: if it follows on the loose one, the row before that was written anew."""
        if self._loose is not None:
            if followed and self._loose > 1:
                self._faults.add(FaultKind.CHANGED, self._loose - 1)
            else:
                self._faults.add(FaultKind.FOREIGN, self._loose)
            self._loose = None

    def _labelled(self, body: bytes, labels: tuple[object, ...]) -> bool:
        """Whether the row is indexed under what it says; one that is out of place is named for that."""
        try:
            return self._after_stray or _astuple(labels_of(body)) == labels
        except Unavailable:
            return False

    def _check_head(self, row: Row) -> None:
        """Compare the heads kept up to this row. A row that is out of place is named anyway, and so is a gap."""
        while self._saved and self._saved[0].seq <= row.seq:
            head = self._saved.pop(0)
            if head.seq < row.seq or self._after_stray or (head.writer, head.hash) == (row.writer, row.hash):
                continue
            if head.writer == row.writer:
                self._faults.add(FaultKind.CHANGED, head.seq)
            else:
                self._faults.add(FaultKind.CUT_OFF, (self._end(head.writer) or head.seq - 1) + 1, head.seq)

    def _end(self, writer: str) -> int:
        """The last entry of a kept head's writer so far, or 0."""
        return self._seq if writer == self._writer else self._ends[writer]


def _readable(row: Row) -> bool:
    """Whether the row has the types that it was written with."""
    seq, writer, *rest = tuple[object, ...](row)
    if type(seq) is not int or not 0 < seq < _HIGHEST or not isinstance(writer, str):
        return False
    return all(isinstance(part, bytes) for part in rest) and len(row.prev) == len(row.hash) == _HASH_LENGTH


def _opens(row: Row) -> bool:
    try:
        return labels_of(row.body).event == OPENED
    except Unavailable:
        return False
