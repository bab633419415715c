"""Writes tests/vectors/capabilities.json: chains with an expected outcome, from fixed keys, for any implementation.

Everything is signed here by hand, because most of the chains are ones that our own code refuses to sign.

    python scripts/capability_vectors.py --write
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from gatepass import exact
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.signing import HolderKey, sign

DOCUMENT = Path(__file__).parents[1] / "tests" / "vectors" / "capabilities.json"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ISSUER = "https://gatepass.example"
AUDIENCE = "https://gatepass.example/u/orders"
NOW = 1_780_000_000
"""Seconds."""

REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
LESS = "orders:refund:order-12345?amount<=20&amount>=0&currency=USD"
MORE = "orders:refund:order-12345?amount<=51&amount>=0&currency=USD"
READ = "reports:read:finance/*"
ONE = "reports:read:finance/q3"

ROOT = {"alg": "ES256", "kid": "k1", "typ": "gatepass-root+jwt"}
LINK = {"alg": "ES256", "typ": "gatepass-link+jwt"}
SEAL = {"alg": "ES256", "typ": "gatepass-seal+jwt"}

Json = Any


def key(name: str) -> HolderKey:
    """A key that everybody can make again."""
    return HolderKey(hashlib.sha256(f"gatepass capability vectors: {name}".encode()).digest())


ISSUING, RETIRED, STRANGER = key("issuer k1"), key("issuer k2"), key("stranger")
HOLDERS = [key(f"holder {number}") for number in range(10)]
A, B, C = HOLDERS[:3]
KEYS = {"k1": ISSUING.public.jwk, "k2": RETIRED.public.jwk}


def numbers(value: Json) -> Json:
    """Python's JSON as exact JSON."""
    if isinstance(value, dict):
        return {name: numbers(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(numbers, value))
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def canonical(value: Json) -> bytes:
    """The one spelling."""
    return exact.write(numbers(value))


def grants(*each: Json) -> Json:
    """An authority of scopes, or of (scope, caveats)."""
    return {
        "grants": [{"scope": one} if isinstance(one, str) else {"scope": one[0], "caveats": one[1]} for one in each]
    }


def signed(header: Json, payload: Json, by: HolderKey) -> str:
    """A compact JWS over whatever is given."""
    head = header if isinstance(header, bytes) else canonical(header)
    body = payload if isinstance(payload, bytes) else canonical(payload)
    return sign(encode(head), body, by)


def root_claims(**changes: Json) -> dict[str, Json]:
    """The claims of the issuer's link; None leaves one out."""
    claims = {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "sub": "agt_support",
        "owner": "per_ada",
        "jti": "crd_0UuNB2BaZ9",
        "iat": NOW - 60,
        "exp": NOW + 600,
        "run_id": "run_0UuNB2C",
        "authority": grants(REFUND, READ),
        "cnf": {"jwk": A.public.jwk},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def root(by: HolderKey = ISSUING, header: Json = None, **changes: Json) -> str:
    """The issuer's link."""
    return signed(header or ROOT, root_claims(**changes), by)


def digest(text: str) -> bytes:
    """What a link names as its parent."""
    return hashlib.sha256(text.encode()).digest()


def link_claims(before: str, to: HolderKey, sibling: int = 0, **changes: Json) -> dict[str, Json]:
    """The claims of a holder's link; None leaves one out."""
    once = hashlib.sha256(b"nonce %d" % sibling).digest()[:16]
    made = hashlib.sha256(b"gatepass link/1\0" + digest(before) + once).digest()[:16]
    claims = {
        "parent": encode(digest(before)),
        "nonce": encode(once),
        "jti": f"lnk_{encode(made)}",
        "iat": NOW - 30,
        "exp": NOW + 300,
        "authority": grants(LESS),
        "cnf": {"jwk": to.public.jwk},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def link(before: str, by: HolderKey, to: HolderKey, header: Json = None, **changes: Json) -> str:
    """A holder's link."""
    return signed(header or LINK, link_claims(before, to, **changes), by)


def seal(links: list[str], by: HolderKey, header: Json = None, **changes: Json) -> str:
    """A seal."""
    claims = {
        "chain": encode(digest("~".join(links))),
        "aud": AUDIENCE,
        "iat": NOW - 10,
        "exp": NOW + 60,
        **changes,
    }
    return signed(header or SEAL, {name: value for name, value in claims.items() if value is not None}, by)


def joined(*links: str) -> str:
    """The text of a capability."""
    return "gp_cap_" + "~".join(links)


R = root()
L1 = link(R, A, B)
L2 = link(L1, B, C, authority=grants((LESS, [[1, (NOW + 120) * 1000]])), exp=NOW + 120)


def deep(count: int) -> list[str]:
    """A chain of `count` links, each to the next holder."""
    links = [R]
    for number in range(1, count):
        links.append(link(links[-1], HOLDERS[number - 1], HOLDERS[number], sibling=number))
    return links


def twin(text: str) -> str:
    """The same link under the other signature that anybody can make."""
    head, _, last = text.rpartition(".")
    raw = decode(last)
    other = ORDER - int.from_bytes(raw[32:], "big")
    return f"{head}.{encode(raw[:32] + other.to_bytes(32, 'big'))}"


def respelled(text: str) -> str:
    """The same bytes, with a bit in the last character that decoders ignore."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


def vector(name: str, rule: str, text: str, outcome: str, where: int | None = None, **more: Json) -> dict[str, Json]:
    """One case. It is presented with a proof by the last key that a holder is given, unless `proof` says otherwise."""
    found = {"name": name, "rule": rule, "text": text, "outcome": outcome, "link": where, **more}
    return {each: value for each, value in found.items() if value is not None}


THUMB: dict[str, Json] = {"proof": B.public.thumbprint}


def accepted() -> Iterator[dict[str, Json]]:
    """Chains that hold."""
    a, b, c = (each.public.thumbprint for each in (A, B, C))
    yield vector("the issuer's link alone", "root", joined(R), "accept", proof=a)
    yield vector("narrowed once", "link", joined(R, L1), "accept", **THUMB)
    yield vector("narrowed twice", "link", joined(R, L1, L2), "accept", proof=c)
    same = link(R, A, B, authority=grants(REFUND, READ), exp=NOW + 600, iat=NOW - 60)
    yield vector("the same authority and life for another key", "link", joined(R, same), "accept", **THUMB)
    yield vector("to the same key", "link", joined(R, link(R, A, A)), "accept", proof=a)
    yield vector(
        "the key of the emergency set", "root", joined(root(RETIRED, {**ROOT, "kid": "k2"})), "accept", proof=a
    )
    yield vector("eight links", "depth", joined(*deep(8)), "accept", proof=HOLDERS[7].public.thumbprint)
    yield vector("no authority left", "covers", joined(R, link(R, A, B, authority=grants())), "accept", **THUMB)
    part = link(R, A, B, authority=grants(ONE))
    yield vector("a part of a pattern", "covers", joined(R, part), "accept", **THUMB)
    for name, caveat in {
        "a shorter end as a caveat": [1, (NOW + 10) * 1000],
        "an audience as a caveat": [5, [AUDIENCE]],
        "a duty to log": [11, "log"],
    }.items():
        text = joined(R, link(R, A, B, authority=grants((REFUND, [caveat]))))
        yield vector(name, "caveat", text, "accept", **THUMB)
    own = str(link_claims(R, B)["jti"])
    for name, caveat in {
        "a single use in its own name": [14, f"{own}/use"],
        "a rate in its own name": [16, f"{own}/service", 10, 60000],
        "calls in its own name": [13, f"{own}/calls", 5],
    }.items():
        text = joined(R, link(R, A, B, authority=grants((LESS, [caveat]))))
        yield vector(name, "meter", text, "accept", **THUMB)
    metered = root(authority=grants((REFUND, [[13, "crd_0UuNB2BaZ9/calls", 5]])))
    fewer = link(metered, A, B, authority=grants((LESS, [[13, "crd_0UuNB2BaZ9/calls", 2]])))
    yield vector("the issuer's meter with less to draw", "meter", joined(metered, fewer), "accept", **THUMB)
    future = link(R, A, B, authority=grants((LESS, [[99, "sun shines"]])))
    yield vector("a caveat of the future permits nothing", "caveat.unknown", joined(R, future), "accept", **THUMB)
    clock = link(R, A, B, iat=NOW + 5)
    yield vector("a clock five seconds ahead", "life", joined(R, clock), "accept", **THUMB)
    for name, links, by in (
        ("the issuer's link", [R], A),
        ("a narrowed chain", [R, L1], B),
        ("eight", deep(8), HOLDERS[7]),
    ):
        yield vector(f"sealed: {name}", "seal", joined(*links, seal(links, by)), "accept")
    yield vector("sealed and proven as well", "seal", joined(R, L1, seal([R, L1], B)), "accept", proof=b)
    several = root(aud=["https://other.example", AUDIENCE])
    yield vector("one of several audiences", "audience", joined(several), "accept", proof=a)
    bare = root(run_id=None)
    yield vector("no run", "root", joined(bare), "accept", proof=a)
    of = root(ancestors=["crd_0UuNB2Ba00", "crd_0UuNB2Ba01"], purpose="refund an order")
    yield vector("issued from another credential, for a purpose", "root", joined(of), "accept", proof=a)


def cut_and_pasted() -> Iterator[dict[str, Json]]:
    """Links removed, reordered, swapped, replayed."""
    sibling = link(R, A, B, sibling=9)
    other = root(jti="crd_0UuNB2BaZA")
    yield vector("shortened, by somebody with the last key", "proof", joined(R), "unproven", 0, **THUMB)
    yield vector("no proof", "proof", joined(R, L1), "unproven", 1)
    yield vector("the proof of a holder before", "proof", joined(R, L1), "unproven", 1, proof=A.public.thumbprint)
    yield vector("the proof of a stranger", "proof", joined(R), "unproven", 0, proof=STRANGER.public.thumbprint)
    yield vector("a link removed from the middle", "order", joined(R, L2), "bad_signature", 1)
    yield vector("two links reordered", "order", joined(R, L2, L1), "bad_signature", 1)
    yield vector("the issuer's link removed", "order", joined(L1), "unknown_key", 0)
    yield vector("the issuer's link last", "order", joined(L1, R), "unknown_key", 0)
    yield vector("the issuer's link twice", "order", joined(R, R), "malformed", 1)
    alone = link(R, A, A)
    yield vector("a link replayed behind itself", "parent", joined(R, alone, alone), "broken_chain", 2)
    yield vector("a link under another issuer's link", "parent", joined(other, L1), "broken_chain", 1)
    yield vector("a link spliced onto its parent's sibling", "parent", joined(R, sibling, L2), "broken_chain", 2)
    yield vector("the chain's tail twice", "order", joined(R, L1, L2, L1, L2), "bad_signature", 3)
    replayed = signed(LINK, {**link_claims(R, C), "iat": NOW - 20}, B)
    yield vector("the grandparent named as the parent", "parent", joined(R, L1, replayed), "broken_chain", 2)
    unnamed = link(R, A, B, parent=encode(bytes(32)))
    yield vector("no parent named", "parent", joined(R, unnamed), "broken_chain", 1)
    yield vector("the parent's other signature", "signature", joined(twin(R), L1), "bad_signature", 0)


def forged() -> Iterator[dict[str, Json]]:
    """Other keys and other signatures."""
    a: dict[str, Json] = {"proof": A.public.thumbprint}
    yield vector("a stranger's first link", "signature", joined(root(STRANGER)), "bad_signature", 0, **a)
    yield vector("the other key of the issuer", "signature", joined(root(RETIRED)), "bad_signature", 0, **a)
    yield vector(
        "a key that the issuer does not have", "key", joined(root(header={**ROOT, "kid": "k9"})), "unknown_key", 0
    )
    yield vector("no key named", "key", joined(root(header={"alg": "ES256", "typ": ROOT["typ"]})), "unknown_key", 0)
    yield vector("a stranger's next link", "signature", joined(R, link(R, STRANGER, B)), "bad_signature", 1, **THUMB)
    yield vector("the next holder's own link", "signature", joined(R, link(R, B, B)), "bad_signature", 1, **THUMB)
    yield vector("a holder as the issuer", "signature", joined(root(A)), "bad_signature", 0, **a)
    yield vector("the issuer as a holder", "signature", joined(R, link(R, ISSUING, B)), "bad_signature", 1, **THUMB)
    head, body, last = R.split(".")
    for name, text in {
        "an empty signature": f"{head}.{body}.",
        "no signature": f"{head}.{body}",
        "half a signature": f"{head}.{body}.{last[:43]}",
        "a signature of zeros": f"{head}.{body}.{encode(bytes(64))}",
        "a signature in DER": f"{head}.{body}.{encode(b'0D' + decode(last) + b'....')}",
    }.items():
        zeros = "zeros" in name or "half" in name or "DER" in name
        yield vector(name, "signature", joined(text), "bad_signature" if zeros else "malformed", 0)
    yield vector("the other signature that anybody can make", "signature", joined(twin(R)), "bad_signature", 0, **a)
    for name, header in {
        "none": {**ROOT, "alg": "none"},
        "an HMAC": {**ROOT, "alg": "HS256"},
        "a key in the header": {**ROOT, "jwk": A.public.jwk},
        "a key by its address": {**ROOT, "jku": "https://evil.example/keys"},
        "an extension": {**ROOT, "crit": ["x"], "x": 1},
        "an access token": {**ROOT, "typ": "at+jwt"},
        "a header with white space": b'{"alg": "ES256","kid":"k1","typ":"gatepass-root+jwt"}',
        "a header in another order": b'{"kid":"k1","alg":"ES256","typ":"gatepass-root+jwt"}',
        "a header that says its algorithm twice": b'{"alg":"ES256","alg":"ES256","kid":"k1","typ":"gatepass-root+jwt"}',
    }.items():
        yield vector(f"header: {name}", "header", joined(root(header=header)), "unknown_key", 0)
    for name, header in {
        "a key named": {**LINK, "kid": "k1"},
        "the issuer's type": ROOT,
        "none": {**LINK, "alg": "none"},
    }.items():
        text = joined(R, link(R, A, B, header=header))
        yield vector(f"a link's header: {name}", "header", text, "malformed", 1)


def widened() -> Iterator[dict[str, Json]]:
    """Links that say more than the one before."""
    for name, authority in {
        "a higher limit": grants(MORE),
        "another order": grants("orders:refund:order-99999?amount<=50&amount>=0&currency=USD"),
        "no limit on the currency": grants("orders:refund:order-12345?amount<=50&amount>=0"),
        "no limits": grants("orders:refund:order-12345"),
        "no pattern": grants("orders:refund"),
        "another action": grants("orders:cancel:order-12345"),
        "another type": grants("users:refund:order-12345"),
        "a wider pattern": grants("reports:read:*"),
        "the stem of a pattern": grants("reports:read:finance"),
        "one grant too many": grants(LESS, "users:read:ada"),
    }.items():
        yield vector(f"wider: {name}", "covers", joined(R, link(R, A, B, authority=authority)), "widened", 1, **THUMB)
    back = link(L1, B, C, authority=grants(REFUND))
    yield vector("wider: back to what the issuer gave", "covers", joined(R, L1, back), "widened", 2)
    bound = root(authority=grants((REFUND, [[1, (NOW + 60) * 1000], [11, "log"], [13, "crd_0UuNB2BaZ9/calls", 5]])))
    for name, caveats in {
        "a caveat dropped": [[1, (NOW + 60) * 1000], [13, "crd_0UuNB2BaZ9/calls", 5]],
        "a later end": [[1, (NOW + 61) * 1000], [11, "log"], [13, "crd_0UuNB2BaZ9/calls", 5]],
        "more calls": [[1, (NOW + 60) * 1000], [11, "log"], [13, "crd_0UuNB2BaZ9/calls", 6]],
        "the meter dropped": [[1, (NOW + 60) * 1000], [11, "log"]],
        "a meter of its own instead": [
            [1, (NOW + 60) * 1000],
            [11, "log"],
            [13, f"{link_claims(R, B)['jti']}/calls", 5],
        ],
    }.items():
        text = joined(bound, link(bound, A, B, authority=grants((LESS, caveats))))
        yield vector(f"looser: {name}", "covers.caveats", text, "widened", 1, **THUMB)
    unknown = root(authority=grants((REFUND, [[99, "sun shines"]])))
    shed = link(unknown, A, B, authority=grants(LESS))
    yield vector(
        "looser: a caveat of the future dropped", "caveat.unknown", joined(unknown, shed), "widened", 1, **THUMB
    )
    for name, caveat in {
        "another credential's": [13, "crd_victim0000/calls", 1],
        "another link's": [14, "lnk_AAAAAAAAAAAAAAAAAAAAAA/use"],
        "the issuer's link's": [16, "crd_0UuNB2BaZ9/new", 1, 1000],
        "another credential's, inside a conjunction": [12, [[13, "crd_victim0000/calls", 1], [11, "log"]]],
    }.items():
        text = joined(R, link(R, A, B, authority=grants((LESS, [caveat]))))
        yield vector(f"a meter in a name of {name}", "meter", text, "foreign_meter", 1, **THUMB)
    other = link(
        bound,
        A,
        B,
        authority=grants(
            (LESS, [[1, (NOW + 60) * 1000], [11, "log"], [13, "crd_0UuNB2BaZ9/calls", 5], [14, "crd_0UuNB2BaZ9/calls"]])
        ),
    )
    yield vector("another counter under a known meter", "meter", joined(bound, other), "foreign_meter", 1, **THUMB)
    for name, authority in {
        "an action class": grants("orders:*"),
        "no scope": {"grants": [{"scope": "no scope"}]},
        "an unknown member of a grant": {"grants": [{"scope": LESS, "colour": "blue"}]},
    }.items():
        text = joined(R, link(R, A, B, authority=authority))
        yield vector(f"a grant that cannot be read: {name}", "grants", text, "unreadable", 1, **THUMB)
    broken = root(authority={"grants": [{"scope": "no scope"}]})
    yield vector("a grant of the issuer that cannot be read", "grants", joined(broken), "unreadable", 0)


def lives() -> Iterator[dict[str, Json]]:
    """Lives that have ended, have not begun, or outlive."""
    a: dict[str, Json] = {"proof": A.public.thumbprint}
    yield vector("expired at its instant", "life", joined(R), "expired", 0, at=(NOW + 600) * 1000, **a)
    yield vector("alive a millisecond before", "life", joined(R), "accept", at=(NOW + 600) * 1000 - 1, **a)
    yield vector(
        "a link expired before its parent", "life", joined(R, L1), "expired", 1, at=(NOW + 300) * 1000, **THUMB
    )
    later = root(iat=NOW + 6)
    yield vector("not valid yet", "life", joined(later), "not_yet", 0, **a)
    yield vector("a link that is not valid yet", "life", joined(R, link(R, A, B, iat=NOW + 6)), "not_yet", 1, **THUMB)
    yield vector(
        "a link that outlives its parent", "life", joined(R, link(R, A, B, exp=NOW + 601)), "outlives", 1, **THUMB
    )
    yield vector("a link older than its parent", "life", joined(R, link(R, A, B, iat=NOW - 61)), "outlives", 1, **THUMB)
    yield vector("a life that ends where it begins", "life", joined(R, link(R, A, B, exp=NOW - 30)), "outlives", 1)
    yield vector("an issuer's link without a life", "life", joined(root(exp=NOW - 60)), "outlives", 0)
    grand = link(L1, B, C, exp=NOW + 301)
    yield vector("a link that outlives its parent and not the issuer's", "life", joined(R, L1, grand), "outlives", 2)
    yield vector("another issuer", "issuer", joined(root(iss="https://other.example")), "wrong_issuer", 0, **a)
    yield vector("another issuer, by a slash", "issuer", joined(root(iss=ISSUER + "/")), "wrong_issuer", 0, **a)
    yield vector("another audience", "audience", joined(root(aud=["https://other.example"])), "wrong_audience", 0, **a)
    yield vector("an audience below", "audience", joined(root(aud=[AUDIENCE + "/x"])), "wrong_audience", 0, **a)


def sealed() -> Iterator[dict[str, Json]]:
    """Seals broken, moved, shortened under, extended."""
    links = [R, L1]
    whole = seal(links, B)
    yield vector("sealed, then shortened", "seal", joined(R, whole), "bad_signature", 0)
    mine = seal([R], A)
    yield vector("sealed, then extended", "seal", joined(R, L1, mine), "bad_signature", 1)
    alone = [R, link(R, A, A)]
    yield vector("shortened under a seal of the same key", "seal", joined(R, seal(alone, A)), "broken_chain", 0)
    yield vector("extended under a seal of the same key", "seal", joined(*alone, seal([R], A)), "broken_chain", 1)
    spliced = [R, link(R, A, B, sibling=9)]
    yield vector("a seal moved to a sibling", "seal", joined(*spliced, whole), "broken_chain", 1)
    yield vector("a link behind the seal", "seal", joined(R, mine, L1), "malformed", 1)
    yield vector("two seals", "seal", joined(R, mine, mine), "malformed", 1)
    yield vector("a seal alone", "seal", joined(mine), "unknown_key", 0)
    yield vector("a stranger's seal", "seal", joined(R, L1, seal(links, STRANGER)), "bad_signature", 1)
    yield vector("the seal of the holder before", "seal", joined(R, L1, seal(links, A)), "bad_signature", 1)
    yield vector("the issuer's seal", "seal", joined(R, seal([R], ISSUING)), "bad_signature", 0)
    yield vector(
        "a seal for another audience",
        "seal",
        joined(R, L1, seal(links, B, aud="https://x.example")),
        "wrong_audience",
        1,
    )
    yield vector("a seal that outlives", "seal", joined(R, L1, seal(links, B, exp=NOW + 301)), "outlives", 1)
    yield vector("a seal older than its link", "seal", joined(R, L1, seal(links, B, iat=NOW - 31)), "outlives", 1)
    yield vector("a seal that has expired", "seal", joined(R, L1, whole), "expired", 1, at=(NOW + 60) * 1000)
    yield vector("a seal that is not valid yet", "seal", joined(R, L1, seal(links, B, iat=NOW + 6)), "not_yet", 1)
    yield vector("a seal without a life", "seal", joined(R, L1, seal(links, B, exp=None)), "malformed", 1)
    yield vector("a seal with another's proof", "seal", joined(R, L1, whole), "unproven", 1, proof=A.public.thumbprint)
    yield vector("a seal by its other signature", "seal", joined(R, L1, twin(whole)), "bad_signature", 1)
    yield vector("a link's header on a seal", "seal", joined(R, L1, seal(links, B, header=LINK)), "malformed", 2)


def misshapen() -> Iterator[dict[str, Json]]:
    """Texts and payloads that are not of the format."""
    yield vector("nothing", "text", "", "malformed")
    yield vector("a prefix", "text", "gp_cap_", "malformed")
    yield vector("another prefix", "text", joined(R).replace("gp_cap_", "gp_sk_"), "malformed")
    yield vector("no prefix", "text", R, "malformed")
    yield vector("the prefix in capitals", "text", joined(R).replace("gp_cap_", "GP_CAP_"), "malformed")
    yield vector("a separator at the end", "text", joined(R) + "~", "malformed")
    yield vector("a separator at the beginning", "text", joined("", R), "malformed")
    yield vector("an empty link", "text", joined(R, "", L1), "malformed")
    handed = f"gp_hand_{R}~{encode(A.reveal())}"
    yield vector("the form for handing on", "text", handed, "carries_key")
    yield vector(
        "the form for handing on under the other prefix", "text", handed.replace("gp_hand_", "gp_cap_"), "malformed", 1
    )
    yield vector("nine links", "depth", joined(*deep(9)), "too_deep")
    nine = deep(9)
    yield vector("nine links, sealed", "depth", joined(*nine, seal(nine, HOLDERS[8])), "too_deep")
    yield vector("a hundred links", "depth", joined(*["a.b.c"] * 100), "too_deep")
    yield vector("huge", "size", joined("A" * 16385), "too_large")
    big = root(authority=grants(*(f"reports:read:{'x' * 100}{number:03}" for number in range(60))))
    yield vector("a link of more than 8192 characters", "size", joined(big), "malformed", 0)
    yield vector("65 grants", "size", joined(root(authority=grants(*["a:b"] * 65))), "malformed", 0)
    for name, text in {
        "padding": joined(R) + "=",
        "white space": joined(R) + " ",
        "a line's end": joined(R) + "\n",
        "bits that decoders ignore": joined(respelled(R)),
        "the other alphabet": joined(R[:-4] + "+/+A"),
        "a look-alike letter": joined(R[:-1] + "\u0410"),
        "a fourth segment": joined(R + ".e30"),
    }.items():
        yield vector(f"another spelling: {name}", "base64url", text, "malformed", 0)
    yield vector("another spelling in the parent", "base64url", joined(respelled(R), L1), "malformed", 0)
    for name, payload in {
        "a member twice": canonical(root_claims()).replace(b'"aud"', b'"iat":1,"aud"', 1),
        "the same member twice": canonical(root_claims()).replace(b'{"aud"', b'{"jti":"crd_0UuNB2BaZ9","aud"', 1),
        "white space": canonical(root_claims()).replace(b":", b": ", 1),
        "another order of members": json.dumps(dict(reversed(root_claims().items())), separators=(",", ":")).encode(),
        "a number in another spelling": canonical(root_claims()).replace(b'"exp":1780000600', b'"exp":1.7800006e9'),
        "an escape that is not needed": canonical(root_claims()).replace(b"per_ada", b"per_\\u0061da"),
        "not UTF-8": canonical(root_claims()).replace(b"per_ada", b"per_\xff"),
        "no JSON": b"{",
        "a list": b"[]",
    }.items():
        yield vector(f"payload: {name}", "payload", joined(signed(ROOT, payload, ISSUING)), "malformed", 0)
    wrong: Mapping[str, dict[str, Json]] = {
        "an unknown member": {"colour": "blue"},
        "no audience": {"aud": None},
        "an audience that is no list": {"aud": AUDIENCE},
        "an empty list of audiences": {"aud": []},
        "no key": {"cnf": None},
        "no owner": {"owner": None},
        "an instant as text": {"exp": str(NOW)},
        "half a second": {"exp": NOW + 0.5},
        "a negative instant": {"iat": -1},
        "an instant beyond the year 9999": {"exp": 253402300800},
        "an id in a link's name": {"jti": "lnk_AAAAAAAAAAAAAAAAAAAAAA"},
        "an id with a slash": {"jti": "crd_a/b"},
        "a thumbprint instead of the key": {"cnf": {"jkt": A.public.thumbprint}},
        "a private key": {"cnf": {"jwk": {**A.public.jwk, "d": encode(A.reveal())}}},
        "a key with another member": {"cnf": {"jwk": {**A.public.jwk, "kid": "a"}}},
        "a key that is no point": {"cnf": {"jwk": {**A.public.jwk, "x": A.public.jwk["y"]}}},
        "a key of another curve": {"cnf": {"jwk": {"crv": "Ed25519", "kty": "OKP", "x": A.public.jwk["x"]}}},
        "an authority that is a list": {"authority": []},
        "an authority with another member": {"authority": {"grants": [], "more": 1}},
    }
    for name, change in wrong.items():
        yield vector(f"claims: {name}", "claims", joined(root(**change)), "malformed", 0)
    wrong = {
        "no nonce": {"nonce": None},
        "a short nonce": {"nonce": "AAAA"},
        "an unknown member": {"sub": "agt_other"},
        "no parent": {"parent": None},
        "a short parent": {"parent": "AAAA"},
    }
    for name, change in wrong.items():
        yield vector(f"a link's claims: {name}", "claims", joined(R, link(R, A, B, **change)), "malformed", 1)
    wrong = {
        "an id of its own choice": {"jti": "lnk_AAAAAAAAAAAAAAAAAAAAAA"},
        "the id of its parent": {"jti": "crd_0UuNB2BaZ9"},
        "the id that follows from another nonce": {"nonce": encode(bytes(16))},
    }
    for name, change in wrong.items():
        yield vector(name, "id", joined(R, link(R, A, B, **change)), "wrong_id", 1, **THUMB)


GROUPS: tuple[Callable[[], Iterator[dict[str, Json]]], ...] = (
    accepted,
    cut_and_pasted,
    forged,
    widened,
    lives,
    sealed,
    misshapen,
)


def document() -> str:
    """The whole file."""
    vectors = [each for group in GROUPS for each in group()]
    about = (
        "Capabilities and what a verifier makes of them: `accept`, or a fault and, where there is one, the number "
        "of the link at fault. `proof` is the thumbprint of the key that the caller proved; without it there was none. "
        "`at` is in milliseconds. docs/capability-format.md is the format."
    )
    return (
        json.dumps(
            {
                "format": 1,
                "about": about,
                "issuer": ISSUER,
                "audience": AUDIENCE,
                "at": NOW * 1000,
                "keys": KEYS,
                "vectors": vectors,
            },
            indent=1,
        )
        + "\n"
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        DOCUMENT.write_text(document())
    sys.exit(0 if DOCUMENT.read_text() == document() else 1)
