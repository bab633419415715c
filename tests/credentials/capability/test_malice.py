"""A holder who signs whatever it likes, with every key but the issuer's, gets no further than what it was given."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.capability_vectors import (
    AUDIENCE,
    HOLDERS,
    ISSUER,
    ISSUING,
    NOW,
    REFUND,
    R,
    digest,
    grants,
    joined,
    link,
    seal,
)
from tests.laws import strategies

from gatepass import exact
from gatepass.access import Instant
from gatepass.authority import Authority, authority_from_json, authority_to_json, covers, permits
from gatepass.credentials.capability import Capabilities, UnprovenCapability, UnverifiedCapability
from gatepass.credentials.capability.verifying import fresh_meters
from gatepass.errors import Error
from gatepass.keys.jose.base64url import encode
from gatepass.keys.jose.signing import HolderKey

VERIFIER = Capabilities(ISSUER, {"k1": ISSUING.public}, audience=AUDIENCE)
KEYS = HOLDERS[:3]
ROOT = authority_from_json(
    exact.read(
        exact.write(
            {"grants": tuple({"scope": each["scope"]} for each in grants(REFUND, "reports:read:finance/*")["grants"])}
        )
    )
)

authorities = st.one_of(
    strategies.related(ROOT).map(authority_to_json),
    st.sampled_from(
        [grants(REFUND), grants("reports:read:finance/*"), grants("reports:read"), grants(), grants("a:b")]
    ),
    st.sampled_from(
        [
            [13, "crd_0UuNB2BaZ9/calls", 1],
            [14, "crd_victim0000/use"],
            [1, (NOW + 100) * 1000],
            [99, "x"],
            [11, "log"],
        ]
    ).map(lambda caveat: grants((REFUND, [caveat]))),
)
claims = st.fixed_dictionaries(
    {},
    optional={
        "authority": authorities,
        "iat": st.integers(NOW - 70, NOW + 10),
        "exp": st.integers(NOW - 10, NOW + 700),
        "jti": st.sampled_from(["crd_0UuNB2BaZ9", "crd_victim0000", "lnk_AAAAAAAAAAAAAAAAAAAAAA"]),
        "nonce": st.sampled_from([encode(bytes(16)), "AAAA", None]),
        "parent": st.sampled_from([encode(bytes(32)), encode(digest(R)), None]),
        "sub": st.just("agt_other"),
    },
)


@st.composite
def chains(draw: st.DrawFn) -> tuple[str, HolderKey]:
    links, last = [R], KEYS[0]
    for _ in range(draw(st.integers(0, 3))):
        before = draw(st.sampled_from([links[-1], links[-1], links[-1], links[0]]))
        by = draw(st.sampled_from([last, last, last, *KEYS]))
        to = draw(st.sampled_from(KEYS))
        said: dict[str, Any] = draw(st.one_of(st.just({}), st.just({}), claims))
        links.append(link(before, by, to, **{"authority": draw(authorities), **said}))
        last = to
    if draw(st.integers(0, 5)) == 0:
        links = draw(st.permutations(links))
    if draw(st.booleans()):
        ends = draw(st.integers(NOW + 1, NOW + 400))
        over = draw(st.sampled_from([links, links, links[:-1]]))
        return joined(*links, seal(list(over), draw(st.sampled_from([last, last, *KEYS])), exp=ends)), last
    return joined(*links), last


def verified(text: str) -> UnprovenCapability | None:
    try:
        return VERIFIER.verify(UnverifiedCapability.parse(text), at=Instant(NOW * 1000))
    except Error:
        return None


@settings(max_examples=150)
@given(st.data())
def test_whatever_verifies_stays_inside_what_the_issuer_gave(data: st.DataObject) -> None:
    text, _ = data.draw(chains())
    found = verified(text)
    if found is None:
        return
    assert found.root.authority == ROOT
    ids = [each.id for each in found.links]
    assert len(set(ids)) == len(ids)
    for before, after in zip(found.links, found.links[1:], strict=False):
        assert covers(before.authority, after.authority)
        assert before.issued <= after.issued < after.expires <= before.expires
        assert after.id.startswith("lnk_")
        assert fresh_meters(before.authority, after.authority) <= {after.id}
    last: Authority = found.links[-1].authority
    access = data.draw(strategies.accesses(last))
    if permits(last, access).permitted:
        assert permits(ROOT, access).permitted


@settings(max_examples=60)
@given(chains())
def test_nobody_but_the_last_key_can_use_it(made: tuple[str, HolderKey]) -> None:
    text, _ = made
    found = verified(text)
    if found is None:
        return
    for key in KEYS:
        try:
            held = found.proven_by(key.public.thumbprint)
        except Error:
            assert key.public.thumbprint != found.holder
        else:
            assert held.binding == key.public.thumbprint == found.holder


def test_some_of_these_chains_do_verify() -> None:
    honest = link(R, KEYS[0], KEYS[1])
    assert verified(joined(R, honest)) is not None
    assert verified(joined(R, honest, seal([R, honest], KEYS[1]))) is not None
