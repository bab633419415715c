"""A head that leaves the house comes back as it was, or not at all."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.access import Instant
from gatepass.audit import Checkpoint, Head, WriterId, checkpoint_text, read_checkpoint, signed
from gatepass.errors import Malformed

HEAD = Head(WriterId("wrt_4f9c"), 5123, bytes(range(32)))
PLAIN = Checkpoint(Instant(1_795_356_660_123), (HEAD,))
KEY = b"a key that only its holder has"


def sign(text: bytes) -> bytes:
    return hmac.digest(KEY, text, "sha256")


def holds(text: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(sign(text), signature)


def test_it_is_a_text_that_a_person_can_read() -> None:
    assert checkpoint_text(PLAIN) == (
        "gatepass journal head 1\n"
        "at 1795356660123\n"
        "head wrt_4f9c 5123 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    )


def test_a_signature_follows_after_an_empty_line_and_covers_all_before_it() -> None:
    note = signed(PLAIN, "gatepass.example", sign)
    before, _, after = checkpoint_text(note).partition("\n\n")
    assert before + "\n" == checkpoint_text(PLAIN)
    assert after.startswith("— gatepass.example ")
    assert note.signed_by("gatepass.example", holds)
    assert not note.signed_by("somebody.else", holds)
    assert not PLAIN.signed_by("gatepass.example", holds)


def test_a_signature_does_not_hold_for_another_head() -> None:
    note = signed(PLAIN, "gatepass.example", sign)
    other = checkpoint_text(note).replace("5123", "5122")
    assert not read_checkpoint(other).signed_by("gatepass.example", holds)


@given(
    at=st.integers(0, 10**15),
    heads=st.lists(st.tuples(st.integers(1, 10**18), st.binary(min_size=32, max_size=32)), min_size=1, max_size=4),
    names=st.lists(st.sampled_from(["a.example", "b"]), max_size=3),
)
def test_reading_is_the_inverse_of_writing(at: int, heads: list[tuple[int, bytes]], names: list[str]) -> None:
    note = Checkpoint(Instant(at), tuple(Head(WriterId(f"wrt_{seq}"), seq, hash_) for seq, hash_ in heads))
    for name in names:
        note = signed(note, name, lambda text: hashlib.sha256(text).digest())
    assert read_checkpoint(checkpoint_text(note)) == note


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gatepass journal head 2\nat 1\nhead wrt_a 1 " + "0" * 64 + "\n",
        "gatepass journal head 1\nat 1\n",
        "gatepass journal head 1\nat 01\nhead wrt_a 1 " + "0" * 64 + "\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 0 " + "0" * 64 + "\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 1 " + "A" * 64 + "\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 1 " + "0" * 64,
        "gatepass journal head 1\r\nat 1\r\nhead wrt_a 1 " + "0" * 64 + "\r\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 1 " + "0" * 64 + "\n\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 1 " + "0" * 64 + "\n\n— a b=\n",
        "gatepass journal head 1\nat 1\nhead wrt_a 1 " + "0" * 64 + "\n\n— a AAB=\n",
        "gatepass journal head 1\nat \u0661\nhead wrt_a 1 " + "0" * 64 + "\n",
        "gatepass journal head 1\nat 1\n" + ("head wrt_a 1 " + "0" * 64 + "\n") * 1025,
    ],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_checkpoint(text)
    assert caught.value.code == "malformed_head"
    assert str(caught.value) == "not a journal head as `gatepass journal head` prints it"


def test_a_head_that_never_ends_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed) as caught:
        read_checkpoint("head " * 10**6)
    assert caught.value.code == "too_large"
