"""A sealed record opens as exactly what it was sealed as, or not at all."""

from dataclasses import fields, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.errors import Error, Malformed, Unavailable
from gatepass.keys import Keyring, SealedSecret, Sealer
from gatepass.keys.sealing import LEAST_SECRET_BYTES, MOST_SECRET_BYTES
from gatepass.keys.unsealing import unseal

AT = Instant(1_763_820_000_000)


ORDERS = UpstreamId("ups_orders")
ORIGIN = "https://api.orders.example:443"
KEYRING = Keyring.create(AT, Numbered(b"first"))
plaintexts = st.binary(min_size=LEAST_SECRET_BYTES, max_size=200)


def seal(plaintext: bytes, *, keyring: Keyring = KEYRING) -> SealedSecret:
    sealer = Sealer(lambda: keyring, Numbered(b"seal"))
    return sealer.seal(
        plaintext, id=SecretId("sec_1"), name="orders-key", upstream=ORDERS, origin=ORIGIN, version=1, at=AT
    )


def with_member(sealed: SealedSecret, member: str, value: Any) -> SealedSecret:
    return replace(sealed, **{member: value})


@given(plaintexts)
def test_what_was_sealed_opens_as_it_was(plaintext: bytes) -> None:
    assert unseal(KEYRING, seal(plaintext)) == plaintext


@given(plaintexts)
def test_a_sealed_record_shows_nothing_of_the_plaintext(plaintext: bytes) -> None:
    sealed = seal(plaintext)
    stored = repr(sealed).encode() + sealed.wrapped + sealed.nonce + sealed.ciphertext
    assert plaintext not in stored


@settings(max_examples=300)
@given(st.sampled_from(["wrapped", "nonce", "ciphertext"]), st.integers(0, 10_000), st.integers(1, 255))
def test_any_byte_changed_is_a_refusal(member: str, place: int, change: int) -> None:
    sealed = seal(b"sk_live_0123456789")
    changed = bytearray(getattr(sealed, member))
    changed[place % len(changed)] ^= change
    with pytest.raises(Unavailable) as refused:
        unseal(KEYRING, with_member(sealed, member, bytes(changed)))
    assert refused.value.code == "secret_unreadable"
    assert refused.value.message == "a sealed secret does not open: its record was changed or moved"


def test_every_single_byte_of_the_record_is_authenticated() -> None:
    sealed = seal(b"sk_live_0123456789")
    for member in ("wrapped", "nonce", "ciphertext"):
        whole = getattr(sealed, member)
        for place in range(len(whole)):
            changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            with pytest.raises(Unavailable):
                unseal(KEYRING, with_member(sealed, member, changed))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("id", "sec_2"),
        ("upstream", "ups_evil"),
        ("origin", "https://evil.example:443"),
        ("origin", "http://api.orders.example:443"),
        ("version", 2),
        ("version", 0),
    ],
)
def test_a_record_moved_to_another_row_upstream_origin_or_version_does_not_open(member: str, value: object) -> None:
    with pytest.raises(Unavailable) as refused:
        unseal(KEYRING, with_member(seal(b"sk_live_0123456789"), member, value))
    assert refused.value.code == "secret_unreadable"


def test_only_the_name_and_the_time_are_not_authenticated() -> None:
    """Renaming is allowed; whoever adds a member decides here whether it is bound."""
    unbound = {"name", "created"}
    bound = {"id", "upstream", "origin", "version", "key_id", "wrapped", "nonce", "ciphertext"}
    assert {field.name for field in fields(SealedSecret)} == unbound | bound
    renamed = replace(seal(b"sk_live_0123456789"), name="another", created=Instant(1))
    assert unseal(KEYRING, renamed) == b"sk_live_0123456789"


def test_a_data_key_cannot_be_lent_to_another_record() -> None:
    one = Sealer(lambda: KEYRING, Numbered(b"one")).seal(
        b"secret of one", id=SecretId("sec_1"), name="one", upstream=ORDERS, origin=ORIGIN, version=1, at=AT
    )
    two = Sealer(lambda: KEYRING, Numbered(b"two")).seal(
        b"secret of two", id=SecretId("sec_2"), name="two", upstream=ORDERS, origin=ORIGIN, version=1, at=AT
    )
    for mixed in (
        replace(one, wrapped=two.wrapped),
        replace(one, ciphertext=two.ciphertext, nonce=two.nonce),
        replace(one, wrapped=two.wrapped, ciphertext=two.ciphertext, nonce=two.nonce),
    ):
        with pytest.raises(Unavailable):
            unseal(KEYRING, mixed)


def test_fields_cannot_be_slid_into_one_another() -> None:
    """`ab` + `c` and `a` + `bc` must not be bound to the same bytes."""
    sealed = seal(b"sk_live_0123456789")
    slid = replace(sealed, id=SecretId(sealed.id + "u"), upstream=UpstreamId(sealed.upstream[1:]))
    assert slid.id + slid.upstream == sealed.id + sealed.upstream
    assert slid.bound() != sealed.bound()


@given(st.binary(max_size=80), st.binary(max_size=20), st.binary(max_size=80))
def test_whatever_a_row_holds_the_answer_is_one_refusal(wrapped: bytes, nonce: bytes, ciphertext: bytes) -> None:
    with pytest.raises(Error) as refused:
        unseal(KEYRING, replace(seal(b"12345678"), wrapped=wrapped, nonce=nonce, ciphertext=ciphertext))
    assert refused.value.code == "secret_unreadable"


