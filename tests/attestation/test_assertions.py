"""Tokens of other issuers: what is read of them before and after, and with which keys."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gatepass.attestation import RuleKind, UnverifiedAssertion, keys_of
from gatepass.errors import Malformed, Unauthenticated
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.signing import HolderKey

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def segment(value: Mapping[str, Any]) -> str:
    return encode(json.dumps(value).encode())


def signed(claims: Mapping[str, Any], key: Any = None, **header: Any) -> str:
    key = key or HolderKey((1).to_bytes(32, "big"))
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    text = f"{segment({'alg': algorithm, 'kid': 'k1', **header})}.{segment(claims)}"
    if isinstance(key, rsa.RSAPrivateKey):
        return f"{text}.{encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
    return f"{text}.{encode(key.sign(text.encode()))}"


def jwk(key: Any = None, **more: Any) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        n, e = (encode(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e, "kid": "k1", **more}
    return {**(key or HolderKey((1).to_bytes(32, "big"))).public.jwk, "kid": "k1", **more}


def keys(*jwks: dict[str, Any]) -> str:
    return json.dumps({"keys": jwks})


CLAIMS = {"iss": "https://issuer.example", "sub": "svc-1"}


@pytest.mark.parametrize("key", [HolderKey((1).to_bytes(32, "big")), RSA], ids=["ES256", "RS256"])
def test_a_token_is_believed_under_its_issuers_key(key: Any) -> None:
    found = UnverifiedAssertion.parse(signed(CLAIMS, key))
    assert found.issuer == "https://issuer.example"
    assert found.claims_verified_by(keys_of(keys(jwk(key)), RuleKind.OIDC), RuleKind.OIDC)["sub"] == "svc-1"


@pytest.mark.parametrize(
    "wrong",
    [jwk(HolderKey((2).to_bytes(32, "big"))), jwk(kid="k2"), jwk(RSA), jwk(RSA, alg="PS256"), jwk(RSA, alg="ES256")],
    ids=["another key", "another name", "another type", "another algorithm", "an algorithm that is not the key's"],
)
def test_another_key_is_no_key(wrong: dict[str, Any]) -> None:
    for text in (signed(CLAIMS), signed(CLAIMS, RSA)):
        if "n" in wrong and text == signed(CLAIMS, RSA) and "alg" not in wrong:
            continue
        with pytest.raises(Unauthenticated):
            UnverifiedAssertion.parse(text).claims_verified_by(keys_of(keys(wrong), RuleKind.OIDC), RuleKind.OIDC)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/chain"},
        {"jwk": jwk()},
        {"x5c": ["x"]},
        {"crit": ["exp"]},
        {"typ": "at+jwt"},
        {"typ": "dpop+jwt"},
        {"kid": 1},
    ],
)
def test_a_header_chooses_neither_key_nor_meaning(header: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        UnverifiedAssertion.parse(signed(CLAIMS, **header))


def test_a_secret_among_public_keys_spoils_the_set() -> None:
    for secret in ({"kty": "oct", "k": "AAAA"}, jwk(d="AAAA")):
        with pytest.raises(Malformed):
            keys_of(keys(jwk(), secret), RuleKind.OIDC)


def test_a_key_that_is_not_understood_is_left_out() -> None:
    found = keys_of(keys({"kty": "new", "kid": "k0"}, jwk(), jwk(RSA, use="enc", kid="k2")), RuleKind.OIDC)
    assert len(found) == 1


def test_a_bundle_gives_only_its_keys_for_tokens() -> None:
    bundle = keys(jwk(use="x509-svid", x5c=["AAAA"]), jwk(RSA, use="jwt-svid", kid="k2"), jwk(use="sig", kid="k3"))
    found = keys_of(bundle, RuleKind.SPIFFE)
    assert len(found) == 1
    claims = {"sub": "spiffe://prod.example/ns/a"}
    token = UnverifiedAssertion.parse(signed(claims, RSA, kid="k2"))
    assert token.domain() == "spiffe://prod.example"
    assert token.claims_verified_by(found, RuleKind.SPIFFE) == claims
    with pytest.raises(Unauthenticated):
        UnverifiedAssertion.parse(signed(claims, kid="k1")).claims_verified_by(found, RuleKind.SPIFFE)


def test_the_digest_is_of_what_was_signed() -> None:
    text = signed(CLAIMS)
    head, _, _ = text.rpartition(".")
    other = f"{head}.{encode(b'0' * 64)}"
    assert UnverifiedAssertion.parse(text).digest == UnverifiedAssertion.parse(other).digest
    assert UnverifiedAssertion.parse(text).digest != UnverifiedAssertion.parse(signed({**CLAIMS, "jti": "2"})).digest


def test_nothing_of_it_is_printed() -> None:
    text = signed(CLAIMS)
    assert "svc-1" not in repr(UnverifiedAssertion.parse(text))
