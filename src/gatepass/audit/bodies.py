"""An entry as bytes, and back.

The body of an entry is one JSON object without spaces, its members sorted, those that are empty left out.
It is written once and stored as it is: what is hashed is these bytes, never a second rendering of them.
Numbers keep every digit that they came with (`49.50` stays `49.50`); instants are whole milliseconds.

Entries are written on every call, so what nearly all of them are is written at once: a `Struct` whose members stand in
the order of their names. Whatever that way could write otherwise (an empty text, a token, a number that is none, what
is too long) goes the careful way, which is the definition; a property holds the two to the same bytes.

Writing is total for every entry that the rooms can make. What a caller sends may be long or unspeakable, and
a refusal that could not be written down would be a refusal that nobody sees: so text that is too long is cut,
what is not text is replaced, and `abridged` names the members to which that happened. Whatever looks like one
of our tokens loses its secret here, whoever put it there.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import chain
from typing import Final

import msgspec

from gatepass import exact
from gatepass.access import Json, Reservation
from gatepass.audit.abridging import abridge
from gatepass.audit.entries import Entry
from gatepass.errors import Malformed, Unavailable

__all__ = ["LONGEST_BODY", "Labels", "labels_of", "members_of", "write_body"]

LONGEST_BODY: Final = 16 * 1024
"""Bytes. An entry that would be longer is abridged."""

_TOKEN: Final = re.compile(rb"gp_([a-z]{2,4})_([0-9A-Za-z]{10})(?:(?!gp_)[0-9A-Za-z])+")
"""One of our tokens, or its beginning: kind, public id, and what there is of the secret, up to the next token.
Tests hold it to the tokens that `credentials` issues; a core room does not import another."""
_MEMBERS: Final = Entry.__struct_fields__
_OPEN_ENDED: Final = frozenset({"because", "details", "faults", "properties"})
"""Members whose size somebody else decides."""
_ROUNDS: Final = ((256, 32, frozenset[str]()), (64, 8, frozenset[str]()), (64, 8, _OPEN_ENDED))
"""How an entry is abridged, more strictly each time: characters kept of a text, items of a collection, what goes."""


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The members by which an entry is found. They are read off its body, so that the two say the same."""

    at: int
    event: str
    decision: str | None = None
    outcome: str | None = None
    credential: str | None = None
    agent: str | None = None
    run: str | None = None
    subject: str | None = None


def _plain(value: object) -> object:
    """What msgspec does not know by itself: mappings that are no dictionaries."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError


_EMPTY: Final = b':""'
_ENCODER: Final = msgspec.json.Encoder(order="sorted", decimal_format="number", enc_hook=_plain)
_LABELS: Final = msgspec.json.Decoder(Labels)


def write_body(entry: Entry) -> tuple[bytes, Labels]:
    """The bytes of `entry`, at most `LONGEST_BODY`, and the labels that they carry.

    Raises `Malformed` (`too_large`) for what cannot be abridged to fit.
    """
    return _at_once(entry) or carefully(entry)


def carefully(entry: Entry) -> tuple[bytes, Labels]:
    """What `write_body` gives, whatever the entry is."""
    values = ((name, getattr(entry, name)) for name in _MEMBERS)
    members = {name: value for name, value in values if value or type(value) is int}
    written = _written(members)
    for characters, items, without in _ROUNDS:
        if written is not None:
            return written
        written = _written(abridge(members, characters, items, without=without))
    if written is None:
        raise Malformed("too_large", f"an entry of `{entry.event[:64]}` is too large for the journal")
    return written


def labels_of(body: bytes) -> Labels:
    """The labels of an entry. Raises `Unavailable` (`journal_damaged`) when the bytes are no entry."""
    try:
        return _LABELS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unavailable("journal_damaged", "an entry of the journal cannot be read") from None


def members_of(body: bytes) -> Mapping[str, Json]:
    """Everything that an entry says, exactly. Raises `Unavailable` (`journal_damaged`) when the bytes are no entry."""
    try:
        members = exact.read(body)
    except Malformed:
        members = None
    if not isinstance(members, Mapping):
        raise Unavailable("journal_damaged", "an entry of the journal cannot be read")
    return members


def _at_once(entry: Entry) -> tuple[bytes, Labels] | None:
    """The same, for an entry of which the encoder leaves nothing to be done; None for any other."""
    if not all(map(_is_plain, chain(entry.properties.values(), entry.details.values()))):
        return None
    drawn = entry.reservations
    try:
        said = entry.amended(reservations=tuple(map(_said, drawn))) if drawn else entry
        body = _ENCODER.encode(said)
    except (UnicodeEncodeError, NotImplementedError, RecursionError, TypeError, ValueError, msgspec.MsgspecError):
        return None
    # Looked for from the end: that way Python takes a third of the time.
    if len(body) > LONGEST_BODY or body.rfind(b"gp_") >= 0 or body.rfind(_EMPTY) >= 0:
        return None
    return body, Labels(
        entry.at,
        entry.event,
        entry.decision,
        None if entry.outcome is None else entry.outcome.value,
        entry.credential,
        entry.agent,
        entry.run,
        entry.subject,
    )


def _is_plain(value: Json) -> bool:
    """Whether the encoder says `value` as it is, with nothing in it to be looked at."""
    kind = type(value)
    return kind is str or (kind is Decimal and value.is_finite()) or kind is bool  # type: ignore[union-attr]


def _said(reservation: Reservation) -> msgspec.Raw:
    """A reservation as it is written. Remembered with it: most are the same objects on every call."""
    try:
        return reservation.written  # type: ignore[no-any-return]  # this module alone puts it there
    except AttributeError:
        written = msgspec.Raw(_ENCODER.encode(reservation))
        object.__setattr__(reservation, "written", written)
        return written


def _written(members: Mapping[str, object]) -> tuple[bytes, Labels] | None:
    """The bytes and labels, or None for what is too long, or what no JSON text can say: NaN, half a surrogate pair."""
    try:
        body = _ENCODER.encode(members)
        if b"gp_" in body:
            body = _TOKEN.sub(rb"gp_\1_\2[redacted]", body)
        return (body, _LABELS.decode(body)) if len(body) <= LONGEST_BODY else None
    except (UnicodeEncodeError, NotImplementedError, RecursionError, TypeError, ValueError, msgspec.MsgspecError):
        return None
