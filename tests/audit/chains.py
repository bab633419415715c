"""A small genuine journal to damage."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gatepass.access import CredentialId, DecisionId, Instant, Outcome
from gatepass.audit import (
    OPENED,
    ORIGIN,
    Entry,
    Fault,
    Head,
    Report,
    Row,
    Verifier,
    WriterId,
    labels_of,
    link,
    write_body,
)

WRITER = WriterId("wrt_first")


def body(number: int) -> bytes:
    entry = Entry(
        at=Instant(1_795_000_000_000 + number),
        event="call.decided",
        decision=DecisionId(f"dec_{number}"),
        outcome=Outcome.PERMIT,
        credential=CredentialId(f"crd_{number % 3}"),
    )
    return write_body(entry)[0]


def opening(number: int) -> bytes:
    return write_body(Entry(at=Instant(number), event=OPENED))[0]


def chained(bodies: Sequence[bytes], *, seq: int = 1, prev: bytes = ORIGIN, writer: WriterId = WRITER) -> list[Row]:
    rows = []
    for number, said in enumerate(bodies, seq):
        rows.append(Row(number, writer, prev, link(writer, number, prev, said), said))
        prev = rows[-1].hash
    return rows


def genuine(count: int = 40) -> list[Row]:
    return chained([opening(1), *(body(number) for number in range(2, count + 1))])


def continued(rows: list[Row], count: int, writer: WriterId) -> list[Row]:
    """The journal after another process wrote `count` entries."""
    seq = rows[-1].seq + 1
    bodies = [opening(seq), *(body(number) for number in range(seq + 1, seq + count))]
    return rows + chained(bodies, seq=seq, prev=rows[-1].hash, writer=writer)


def labelled(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    return [(*row, *msgspec.structs.astuple(labels_of(row.body))) for row in rows]


def check(rows: Sequence[Row], saved: Sequence[Head] = ()) -> Report:
    verifier = Verifier(saved)
    verifier.see(rows)
    return verifier.finish()


def head(row: Row) -> Head:
    return Head(row.writer, row.seq, row.hash)


def said(report: Report) -> list[str]:
    return [str(fault) for fault in report.faults]


def named(report: Report) -> list[tuple[str, int, int]]:
    return [_name(fault) for fault in report.faults]


def _name(fault: Fault) -> tuple[str, int, int]:
    return fault.kind.value, fault.first, fault.last
