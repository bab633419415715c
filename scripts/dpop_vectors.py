"""Writes tests/vectors/dpop.json: DPoP proofs with an expected outcome, from fixed keys, for any implementation.

python -m scripts.dpop_vectors --write
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.capability_vectors import respelled, signed

from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.signing import HolderKey

DOCUMENT = Path(__file__).parents[1] / "tests" / "vectors" / "dpop.json"
NOW = 1_780_000_000
"""Seconds."""
URL = "https://gatepass.example/u/orders/refunds"
TOKEN = "a-token.of-some.kind"  # noqa: S105 - an example
KEY, OTHER = (HolderKey(hashlib.sha256(name).digest()) for name in (b"gatepass dpop vectors", b"another"))

Json = Any


def header(**changes: Json) -> dict[str, Json]:
    """A header; None leaves a member out."""
    members = {"alg": "ES256", "typ": "dpop+jwt", "jwk": KEY.public.jwk, **changes}
    return {name: value for name, value in members.items() if value is not None}


def claims(**changes: Json) -> dict[str, Json]:
    """Claims; None leaves one out."""
    members = {
        "jti": "e1j3V_bKic8-LAEB",
        "htm": "POST",
        "htu": URL,
        "iat": NOW,
        "ath": encode(hashlib.sha256(TOKEN.encode()).digest()),
        **changes,
    }
    return {name: value for name, value in members.items() if value is not None}


def made(head: Json = None, by: HolderKey = KEY, **changes: Json) -> str:
    """A proof."""
    return signed(header() if head is None else head, claims(**changes), by)


def case(name: str, outcome: str, *proofs: str, **more: Json) -> dict[str, Json]:
    """One case: by default the credential is `TOKEN`, bound to the proof's key, and no nonce was asked for."""
    return {"name": name, "outcome": outcome, "proofs": list(proofs), **more}


def cases() -> Iterator[dict[str, Json]]:
    """All of them."""
    yield case("a proof for this call", "accept", made())
    yield from targets()
    yield case("no proof", "missing")
    yield case("two proofs", "several", made(), made(jti="another"))
    yield case("the same proof twice", "several", made(), made())
    yield case("two in one header", "malformed", f"{made()},{made()}")
    yield case("not a JWT", "malformed", "proof")
    yield case("an empty header", "malformed", "")
    yield case("another spelling", "malformed", respelled(made()))
    yield case("padding", "malformed", made() + "=")
    yield case("huge", "malformed", made(more="x" * 8192))
    heads: dict[str, dict[str, Json]] = {
        "no type": {"typ": None},
        "another type": {"typ": "JWT"},
        "the type in capitals": {"typ": "DPOP+JWT"},
        "no algorithm": {"alg": None},
        "no signature wanted": {"alg": "none"},
        "an HMAC": {"alg": "HS256"},
        "an algorithm that is not allowed": {"alg": "RS256"},
        "an extension": {"crit": ["exp"]},
        "a key by its address": {"jku": "https://evil.example/keys"},
        "certificates": {"x5c": ["AAAA"]},
    }
    for name, change in heads.items():
        yield case(f"header: {name}", "malformed", made(header(**change)))
    yield case("header: a member that is not known", "accept", made(header(kid="k")))
    for name, jwk in {
        "none": None,
        "a private key": {**KEY.public.jwk, "d": encode(KEY.reveal())},
        "a symmetric key": {"kty": "oct", "k": "AAAA"},
        "no point": {**KEY.public.jwk, "x": KEY.public.jwk["y"]},
        "a key for another algorithm": {**KEY.public.jwk, "alg": "ES384"},
        "a key for encryption": {**KEY.public.jwk, "use": "enc"},
        "a list": [KEY.public.jwk],
    }.items():
        yield case(f"key: {name}", "key", made(header(jwk=jwk)))
    yield case("key: another one's", "signature", made(header(jwk=OTHER.public.jwk)))
    yield case("signed by another key", "signature", made(by=OTHER))
    for name in ("jti", "iat", "htm", "htu"):
        without: dict[str, Json] = {name: None}
        typed: dict[str, Json] = {name: ["x"]}
        yield case(f"no {name}", "claims", made(**without))
        yield case(f"{name} of another type", "claims", made(**typed))
    yield case("an empty jti", "claims", made(jti=""))
    yield case("a jti of 257 characters", "claims", made(jti="x" * 257))
    yield case("a jti of 256 characters", "accept", made(jti="x" * 256))
    yield case("an iat as text", "claims", made(iat=str(NOW)))
    yield case("a member twice", "malformed", signed(header(), b'{"iat":1,"iat":2}', KEY))
    yield case("another method", "method", made(htm="GET"))
    yield case("the method in small letters", "method", made(htm="post"))
    yield from times()
    yield from bindings()


