"""A certificate is a wrapping of a key: the key comes out as it is registered, whatever it is wrapped in."""

import base64
import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from tests.keys.x509.certificates import NOW, self_signed

from gatepass.errors import Malformed
from gatepass.keys.x509 import ClientCertificate

KEYS: list[tuple[Any, str]] = [
    (ec.generate_private_key(ec.SECP256R1()), "ES256"),
    (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    (rsa.generate_private_key(65537, 2048), "PS256"),
]


@pytest.mark.parametrize(("key", "algorithm"), KEYS, ids=[name for _, name in KEYS])
def test_two_certificates_of_one_key_are_one_key_and_two_bindings(key: Any, algorithm: str) -> None:
    der = self_signed("bot", key)[0]
    one, other = ClientCertificate.read(der), ClientCertificate.read(self_signed("bot", key)[0])
    assert one.key.thumbprint == other.key.thumbprint
    assert one.key.algorithm == algorithm
    assert one.thumbprint != other.thumbprint
    assert one.thumbprint == base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
    assert one.ends - one.begins == 86_700_000
    assert one.begins == (int(NOW.timestamp()) - 300) * 1000


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),  # noqa: S505 - to be refused
        dsa.generate_private_key(2048),
    ],
    ids=["P-384", "secp256k1", "small RSA", "DSA"],
)
def test_other_keys_are_refused(key: Any) -> None:
    with pytest.raises(Malformed):
        ClientCertificate.read(self_signed("bot", key)[0])


def test_what_is_no_certificate_is_refused() -> None:
    der = self_signed("bot")[0]
    for made in (b"", b"0", der[:-1], der + b"\0", self_signed("bot")[1], b"0" * 20_000, bytes(500)):
        with pytest.raises(Malformed):
            ClientCertificate.read(made)