def test_another_keyring_does_not_open_it() -> None:
    other = Keyring.create(AT, Numbered(b"other"))
    with pytest.raises(Unavailable) as refused:
        unseal(other, seal(b"sk_live_0123456789"))
    assert refused.value.message == "the key that a secret was sealed under is not in the key file"
    with pytest.raises(Unavailable):
        unseal(other, replace(seal(b"sk_live_0123456789"), key_id=other.current.id))


def test_equal_secrets_look_nothing_alike() -> None:
    sealer = Sealer(lambda: KEYRING, Numbered(b"twice"))
    one, two = (
        sealer.seal(b"same secret", id=SecretId("sec_1"), name="n", upstream=ORDERS, origin=ORIGIN, version=1, at=AT)
        for _ in range(2)
    )
    assert one.ciphertext != two.ciphertext
    assert one.wrapped != two.wrapped
    assert one.nonce != two.nonce


def test_the_data_key_is_drawn_anew_and_only_the_wrap_holds_it() -> None:
    drawn: list[bytes] = []

    def entropy(size: int) -> bytes:
        drawn.append(Numbered(b"%d" % len(drawn))(size))
        return drawn[-1]

    sealed = Sealer(lambda: KEYRING, entropy).seal(
        b"sk_live_0123456789", id=SecretId("sec_1"), name="n", upstream=ORDERS, origin=ORIGIN, version=1, at=AT
    )
    data_key, nonce, wrap_nonce = drawn
    assert [len(each) for each in drawn] == [32, 12, 12]
    assert AESGCM(data_key).decrypt(nonce, sealed.ciphertext, sealed.bound()) == b"sk_live_0123456789"
    assert (sealed.nonce, sealed.wrapped[:12]) == (nonce, wrap_nonce)
    assert data_key not in sealed.wrapped + sealed.ciphertext


def test_too_short_and_too_long_are_refused() -> None:
    with pytest.raises(Malformed) as short:
        seal(b"1234567")
    assert short.value.message == "a secret has at least 8 bytes"
    with pytest.raises(Malformed) as long:
        seal(b"x" * (MOST_SECRET_BYTES + 1))
    assert long.value.code == "too_large"
    assert unseal(KEYRING, seal(b"x" * MOST_SECRET_BYTES)) == b"x" * MOST_SECRET_BYTES


class TestRotation:
    def test_old_records_open_while_new_ones_use_the_new_key(self) -> None:
        old = seal(b"from before")
        rotated = KEYRING.rotate(Instant(AT + 1), Numbered(b"second"))
        new = seal(b"from afterwards", keyring=rotated)
        assert unseal(rotated, old) == b"from before"
        assert unseal(rotated, new) == b"from afterwards"
        assert old.key_id != new.key_id == rotated.current.id
        with pytest.raises(Unavailable):
            unseal(KEYRING, new)

    @given(plaintexts, st.integers(1, 5))
    def test_rewrapping_touches_the_wrap_and_nothing_else(self, plaintext: bytes, rotations: int) -> None:
        sealed, keyring = seal(plaintext), KEYRING
        for number in range(rotations):
            keyring = keyring.rotate(Instant(AT + number), Numbered(b"rotation %d" % number))
            sealer = Sealer(lambda ring=keyring: ring, Numbered(b"rewrap %d" % number))  # type: ignore[misc]
            before = sealed
            assert not sealer.current(before)
            sealed = sealer.rewrap(before)
            assert sealer.current(sealed)
            assert replace(sealed, key_id=before.key_id, wrapped=before.wrapped) == before
            assert sealed.wrapped != before.wrapped
            assert unseal(keyring, sealed) == plaintext
            assert unseal(keyring, before) == plaintext

    def test_after_a_rewrap_the_retired_key_can_go(self) -> None:
        sealed = seal(b"sk_live_0123456789")
        rotated = KEYRING.rotate(AT, Numbered(b"second"))
        rewrapped = Sealer(lambda: rotated, Numbered(b"rewrap")).rewrap(sealed)
        alone = rotated.without(KEYRING.current.id)
        assert unseal(alone, rewrapped) == b"sk_live_0123456789"
        with pytest.raises(Unavailable):
            unseal(alone, sealed)

    def test_a_tampered_record_is_not_laundered_by_a_rewrap(self) -> None:
        rotated = KEYRING.rotate(AT, Numbered(b"second"))
        moved = replace(seal(b"sk_live_0123456789"), origin="https://evil.example:443")
        with pytest.raises(Unavailable):
            Sealer(lambda: rotated, Numbered(b"rewrap")).rewrap(moved)

    def test_a_wrap_cannot_be_claimed_to_be_under_another_key(self) -> None:
        rotated = KEYRING.rotate(AT, Numbered(b"second"))
        with pytest.raises(Unavailable):
            unseal(rotated, replace(seal(b"sk_live_0123456789"), key_id=rotated.current.id))


def test_a_source_of_randomness_that_runs_dry_stops_the_sealing() -> None:
    with pytest.raises(ValueError, match="another number of bytes"):
        Sealer(lambda: KEYRING, lambda size: b"\0" * (size - 1)).seal(
            b"sk_live_0123456789", id=SecretId("sec_1"), name="n", upstream=ORDERS, origin=ORIGIN, version=1, at=AT
        )