def targets() -> Iterator[dict[str, Json]]:
    """URLs that are the same, and that are not."""
    for name, url in {
        "a query": URL + "?x=1",
        "a fragment": URL + "#x",
        "the host in capitals": URL.replace("gatepass", "GatePass"),
        "the scheme in capitals": URL.replace("https", "HTTPS"),
        "the default port": URL.replace(".example", ".example:443"),
        "an empty port": URL.replace(".example", ".example:"),
        "an escape that is not needed": URL.replace("refunds", "%72efunds"),
        "dot segments": URL.replace("refunds", "./x/../refunds"),
    }.items():
        yield case(f"the same URL with {name}", "accept", made(htu=url))
    escaped = "https://gatepass.example/a%2fb"
    yield case(
        "the same escape in small letters",
        "accept",
        made(htu=escaped),
        url=escaped.replace("%2f", "%2F"),
    )
    for name, url in {
        "another path": URL + "/1",
        "a slash more": URL + "/",
        "the path in capitals": URL.replace("refunds", "REFUNDS"),
        "an escaped slash": URL.replace("/refunds", "%2Frefunds"),
        "another host": URL.replace(".example", ".example.evil"),
        "another scheme": URL.replace("https", "http"),
        "another port": URL.replace(".example", ".example:8443"),
        "a user": URL.replace("gatepass", "gatepass.example@evil"),
        "a path alone": "/u/orders/refunds",
        "another scheme's name": "ftp" + URL[5:],
        "white space": URL + " ",
        "a tab": URL.replace("refunds", "re\tfunds"),
        "a backslash": URL.replace("/refunds", "\\refunds"),
        "half an escape": URL + "%2",
        "a letter that looks the same": URL.replace("orders", "\u043erders"),
        "nothing": "",
    }.items():
        yield case(f"another URL: {name}", "target", made(htu=url))


def times() -> Iterator[dict[str, Json]]:
    """When it was made."""
    for seconds in (-60, 60):
        yield case(f"made {seconds} seconds from now", "accept", made(iat=NOW + seconds))
    for seconds in (-3600, -61, 61, 3600):
        yield case(f"made {seconds} seconds from now", "time", made(iat=NOW + seconds))
    yield case("half a second", "accept", made(iat=NOW - 0.5))
    yield case("an end that has passed", "time", made(exp=NOW))
    yield case("an end to come", "accept", made(exp=NOW + 1))
    yield case("an end that is no number", "time", made(exp="soon"))
    yield case("a beginning to come", "time", made(nbf=NOW + 61))


def bindings() -> Iterator[dict[str, Json]]:
    """Which credential, whose key, which nonce."""
    yield case("no ath", "credential", made(ath=None))
    yield case("another token's ath", "credential", made(ath=encode(hashlib.sha256(b"x").digest())))
    yield case("a padded ath", "credential", made(ath=claims()["ath"] + "="))
    yield case("an ath of another type", "credential", made(ath=["x"]))
    yield case("a credential bound to another key", "binding", made(header(jwk=OTHER.public.jwk), OTHER))
    yield case("no credential, as at the token endpoint", "accept", made(ath=None), credential=None, binding=None)
    yield case(
        "any key, as at the token endpoint",
        "accept",
        made(header(jwk=OTHER.public.jwk), OTHER),
        credential=None,
        binding=None,
    )
    yield case("the nonce that was asked for", "accept", made(nonce="n1"), nonces=["n0", "n1"])
    yield case("no nonce, and one was asked for", "nonce", made(), nonces=["n1"])
    yield case("an old nonce", "nonce", made(nonce="n0"), nonces=["n1"])
    yield case("a nonce of another type", "claims", made(nonce=7), nonces=["n1"])
    yield case("a nonce that was not asked for", "accept", made(nonce="n0"))
    yield case("claims that are not known", "accept", made(sub="x", more={"a": 1}))
    body = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
    yield case("the digest of a body", "accept", made(content_digest=body))
    yield case("a digest that is none", "claims", made(content_digest="x"))


def document() -> str:
    """The whole file."""
    about = (
        "DPoP proofs (RFC 9449) as the values of a call's `DPoP` headers, and what becomes of them: `accept`, or the "
        "fault. The call, unless a case says otherwise, is the one below; `at` is in milliseconds, the window is 60 "
        "seconds either way."
    )
    call = {"method": "POST", "url": URL, "at": NOW * 1000, "credential": TOKEN, "binding": KEY.public.thumbprint}
    return (
        json.dumps({"format": 1, "about": about, "call": {**call, "nonces": None}, "cases": list(cases())}, indent=1)
        + "\n"
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        DOCUMENT.write_text(document())
    sys.exit(0 if DOCUMENT.read_text() == document() else 1)
