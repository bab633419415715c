"""Access tokens: what goes in comes out; what is said twice agrees; nothing else is taken."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.keys.randomness import Numbered
from tests.laws import strategies

from gatepass import exact
from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Authority, Credential, Grant, Log, Permission, SingleUse, permits
from gatepass.credentials.access_tokens import AccessToken, AccessTokens, Actor, AgentClaims, Confirmation, StatusPlace
from gatepass.credentials.access_tokens.claims import LONGEST, MOST_ACTORS
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.access_tokens.notation import read_authority, scope_of, write_authority
from gatepass.errors import Denied, Error, Malformed, Unauthenticated
from gatepass.keys import SigningKey
from gatepass.keys.jose import PublicKey
from gatepass.keys.jose.base64url import decode, encode
from gatepass.keys.jose.fixed import header_segment
from gatepass.keys.jose.signing import HolderKey, sign

NOW = 1_780_000_000_000
ISSUER = "https://gatepass.example"
AUDIENCE = "https://gatepass.example/u/orders"
KEY, RETIRED = (SigningKey(Numbered(seed)(32)) for seed in (b"issuing", b"retired"))
HOLDER, EVE = (HolderKey.generate(Numbered(seed)) for seed in (b"holder", b"eve"))
MINTER = Minter(KEY, "k1")
VERIFIER = AccessTokens(
    ISSUER,
    {"k1": PublicKey.parse(dict(KEY.public.jwk)), "k2": PublicKey.parse(dict(RETIRED.public.jwk))},
    audience=AUDIENCE,
)
REFUND = Permission.parse("orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-678")
READ = Permission.parse("reports:read:finance/*")
STATUS = StatusPlace(40_301, f"{ISSUER}/oauth2/status/7")
ONCE = Grant(REFUND, (SingleUse("crd_0UuNB2BaZ9/use"), Log("audit")))


def token(authority: Authority | None = None, *, bound: bool = True, life: int = 60_000, **changes: Any) -> AccessToken:
    confirmation = Confirmation(HOLDER.public.thumbprint) if bound else None
    held = Credential(
        id=CredentialId("crd_0UuNB2BaZ9"),
        subject=AgentId("agt_support"),
        owner=PersonId("per_ada"),
        authority=Authority((ONCE, Grant(READ))) if authority is None else authority,
        issued=Instant(NOW),
        expires=Instant(NOW + life),
        parent=CredentialId("crd_0UuNB2Ba00"),
        ancestors=(CredentialId("crd_0UuNB2Ba00"), CredentialId("crd_0UuNB2Ba01")),
        run=RunId("run_0UuNB2C"),
        binding=None if confirmation is None else confirmation.binding,
        purpose="refund an order",
    )
    said = AccessToken(
        credential=held,
        issuer=ISSUER,
        audience=AUDIENCE,
        client=AgentId("agt_support"),
        subject=PersonId("per_ada"),
        actor=Actor(AgentId("agt_support"), Actor(AgentId("agt_planner"))),
        confirmation=confirmation,
        agent=AgentClaims("1.4.2", "host-7", ("executable", "tpm")),
        status=STATUS,
    )
    return replace(said, **changes)


def claims(**changes: Any) -> dict[str, Any]:
    found = {**json.loads(token().write()), **changes}
    return {name: value for name, value in found.items() if value is not None}


def signed(payload: Any, header: str | None = None, key: Any = KEY) -> str:
    body = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
    return sign(header or header_segment("at+jwt", "k1"), body, key)


def test_what_goes_in_comes_out() -> None:
    found = VERIFIER.verify(MINTER.mint(token()), at=Instant(NOW))
    assert found.said == token()
    assert found.proven_by(HOLDER.public.thumbprint) == token().credential


def test_the_claims_are_those_of_the_page_of_the_wire() -> None:
    said = json.loads(decode(MINTER.mint(token()).split(".")[1]))
    assert json.loads(decode(MINTER.mint(token()).split(".")[0])) == {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}
    assert said == {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": NOW // 1000,
        "nbf": NOW // 1000,
        "exp": NOW // 1000 + 60,
        "jti": "crd_0UuNB2BaZ9",
        "client_id": "agt_support",
        "sub": "per_ada",
        "act": {"sub": "agt_support", "act": {"sub": "agt_planner"}},
        "scope": "reports:read:finance/*",
        "authorization_details": [
            {
                "type": "orders",
                "actions": ["refund"],
                "identifier": "order-12345",
                "limits": {"amount": {"<=": 50, ">=": 0}, "currency": {"=": "USD"}, "user": {"=": "user-678"}},
                "caveats": [[14, "crd_0UuNB2BaZ9/use"], [11, "audit"]],
            },
            {"type": "reports", "actions": ["read"], "identifier": "finance/*"},
        ],
        "cnf": {"jkt": HOLDER.public.thumbprint},
        "run_id": "run_0UuNB2C",
        "agent_claims": {"agent_version": "1.4.2", "host_id": "host-7", "attestation": ["executable", "tpm"]},
        "owner": "per_ada",
        "purpose": "refund an order",
        "ancestors": ["crd_0UuNB2Ba00", "crd_0UuNB2Ba01"],
        "status": {"status_list": {"idx": 40301, "uri": f"{ISSUER}/oauth2/status/7"}},
    }


def test_the_smallest_token_says_no_more_than_it_has_to() -> None:
    small = AccessToken(
        credential=Credential(
            id=CredentialId("crd_0UuNB2BaZ9"),
            subject=AgentId("agt_support"),
            owner=PersonId("per_ada"),
            authority=Authority.of(READ),
            issued=Instant(NOW + 1),
            expires=Instant(NOW + 1_999),
        ),
        issuer=ISSUER,
        audience=AUDIENCE,
        client=AgentId("agt_support"),
        subject=AgentId("agt_support"),
    )
    found = VERIFIER.verify(MINTER.mint(small), at=Instant(NOW))
    assert found.said.credential.expires == NOW + 1_000
    assert found.proven_by(None).authority == Authority.of(READ)
    assert set(json.loads(decode(MINTER.mint(small).split(".")[1]))) == {
        *("iss", "aud", "iat", "nbf", "exp", "jti", "client_id", "sub", "owner", "authorization_details", "scope")
    }


class TestProof:
    def test_a_bound_token_is_worth_nothing_without_its_proof_or_with_anothers(self) -> None:
        found = VERIFIER.verify(MINTER.mint(token()), at=Instant(NOW))
        for proof in (None, EVE.public.thumbprint, "", f"x5t#S256:{HOLDER.public.thumbprint}"):
            with pytest.raises(Unauthenticated) as refused:
                found.proven_by(proof)
            assert refused.value.code == "credential_unproven"

    def test_a_bearers_token_takes_no_proof(self) -> None:
        found = VERIFIER.verify(MINTER.mint(token(bound=False)), at=Instant(NOW))
        assert found.binding is None
        with pytest.raises(Unauthenticated):
            found.proven_by(HOLDER.public.thumbprint)
        assert found.proven_by(None).binding is None

    def test_a_certificates_token_is_not_a_keys_nor_a_bearers(self) -> None:
        confirmation = Confirmation(HOLDER.public.thumbprint, certificate=True)
        held = replace(token().credential, binding=confirmation.binding)
        found = VERIFIER.verify(MINTER.mint(token(credential=held, confirmation=confirmation)), at=Instant(NOW))
        for proof in (None, HOLDER.public.thumbprint):
            with pytest.raises(Unauthenticated):
                found.proven_by(proof)
        assert found.proven_by(f"x5t#S256:{HOLDER.public.thumbprint}").binding == confirmation.binding


class TestNotations:
    def test_scope_says_only_what_holds_without_a_condition(self) -> None:
        assert scope_of(Authority((ONCE,))) == ""
        assert scope_of(Authority((ONCE, Grant(READ), Grant(READ)))) == "reports:read:finance/*"
        assert "scope" not in json.loads(token(Authority((ONCE,))).write())

    @pytest.mark.parametrize(
        "scope",
        [
            None,
            "",
            "reports:read",
            "reports:read:finance/* orders:refund:order-12345",
            f"{REFUND} {READ}",
            "reports:read:finance/* reports:read:finance/*",
            " reports:read:finance/*",
            "Reports:read:finance/*",
            ["reports:read:finance/*"],
        ],
    )
    def test_what_is_said_twice_agrees(self, scope: Any) -> None:
        with pytest.raises(Unauthenticated, match="do not say the same"):
            VERIFIER.verify(signed(claims(scope=scope)), at=Instant(NOW))

    @settings(max_examples=60)
    @given(strategies.authorities(least=1))
    def test_an_authority_comes_back_as_it_was(self, authority: Authority) -> None:
        wanted = Authority(authority.grants)
        assert read_authority(exact.read(exact.write(write_authority(wanted)))) == wanted

    @settings(max_examples=60)
    @given(st.data())
    def test_a_reader_of_scope_alone_sees_no_more_than_the_token_carries(self, data: st.DataObject) -> None:
        authority = data.draw(strategies.authorities(least=1))
        seen = Authority.of(*map(Permission.parse, scope_of(authority).split()))
        access = data.draw(strategies.accesses(authority))
        if permits(seen, access).permitted:
            assert permits(authority, access).permitted

    @pytest.mark.parametrize(
        "details",
        [
            [],
            {},
            None,
            ["orders:refund"],
            [{"type": "orders", "actions": ["refund", "cancel"]}],
            [{"type": "orders", "actions": ["*"]}],
            [{"type": "orders", "actions": ["refund"], "locations": ["x"]}],
            [{"type": "orders", "actions": ["refund"], "caveats": []}],
            [{"type": "orders", "actions": ["refund"], "caveats": {}}],
            [{"type": "orders", "actions": ["refund"], "caveats": [[11, "log"]] * 65}],
            [{"type": "orders", "actions": ["refund"]}] * 65,
        ],
        ids=str,
    )
    def test_details_that_are_not_ours_are_refused(self, details: Any) -> None:
        with pytest.raises(Unauthenticated):
            VERIFIER.verify(signed(claims(authorization_details=details, scope="orders:refund")), at=Instant(NOW))

    def test_a_caveat_of_the_future_is_kept_and_vetoes(self) -> None:
        details = [{"type": "reports", "actions": ["read"], "caveats": [[99, "sun shines"]]}]
        found = VERIFIER.verify(signed(claims(authorization_details=details, scope=None)), at=Instant(NOW))
        (grant,) = found.said.credential.authority.grants
        assert grant.caveats[0].number == 0

    def test_nothing_and_the_unreadable_are_not_signed(self) -> None:
        for authority in (Authority(), Authority(unread=("sun",)), Authority(tuple(Grant(READ) for _ in range(65)))):
            with pytest.raises(Malformed):
                MINTER.mint(token(authority))


def chain(count: int) -> dict[str, Any]:
    return {"sub": "agt_support"} if count == 1 else {"sub": "agt_support", "act": chain(count - 1)}


FORGERIES: dict[str, Callable[[], str]] = {
    "a stranger's signature": lambda: signed(claims(), key=EVE),
    "the other key's signature": lambda: signed(claims(), key=RETIRED),
    "a key that is not known": lambda: signed(claims(), header_segment("at+jwt", "k9")),
    "no key": lambda: signed(claims(), header_segment("at+jwt")),
    "another type": lambda: signed(claims(), header_segment("JWT", "k1")),
    "a capability's type": lambda: signed(claims(), header_segment("gatepass-root+jwt", "k1")),
    "the same header in another order": lambda: signed(claims(), encode(b'{"typ":"at+jwt","alg":"ES256","kid":"k1"}')),
    "no algorithm": lambda: signed(claims(), encode(b'{"alg":"none","kid":"k1","typ":"at+jwt"}')),
    "an embedded key": lambda: signed(claims(), encode(exact.write({"alg": "ES256", "jwk": EVE.public.jwk})), EVE),
    "another issuer": lambda: signed(claims(iss="https://other.example")),
    "the issuer with a slash": lambda: signed(claims(iss=ISSUER + "/")),
    "another audience": lambda: signed(claims(aud="https://other.example")),
    "a list of audiences": lambda: signed(claims(aud=[AUDIENCE])),
    "no issuer": lambda: signed(claims(iss=None)),
    "no subject": lambda: signed(claims(sub=None)),
    "no client": lambda: signed(claims(client_id=None)),
    "no id": lambda: signed(claims(jti=None)),
    "no owner": lambda: signed(claims(owner=None)),
    "no end": lambda: signed(claims(exp=None)),
    "an unknown member": lambda: signed(claims(admin=True)),
    "an id with a space": lambda: signed(claims(jti="crd_ x")),
    "an end as text": lambda: signed(claims(exp="1780000060")),
    "half a second": lambda: signed(claims(exp=1780000060.5)),
    "a life of a day": lambda: signed(claims(exp=1780086400)),
    "a second too much": lambda: signed(claims(exp=1780000901)),
    "no life": lambda: signed(claims(exp=1780000000)),
    "a later beginning": lambda: signed(claims(nbf=1780000001)),
    "an unknown confirmation": lambda: signed(claims(cnf={"kid": "x"})),
    "an empty confirmation": lambda: signed(claims(cnf={})),
    "two confirmations": lambda: signed(claims(cnf={"jkt": "A" * 43, "x5t#S256": "A" * 43})),
    "a short thumbprint": lambda: signed(claims(cnf={"jkt": "A" * 42})),
    "a confirmation that is a text": lambda: signed(claims(cnf="A" * 43)),
    "an actor that is a text": lambda: signed(claims(act="agt_support")),
    "an actor without a name": lambda: signed(claims(act={})),
    "an actor with a key": lambda: signed(claims(act={"sub": "agt_x", "cnf": {}})),
    "five actors": lambda: signed(claims(act=chain(5))),
    "unknown claims of the agent": lambda: signed(claims(agent_claims={"colour": "blue"})),
    "empty claims of the agent": lambda: signed(claims(agent_claims={})),
    "evidence that is a text": lambda: signed(claims(agent_claims={"attestation": "tpm"})),
    "an ancestor twice": lambda: signed(claims(ancestors=["crd_a", "crd_a"])),
    "ancestors that are a text": lambda: signed(claims(ancestors="crd_a")),
    "no ancestors in a list": lambda: signed(claims(ancestors=[])),
    "17 ancestors": lambda: signed(claims(ancestors=[f"crd_{number}" for number in range(17)])),
    "a status that is a text": lambda: signed(claims(status="valid")),
    "a status of another mechanism": lambda: signed(claims(status={"identifier_list": {"id": "x"}})),
    "two statuses": lambda: signed(claims(status={"status_list": {"idx": 1, "uri": "x"}, "other": {}})),
    "a status without a list": lambda: signed(claims(status={"status_list": {"idx": 1}})),
    "a status before the list": lambda: signed(claims(status={"status_list": {"idx": -1, "uri": "x"}})),
    "a status beyond any list": lambda: signed(claims(status={"status_list": {"idx": 1 << 24, "uri": "x"}})),
    "half a place": lambda: signed(claims(status={"status_list": {"idx": 0.5, "uri": "x"}})),
    "a place as text": lambda: signed(claims(status={"status_list": {"idx": "1", "uri": "x"}})),
    "a member twice": lambda: signed(token().write().replace(b'"aud"', b'"aud":"x","aud"', 1)),
    "a list": lambda: signed(b"[]"),
    "nothing": lambda: signed(b"null"),
    "more than a payload holds": lambda: signed(claims(purpose="x" * 8000)),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_everything_else_is_refused(name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        VERIFIER.verify(FORGERIES[name](), at=Instant(NOW))
    assert refused.value.code == "credential_invalid"
    assert "order-12345" not in refused.value.message


def test_too_long_is_refused_unread() -> None:
    with pytest.raises(Malformed, match="more than 12288 characters"):
        VERIFIER.verify(signed(claims(purpose="x" * 12000)), at=Instant(NOW))


def test_the_unforged_token_of_these_forgeries_is_taken() -> None:
    assert VERIFIER.verify(signed(claims()), at=Instant(NOW)).said == token()
    assert VERIFIER.verify(signed(claims(), header_segment("at+jwt", "k2"), RETIRED), at=Instant(NOW)).said == token()


def test_it_is_honoured_from_its_first_instant_to_before_its_last() -> None:
    text = MINTER.mint(token())
    for at in (NOW - 5_000, NOW, NOW + 59_999):
        VERIFIER.verify(text, at=Instant(at))
    for at in (NOW - 5_001, NOW + 60_000):
        with pytest.raises(Unauthenticated, match=r"not valid yet|has expired"):
            VERIFIER.verify(text, at=Instant(at))


def test_it_lives_fifteen_minutes_at_most() -> None:
    VERIFIER.verify(MINTER.mint(token(life=LONGEST)), at=Instant(NOW))
    with pytest.raises(Denied, match="at most 15 minutes"):
        MINTER.mint(token(life=LONGEST + 1))
    with pytest.raises(Malformed, match="life is none"):
        MINTER.mint(token(life=999))


def actors(count: int) -> Actor:
    return Actor(AgentId("agt_support"), None if count == 1 else actors(count - 1))


def test_a_token_that_would_not_be_read_or_says_two_things_is_not_signed() -> None:
    MINTER.mint(token(actor=actors(MOST_ACTORS)))
    held = token().credential
    for wrong in (
        token(actor=actors(MOST_ACTORS + 1)),
        token(actor=None),
        token(confirmation=None),
        token(confirmation=Confirmation(EVE.public.thumbprint)),
        token(credential=replace(held, parent=None)),
        token(credential=replace(held, subject=AgentId("agt_other"))),
        token(credential=replace(held, owner=PersonId("Ada Lovelace"))),
        token(credential=replace(held, run=RunId("run 1"))),
        token(credential=replace(held, purpose="x\n")),
        token(credential=replace(held, purpose="x" * 513)),
        token(issuer=""),
        token(status=StatusPlace(-1, "x")),
        token(status=StatusPlace(1 << 24, "x")),
        token(status=StatusPlace(1, "")),
        token(agent=AgentClaims(host_id="")),
        token(agent=AgentClaims(attestation=("x",) * 17)),
        token(confirmation=Confirmation("x"), credential=replace(held, binding="x")),
        token(credential=replace(held, ancestors=(held.ancestors[0],) * 2)),
        token(Authority(tuple(Grant(Permission.parse(f"reports:read:{'x' * 200}{n}")) for n in range(64)))),
    ):
        with pytest.raises(Malformed):
            MINTER.mint(wrong)


def test_no_character_can_be_changed() -> None:
    text = MINTER.mint(token())
    for place in range(0, len(text), 5):
        for other in ("A", "B", ".", "=", ""):
            changed = text[:place] + other + text[place + 1 :]
            if changed != text:
                with pytest.raises(Error):
                    VERIFIER.verify(changed, at=Instant(NOW))


@given(st.text(max_size=200))
def test_no_text_makes_verifying_raise_anything_else(text: str) -> None:
    for candidate in (text, f"{header_segment('at+jwt', 'k1')}.{text}.{text}"):
        with pytest.raises((Unauthenticated, Malformed)):
            VERIFIER.verify(candidate, at=Instant(NOW))


@given(st.binary(max_size=200))
def test_no_payload_that_the_issuer_signs_makes_it_raise_anything_else(payload: bytes) -> None:
    with pytest.raises((Unauthenticated, Malformed)):
        VERIFIER.verify(signed(payload or b"x"), at=Instant(NOW))


def test_a_number_is_what_its_text_says() -> None:
    limited = Permission.parse("orders:refund:order-1?amount<=0.1&amount>=0")
    found = VERIFIER.verify(MINTER.mint(token(Authority.of(limited))), at=Instant(NOW))
    assert found.said.credential.authority.grants[0].permission == limited
    assert Decimal("0.1") != Decimal(0.1)  # noqa: RUF032 - what a float would have made of it
