"""Keys: read in one way, public, for one algorithm; named by what they are."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.keys.randomness import Numbered

from gatepass import exact
from gatepass.errors import Malformed
from gatepass.keys import SigningKey
from gatepass.keys.jose import KeySet, PublicKey
from gatepass.keys.jose.keyset import MOST_KEYS
from gatepass.keys.jose.signing import HolderKey

KEY = HolderKey.generate(Numbered(b"holder"))
EC = KEY.public.jwk
RSA_7638 = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs"
    "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajr"
    "n1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)


def key(**members: Any) -> PublicKey:
    return PublicKey.parse(exact.read(json.dumps(members)))


def test_the_thumbprint_of_rfc_7638() -> None:
    found = key(kty="RSA", n=RSA_7638, e="AQAB", alg="RS256", kid="2011-04-29")
    assert found.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert (found.id, found.algorithm) == ("2011-04-29", "RS256")


def test_the_thumbprint_of_rfc_8037() -> None:
    found = key(kty="OKP", crv="Ed25519", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert found.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert found.algorithm == "EdDSA"


def test_the_signature_of_rfc_8037() -> None:
    found = key(kty="OKP", crv="Ed25519", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", alg="Ed25519")
    signed = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = bytes.fromhex(
        "860c98d2297f3060a33f42739672d61b53cf3adefed3d3c672f320dc021b411e"
        "9d59b8628dc351e248b88b29468e0e41855b0fb7d83bb15be902bfccb8cd0a02"
    )
    assert found.verifies(signature, signed)
    assert not found.verifies(signature, signed + b"x")
    assert found.algorithm == "Ed25519"


def test_our_two_halves_name_a_key_alike() -> None:
    old = SigningKey(Numbered(b"issuer")(32))
    assert key(**old.public.jwk).thumbprint == old.public.id


def test_what_is_left_of_a_key_is_what_makes_it() -> None:
    found = key(**EC, use="sig", kid="k", alg="ES256", key_ops=["verify"], x5c=["AA"], colour="blue")
    assert found.jwk == EC
    assert found.thumbprint == KEY.public.thumbprint
    assert repr(found) == f"<public key ES256 {found.thumbprint}>"


WRONG: dict[str, Callable[[], dict[str, Any]]] = {
    "a private key": lambda: {**EC, "d": "AA"},
    "a private exponent of another kind": lambda: {**EC, "dp": "AA"},
    "a symmetric key": lambda: {"kty": "oct", "k": "AAAA"},
    "for encryption": lambda: {**EC, "use": "enc"},
    "for signing": lambda: {**EC, "key_ops": ["sign"]},
    "for signing as well": lambda: {**EC, "key_ops": ["verify", "sign"]},
    "operations that are no list": lambda: {**EC, "key_ops": "verify"},
    "another algorithm": lambda: {**EC, "alg": "RS256"},
    "another curve's algorithm": lambda: {**EC, "alg": "ES384"},
    "an algorithm that is no text": lambda: {**EC, "alg": 1},
    "a null algorithm": lambda: {**EC, "alg": None},
    "an unknown curve": lambda: {**EC, "crv": "secp256k1"},
    "an unknown type": lambda: {**EC, "kty": "PQ"},
    "no type": lambda: {name: EC[name] for name in ("crv", "x", "y")},
    "no y": lambda: {name: EC[name] for name in ("crv", "x", "kty")},
    "a padded x": lambda: {**EC, "x": EC["x"] + "="},
    "a short x": lambda: {**EC, "x": EC["x"][:-4]},
    "another point": lambda: {**EC, "x": EC["y"]},
    "infinity": lambda: {**EC, "x": "A" * 43, "y": "A" * 43},
    "an id that is no text": lambda: {**EC, "kid": 7},
    "an empty id": lambda: {**EC, "kid": ""},
    "an endless id": lambda: {**EC, "kid": "k" * 257},
    "an RSA key for nothing in particular": lambda: {"kty": "RSA", "n": RSA_7638, "e": "AQAB"},
    "an RSA key for an HMAC": lambda: {"kty": "RSA", "n": RSA_7638, "e": "AQAB", "alg": "HS256"},
    "an RSA key for ES256": lambda: {"kty": "RSA", "n": RSA_7638, "e": "AQAB", "alg": "ES256"},
    "an exponent of three": lambda: {"kty": "RSA", "n": RSA_7638, "e": "Aw", "alg": "RS256"},
    "an even exponent": lambda: {"kty": "RSA", "n": RSA_7638, "e": "AQAC", "alg": "RS256"},
    "a zero before the exponent": lambda: {"kty": "RSA", "n": RSA_7638, "e": "AAEAAQ", "alg": "RS256"},
    "a short modulus": lambda: {"kty": "RSA", "n": RSA_7638[:171], "e": "AQAB", "alg": "RS256"},
    "an endless modulus": lambda: {"kty": "RSA", "n": RSA_7638 * 5, "e": "AQAB", "alg": "RS256"},
    "an X25519 key": lambda: {"kty": "OKP", "crv": "X25519", "x": EC["x"]},
    "an Ed25519 key for ES256": lambda: {"kty": "OKP", "crv": "Ed25519", "x": EC["x"], "alg": "ES256"},
    "a long Ed25519 key": lambda: {"kty": "OKP", "crv": "Ed25519", "x": EC["x"] + "AAAA"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_public_key_for_one_algorithm_is_refused(name: str) -> None:
    with pytest.raises(Malformed) as refused:
        key(**WRONG[name]())
    assert refused.value.code == "malformed_key"


@pytest.mark.parametrize("text", ["[]", "7", "null", '"k"'])
def test_what_is_no_object_is_no_key(text: str) -> None:
    with pytest.raises(Malformed):
        PublicKey.parse(exact.read(text))


def test_the_algorithm_of_an_rsa_key_may_be_said_from_outside_but_not_against_it() -> None:
    jwk = exact.read(json.dumps({"kty": "RSA", "n": RSA_7638, "e": "AQAB"}))
    assert PublicKey.parse(jwk, algorithm="PS256").algorithm == "PS256"
    stated = exact.read(json.dumps({"kty": "RSA", "n": RSA_7638, "e": "AQAB", "alg": "RS256"}))
    with pytest.raises(Malformed, match="another algorithm"):
        PublicKey.parse(stated, algorithm="PS256")


def test_low_s_is_a_matter_of_es256_alone() -> None:
    signature = KEY.sign(b"m")
    s = int.from_bytes(signature[32:], "big")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = signature[:32] + (order - s).to_bytes(32, "big")
    assert KEY.public.verifies(signature, b"m")
    assert KEY.public.verifies(other, b"m")
    assert [KEY.public.verifies(each, b"m", low_s=True) for each in (signature, other)].count(True) == 1
    edwards = key(kty="OKP", crv="Ed25519", x="11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    assert not edwards.verifies(bytes(64), b"m", low_s=True)


class TestSets:
    def test_a_key_is_found_by_its_name_and_by_no_other(self) -> None:
        found = KeySet.parse(json.dumps({"keys": [{**EC, "kid": "a"}, {"kty": "PQ", "kid": "b"}]}))
        assert len(found) == 1
        assert found.find("a") is not None
        assert found.find("b") is None
        assert found.find(None) is found.find("a")
        assert repr(found) == "<1 public keys>"

    def test_among_several_a_signature_has_to_name_its_key(self) -> None:
        other = HolderKey.generate(Numbered(b"other")).public.jwk
        found = KeySet.parse(json.dumps({"keys": [{**EC, "kid": "a"}, {**other, "kid": "b"}]}))
        assert found.find(None) is None
        assert found.find("b") is not None

    @pytest.mark.parametrize(
        "keys",
        [
            [{**EC, "kid": "a"}, {**EC, "kid": "a"}],
            [{**EC, "kid": "a"}, {"kty": "oct", "k": "AAAA"}],
            [{**EC, "kid": "a", "d": "AAAA"}],
            [{**EC, "kid": str(number)} for number in range(MOST_KEYS + 1)],
            "keys",
            None,
        ],
    )
    def test_a_set_with_two_readings_a_secret_or_no_end_is_refused_whole(self, keys: Any) -> None:
        with pytest.raises(Malformed):
            KeySet.parse(json.dumps({"keys": keys}))

    def test_a_set_is_read_exactly(self) -> None:
        with pytest.raises(Malformed):
            KeySet.parse('{"keys": [], "keys": []}')


def test_a_holders_key_is_guarded_and_comes_back_from_what_it_reveals() -> None:
    again = HolderKey(KEY.reveal())
    assert again.public.thumbprint == KEY.public.thumbprint
    assert again.sign(b"m") == KEY.sign(b"m")
    assert KEY.reveal().hex() not in repr(KEY)
    with pytest.raises(TypeError):
        KEY.__reduce_ex__(2)


@pytest.mark.parametrize("scalar", [b"", bytes(32), b"\xff" * 32, b"\1" * 31])
def test_what_is_no_private_key_is_refused(scalar: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        HolderKey(scalar)
