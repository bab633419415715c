"""A path's segments, trap by trap: what could be read in two ways is refused, and says why to the letter."""

import pytest

from gatepass.errors import Malformed
from gatepass.gateway.operations.segments import read_segments

ODD = "the path holds a character that has to be percent-encoded, or a malformed or lower-case escape"
TRAPS = {
    b"orders%2fadmin": ODD,
    b"caf%c3%a9": ODD,
    b"a%3ab": ODD,
    b"a%2": ODD,
    b"a%zz": ODD,
    b"a b": ODD,
    b"a;b": ODD,
    b"a\\b": ODD,
    b"a+b": ODD,
    b"orders%2Fadmin": "the path holds an encoded `/`, `\\` or `;`",
    b"orders%5Cadmin": "the path holds an encoded `/`, `\\` or `;`",
    b"a%3Bb": "the path holds an encoded `/`, `\\` or `;`",
    b"%41": "the path percent-encodes a character that needs none",
    b"%2E%2E": "the path percent-encodes a character that needs none",
    b"a%7E": "the path percent-encodes a character that needs none",
    b"a//b": "the path has an empty segment",
    b"a/../b": "the path has a dot segment",
    b"a/.": "the path has a dot segment",
    b"a%252Fb": "the path is percent-encoded twice",
    b"a%00": "the path holds a control character",
    b"a%C2%85": "the path holds a control character",
    b"a%FF": "the path is not UTF-8 once decoded",
    b"a%C0%AE": "the path is not UTF-8 once decoded",
    b"a%ED%A0%80": "the path is not UTF-8 once decoded",
    b"x" * 1025: "the path has a segment longer than 1024 characters",
    b"/".join([b"x"] * 65): "the path has more than 64 segments",
    b"x" * 8193: "the path is longer than 8192 bytes",
}


@pytest.mark.parametrize(("raw", "said"), TRAPS.items(), ids=[repr(raw[:24]) for raw in TRAPS])
def test_a_trap_is_refused_and_named(raw: bytes, said: str) -> None:
    with pytest.raises(Malformed) as refused:
        read_segments(raw)
    assert refused.value.code == "malformed_request"
    assert refused.value.message == said


@pytest.mark.parametrize(
    ("raw", "segments"),
    [
        (b"orders/order-12345", ("orders", "order-12345")),
        (b"kv/agents:jobs:17:state", ("kv", "agents:jobs:17:state")),
        (b"caf%C3%A9", ("café",)),
        (b"a%20b/c%25d", ("a b", "c%d")),
        (b"a.b/..c", ("a.b", "..c")),
    ],
)
def test_what_can_be_read_in_one_way_is_read_once(raw: bytes, segments: tuple[str, ...]) -> None:
    assert read_segments(raw) == segments
