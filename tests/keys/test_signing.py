"""ES256, held to the published vectors and to the bytes on the wire."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.keys.randomness import Numbered

from gatepass.errors import Malformed
from gatepass.keys import SigningKey, VerifyingKey

KEY = SigningKey(Numbered(b"signing")(32))


def test_rfc_7515_a3_verifies() -> None:
    """The signature of RFC 7515, appendix A.3, with its public key."""
    public = VerifyingKey.from_jwk(
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    )
    message = (
        b"eyJhbGciOiJFUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = base64.urlsafe_b64decode(
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q=="
    )
    assert public.verify(signature, message)
    assert not public.verify(signature, message.replace(b"J", b"K", 1))


@given(st.binary(max_size=300))
def test_what_was_signed_verifies_and_is_the_same_each_time(message: bytes) -> None:
    signature = KEY.sign(message)
    assert len(signature) == 64
    assert KEY.public.verify(signature, message)
    assert KEY.sign(message) == signature
    assert not KEY.public.verify(signature, message + b"\0")


@settings(max_examples=200)
@given(st.integers(0, 63), st.integers(1, 255))
def test_any_byte_of_a_signature_counts(place: int, change: int) -> None:
    signature = bytearray(KEY.sign(b"head"))
    signature[place] ^= change
    assert not KEY.public.verify(bytes(signature), b"head")


@given(st.binary(max_size=80))
def test_verifying_never_raises(signature: bytes) -> None:
    assert not KEY.public.verify(signature, b"head")


@pytest.mark.parametrize(
    "signature",
    [bytes(64), b"\xff" * 64, bytes(31) + b"\1" + bytes(32), bytes(63) + b"\1", b"", KEY.sign(b"head") + b"\0"],
)
def test_signatures_out_of_range_are_refused(signature: bytes) -> None:
    assert not KEY.public.verify(signature, b"head")


def test_another_key_does_not_verify() -> None:
    other = SigningKey(Numbered(b"other")(32))
    assert other.public.id != KEY.public.id
    assert not other.public.verify(KEY.sign(b"head"), b"head")


def test_the_seed_decides_the_key() -> None:
    seed = Numbered(b"signing")(32)
    assert SigningKey(seed).public.id == KEY.public.id
    for size in (0, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            SigningKey(bytes(size))
    assert SigningKey(bytes(32)).public.id != SigningKey(b"\xff" * 32).public.id


def test_the_order_is_that_of_the_curve() -> None:
    """The order is no private key; the number before it is the last one."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    assert ec.derive_private_key(order - 1, ec.SECP256R1()).key_size == 256
    with pytest.raises(ValueError, match="out of range"):
        ec.derive_private_key(order, ec.SECP256R1())


def test_the_id_is_the_thumbprint_of_rfc_7638() -> None:
    jwk = KEY.public.jwk
    text = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert base64.urlsafe_b64decode(KEY.public.id + "=") == hashlib.sha256(text.encode()).digest()
    assert VerifyingKey.from_jwk(jwk["x"], jwk["y"]).id == KEY.public.id


def test_public_keys_have_one_spelling_and_are_points() -> None:
    x, y = KEY.public.jwk["x"], KEY.public.jwk["y"]
    for bad in ((x, x), (x + "=", y), (x[:-1], y), ("", y), ("\u00e4" * 43, y), (x[:-1] + "/", y), ("+" + x[1:], y)):
        with pytest.raises(Malformed) as refused:
            VerifyingKey.from_jwk(*bad)
        assert refused.value.message == "the public key is not a point of P-256"
