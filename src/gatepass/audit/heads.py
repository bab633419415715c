"""Heads that leave the house: a short text, which a signature can follow.

    gatepass journal head 1
    at 1795356660123
    head wrt_4f9c… 5123 6f3a…

    — gatepass.example AbCd…

The shape is that of a signed note (C2SP signed-note): the text, an empty line, one line for each signature. It has
one `head` line for each writer whose chain no other chain ties down; the embedded store has one writer at a time, and
so one line. Kept anywhere that the journal's owner cannot reach, it shows later that nothing up to there was
changed or cut off. Who signs, with what, is the caller's matter: signing and checking are passed in.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepass.access import Instant
from gatepass.audit.chain import Head, WriterId
from gatepass.errors import Malformed

__all__ = ["Checkpoint", "Signature", "checkpoint_text", "read_checkpoint", "signed"]

_TITLE: Final = "gatepass journal head 1"
_MOST_HEADS: Final = 1024
_MOST_SIGNATURES: Final = 16
_LONGEST: Final = 256 * 1024
_AT: Final = re.compile(r"at (0|[1-9][0-9]{0,15})", re.ASCII)
_HEAD: Final = re.compile(r"head (wrt_[0-9A-Za-z]{1,64}) ([1-9][0-9]{0,18}) ([0-9a-f]{64})", re.ASCII)
_SIGNATURE: Final = re.compile(r"— ([^\s+]{1,256}) ([0-9A-Za-z+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line. `signed` says nothing about whether it holds: `name` only claims whose it is."""

    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The heads of a journal at an instant, and the signatures that came with them."""

    at: Instant
    heads: tuple[Head, ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def text(self) -> str:
        """What is signed: everything before the empty line."""
        heads = "".join(f"head {head.writer} {head.seq} {head.hash.hex()}\n" for head in self.heads)
        return f"{_TITLE}\nat {self.at}\n{heads}"

    def signed_by(self, name: str, holds: Callable[[bytes, bytes], bool]) -> bool:
        """Whether a signature in `name` is there for which `holds(text, signature)`."""
        text = self.text.encode()
        return any(signature.name == name and holds(text, signature.value) for signature in self.signatures)


def signed(checkpoint: Checkpoint, name: str, sign: Callable[[bytes], bytes]) -> Checkpoint:
    """The checkpoint with one more signature. `name` is that of the key, without spaces or plus signs."""
    signature = Signature(name, sign(checkpoint.text.encode()))
    return Checkpoint(checkpoint.at, checkpoint.heads, (*checkpoint.signatures, signature))


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The whole text, to be kept or sent."""
    if not checkpoint.signatures:
        return checkpoint.text
    lines = "".join(f"— {one.name} {base64.b64encode(one.value).decode()}\n" for one in checkpoint.signatures)
    return f"{checkpoint.text}\n{lines}"


def read_checkpoint(text: str) -> Checkpoint:
    """The inverse of `checkpoint_text`, for its own spelling and no other. Raises `Malformed` (`malformed_head`)."""
    if len(text) > _LONGEST:
        raise Malformed("too_large", f"a head has at most {_LONGEST} characters")
    stated, _, notes = text.partition("\n\n")
    lines = stated.removesuffix("\n").split("\n")
    at = _AT.fullmatch(lines[1]) if len(lines) > 1 else None
    heads = [_HEAD.fullmatch(line) for line in lines[2:]]
    if lines[0] != _TITLE or at is None or not 0 < len(heads) <= _MOST_HEADS or not all(heads):
        raise _malformed()
    checkpoint = Checkpoint(
        Instant(int(at[1])),
        tuple(Head(WriterId(head[1]), int(head[2]), bytes.fromhex(head[3])) for head in heads if head),
        tuple(_signature(line) for line in notes.removesuffix("\n").split("\n")) if notes else (),
    )
    if checkpoint_text(checkpoint) != text or len(checkpoint.signatures) > _MOST_SIGNATURES:
        raise _malformed()
    return checkpoint


def _signature(line: str) -> Signature:
    match = _SIGNATURE.fullmatch(line)
    if match is None:
        raise _malformed()
    try:
        return Signature(match[1], base64.b64decode(match[2], validate=True))
    except binascii.Error:
        raise _malformed() from None


def _malformed() -> Malformed:
    return Malformed("malformed_head", "not a journal head as `gatepass journal head` prints it")
