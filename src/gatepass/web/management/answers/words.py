"""How answers are written: exact JSON, instants as RFC 3339 in UTC to the millisecond."""

from collections.abc import Mapping
from typing import Final, overload

import msgspec

from gatepass.access import Instant
from gatepass.units import instant_text

__all__ = ["encode", "instant"]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number", enc_hook=_plain)


def encode(shown: object) -> bytes:
    """The bytes of an answer."""
    return _ENCODER.encode(shown)


@overload
def instant(at: Instant) -> str: ...
@overload
def instant(at: None) -> None: ...
@overload
def instant(at: Instant | None) -> str | None: ...
def instant(at: Instant | None) -> str | None:
    """`2026-11-22T18:04:05.123Z`."""
    if at is None:
        return None
    return instant_text(at)
