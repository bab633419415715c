"""Wycheproof's cases, through our own functions."""

import json
from typing import Any

import pytest
from tests.keys.jose.wycheproof import cases

from gatepass import exact
from gatepass.errors import Error
from gatepass.keys.jose import HeaderRule, KeySet, PublicKey, UnverifiedJws
from gatepass.keys.jose.algorithms import BY_CURVE, BY_RSA, ED25519
from gatepass.keys.jose.base64url import encode

ALGORITHMS = {name for name, _, _ in BY_CURVE.values()} | set(BY_RSA) | ED25519
RULE = HeaderRule(types=frozenset({None, "JWT"}), algorithms=frozenset(ALGORITHMS), others_ignored=True)

NOT_OURS = {
    347: "its key says the algorithm ES521, which does not exist",
    351: "its key says the algorithm ES521, which does not exist",
    346: "its key is for PS256, its header says PS384",
    350: "its key is for PS256, its header says PS384",
    **dict.fromkeys((259, 264, 268, 272, 320, 325), "its payload is empty, which nothing of ours is"),
}
"""What Wycheproof accepts and we do not."""


def outcome(keys: KeySet, text: str) -> str:
    try:
        read = UnverifiedJws.parse(text, RULE)
        key = keys.find(read.key_id)
        if key is None:
            return "invalid"
        read.verified_by(key)
    except Error:
        return "invalid"
    return "valid"


def keyset(group: Any) -> KeySet | None:
    """The group's keys. What it has to say of a secret set, our reader has to refuse."""
    held = group.get("public") or group["private"]
    held = held if "keys" in held else {"keys": [held]}
    try:
        return KeySet.parse(json.dumps(held))
    except Error:
        return None


@pytest.mark.parametrize(("group", "case"), cases("ecdsa_secp256r1_sha256_p1363.json"))
def test_es256(group: Any, case: Any) -> None:
    point = bytes.fromhex(group["publicKey"]["uncompressed"])
    key = PublicKey.parse({"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])})
    found = key.verifies(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
    assert found == (case["result"] == "valid")


@pytest.mark.parametrize(("group", "case"), cases("ed25519.json"))
def test_ed25519(group: Any, case: Any) -> None:
    key = PublicKey.parse(exact.read(json.dumps(group["publicKeyJwk"])))
    found = key.verifies(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"]))
    assert found == (case["result"] == "valid")


@pytest.mark.parametrize(
    ("group", "case"),
    [*cases("json_web_signature.json"), *cases("json_web_key.json"), *cases("json_web_crypto.json")],
)
def test_json_web_signatures_and_keys(group: Any, case: Any) -> None:
    if "jws" not in case:
        return
    keys = keyset(group)
    found = "invalid" if keys is None else outcome(keys, case["jws"])
    symmetric = "public" not in group and "d" not in json.dumps(group["private"]).split('"')
    if symmetric or case["tcId"] in NOT_OURS or (group.get("private", {}).get("kty") == "oct"):
        assert found == "invalid"
    else:
        assert found == case["result"]
