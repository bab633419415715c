"""Digests tell equal arguments to whoever holds the keyring, and nothing to anybody else."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant
from gatepass.keys import Digests, Keyring, LiveKeyring

KEYRING = Keyring.create(Instant(0), Numbered(b"digests"))
ROTATED = KEYRING.rotate(Instant(1), Numbered(b"rotated"))
ALONE = ROTATED.without(KEYRING.current.id)
OTHER = Keyring.create(Instant(0), Numbered(b"other"))


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_equal_arguments_and_only_they_have_equal_digests(one: bytes, other: bytes) -> None:
    digests = Digests(lambda: KEYRING)
    assert (digests.digest(one) == digests.digest(other)) == (one == other)
    assert digests.verify(digests.digest(one), other) == (one == other)


def test_a_digest_is_keyed_and_says_with_what() -> None:
    made = Digests(lambda: KEYRING).digest(b'{"amount":50}')
    key_id, _, digest = made.partition(":")
    assert key_id == KEYRING.current.id
    assert len(digest) == 64
    assert digest != hashlib.sha256(b'{"amount":50}').hexdigest()
    assert made != Digests(lambda: OTHER).digest(b'{"amount":50}')


def test_after_a_rotation_old_digests_verify_until_the_key_is_dropped() -> None:
    old = Digests(lambda: KEYRING).digest(b"arguments")
    digests = Digests(lambda: ROTATED)
    assert digests.digest(b"arguments") != old
    assert digests.verify(old, b"arguments")
    assert not digests.verify(old, b"Arguments")
    assert not Digests(lambda: ALONE).verify(old, b"arguments")


def test_a_rotation_takes_effect_at_once() -> None:
    live = LiveKeyring(KEYRING, lambda _: None)
    digests = Digests(live)
    before = digests.digest(b"arguments")
    live.rotate(Instant(1), Numbered(b"live"))
    after = digests.digest(b"arguments")
    assert before.split(":")[0] == KEYRING.current.id
    assert after.split(":")[0] == live().current.id != KEYRING.current.id
    assert digests.verify(before, b"arguments")
    assert digests.verify(after, b"arguments")


@given(st.text(max_size=100))
def test_verifying_never_raises(text: str) -> None:
    digests = Digests(lambda: KEYRING)
    assert not digests.verify(text, b"arguments")
    assert not digests.verify(f"{KEYRING.current.id}:{text}", b"arguments")
