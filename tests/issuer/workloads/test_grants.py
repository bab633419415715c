"""Workloads' tokens, identity assertions and agents' own signatures: whom they prove, once, and to nobody else."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from typing import Any

import pytest
from tests.attestation.test_assertions import RSA, jwk, keys, signed

from gatepass import exact
from gatepass.access import AgentId, Instant
from gatepass.errors import Denied, Error, Unauthenticated, Unavailable
from gatepass.issuer.workloads import Allowed, ForeignKeys, OwnKeys, Proving, Trusted, Workloads
from gatepass.issuer.workloads.grants import CLIENT_ASSERTION, SPIFFE_ASSERTION
from gatepass.keys.jose.signing import HolderKey
from gatepass.registry import AgentKey, AgentKeyId, TrustKind, TrustRule, TrustRuleId
from gatepass.storage import MemoryReplay

ISSUER = "https://gatepass.example"
TOKEN = f"{ISSUER}/oauth2/token"
IDP = "https://idp.example"
BOT, OTHER = AgentId("agt_bot"), AgentId("agt_other")
NAMES = {"support-bot": BOT, BOT: BOT, "other-bot": OTHER, OTHER: OTHER}
START = Instant(1_800_000_000_000)
OWN = HolderKey((7).to_bytes(32, "big"))


async def nothing_is_fetched(url: str, *, private: bool) -> bytes:
    raise Unavailable("issuer_keys_unavailable", f"the issuer's keys cannot be fetched: {url} {private}")


class Here:
    def __init__(self, *rules: TrustRule) -> None:
        self.now = START
        trusted = Trusted(frozenset({ISSUER, TOKEN}))
        for rule in rules:
            trusted.put(rule)
        said = exact.write({**OWN.public.jwk, "alg": "ES256", "kid": "laptop"}).decode()
        thumbprint = OWN.public.thumbprint
        trusted.put(
            AgentKey(id=AgentKeyId("key_1"), agent=BOT, label="", jwk=said, thumbprint=thumbprint, created=START)
        )
        self.replays = MemoryReplay(lambda: self.now)
        proving = Proving(
            trusted=trusted,
            keys=ForeignKeys(nothing_is_fetched, lambda: self.now),
            clock=lambda: self.now,
        )
        self.trusted = trusted
        self.workloads = Workloads(
            proving=proving,
            own_keys=OwnKeys(trusted),
            issuer=ISSUER,
            token=TOKEN,
            names=NAMES.get,
            clock=lambda: self.now,
        )

    def granted(self, token: str, client_id: str | None = None, client: AgentId | None = None) -> Allowed:
        return asyncio.run(self.spent(self.workloads.granted(token, client_id, client), "grant_invalid"))

    def client(self, token: str, client_id: str | None = None, kind: str | None = CLIENT_ASSERTION) -> Allowed:
        return asyncio.run(self.spent(self.workloads.authenticated(kind, token, client_id), "client_invalid"))

    async def spent(self, asking: Awaitable[Allowed], code: str) -> Allowed:
        """As the token service does, last of all."""
        found = await asking
        if found.use is not None and not await self.replays.first(found.use.digest, found.use.until):
            raise (Denied if code == "grant_invalid" else Unauthenticated)(code, "the assertion was used before")
        return found

    def refusal(self, call: Any, *arguments: Any) -> str:
        with pytest.raises(Error) as refused:
            call(*arguments)
        return refused.value.code


def rule(name: str = "deploys", **more: Any) -> TrustRule:
    said = {"kind": TrustKind.OIDC, "issuer": IDP, "conditions": ("sub=svc-1",), "agent": BOT, "keys": keys(jwk())}
    return TrustRule(id=TrustRuleId(f"tru_{name}"), name=name, **{**said, **more})


def claims(**more: Any) -> dict[str, Any]:
    seconds = START // 1000
    said = {"iss": IDP, "sub": "svc-1", "aud": TOKEN, "exp": seconds + 300, "iat": seconds, "jti": "1"}
    return {name: value for name, value in {**said, **more}.items() if value is not None}


# -- a workload's token


def test_a_workloads_token_proves_its_agent_once() -> None:
    here = Here(rule(longest_life=60_000))
    token = signed(claims())
    found = here.granted(token)
    assert (found.agent, found.how, found.rule, found.longest) == (BOT, "jwt-bearer", "tru_deploys", 60_000)
    kept = json.loads(found.evidence["oidc"])
    assert (kept["issuer"], kept["subject"], kept["token"], kept["rule"]) == (IDP, "svc-1", "1", "deploys")
    assert kept["claims"] == {"sub": "svc-1"}
    assert token not in json.dumps(dict(found.evidence))
    with pytest.raises(Error) as refused:
        here.granted(token)
    assert (refused.value.code, refused.value.message) == ("grant_invalid", "the assertion was used before")
    # another signature under the same text, and another text of the same id, are the same use
    assert here.refusal(here.granted, signed(claims(extra="x"))) == "grant_invalid"
    assert here.granted(signed(claims(jti="2"))).agent == BOT


def test_a_token_without_an_id_is_known_by_what_was_signed() -> None:
    here = Here(rule())
    token = signed(claims(jti=None))
    here.granted(token)
    assert here.refusal(here.granted, token) == "grant_invalid"
    assert here.granted(signed(claims(jti=None, exp=START // 1000 + 301))).agent == BOT


def test_a_rule_may_let_a_token_count_often_and_one_that_wants_proof_may_not() -> None:
    token = signed(claims())
    often = Here(rule(single_use=False))
    assert {often.granted(token).agent for _ in range(3)} == {BOT}
    strict = Here(rule(single_use=False), rule("strict", single_use=False, reproof=True))
    assert strict.granted(token).rule == "tru_strict"
    assert strict.refusal(strict.granted, token) == "grant_invalid"


@pytest.mark.parametrize(
    "more",
    [
        {"aud": "https://elsewhere.example"},
        {"aud": [TOKEN, "https://elsewhere.example"]},
        {"aud": [TOKEN, ISSUER]},
        {"iss": "https://other.example"},
        {"iss": f"{IDP}/"},
        {"sub": "svc-2"},
        {"exp": START // 1000 - 61},
        {"exp": None},
        {"nbf": START // 1000 + 61},
        {"sub": None},
    ],
)
def test_whatever_does_not_hold_is_one_sentence(more: dict[str, Any]) -> None:
    here = Here(rule())
    with pytest.raises(Error) as refused:
        here.granted(signed(claims(**more)))
    assert refused.value.message == "the assertion proves no agent of this deployment"


def test_another_key_and_a_text_that_is_none_are_the_same_sentence() -> None:
    here = Here(rule())
    for token in (signed(claims(), HolderKey((2).to_bytes(32, "big"))), signed(claims(), RSA), "x", "a.b.c", ""):
        with pytest.raises(Error) as refused:
            here.granted(token)
        assert refused.value.message == "the assertion proves no agent of this deployment"


def test_an_unknown_issuer_is_never_gone_to() -> None:
    here = Here(rule(keys=None, keys_url="https://idp.example/jwks"))
    assert here.refusal(here.granted, signed(claims(iss="https://evil.example"))) == "grant_invalid"
    assert here.refusal(here.granted, signed(claims(), jku="https://evil.example")) == "grant_invalid"
    assert here.refusal(here.granted, signed(claims())) == "issuer_keys_unavailable"


def test_rules_that_disagree_prove_nobody_until_the_request_says_whom() -> None:
    here = Here(rule(), rule("other", agent=OTHER))
    assert here.refusal(here.granted, signed(claims())) == "grant_invalid"
    assert here.granted(signed(claims()), "other-bot").agent == OTHER
    assert here.refusal(here.granted, signed(claims(jti="2")), "nobody") == "grant_invalid"
    assert here.refusal(here.granted, signed(claims(jti="2")), "support-bot", OTHER) == "grant_invalid"


def test_a_client_id_has_to_say_the_same() -> None:
    here = Here(rule())
    assert here.refusal(here.granted, signed(claims()), "other-bot") == "grant_invalid"
    assert here.granted(signed(claims()), "support-bot").agent == BOT


def test_a_store_that_cannot_answer_lets_nobody_pass() -> None:
    here = Here(rule())
    here.replays.fail()
    assert here.refusal(here.granted, signed(claims())) == "storage_unavailable"


def test_a_rule_that_is_gone_proves_nobody() -> None:
    here = Here(rule())
    here.trusted.remove(rule())
    assert here.refusal(here.granted, signed(claims())) == "grant_invalid"


# -- an agent's own signature


def own(key: Any = OWN, header: Mapping[str, Any] | None = None, **more: Any) -> str:
    said = claims(iss="support-bot", sub="support-bot", aud=ISSUER, **more)
    return signed(said, key, **{"kid": "laptop", **(header or {})})


def test_an_agent_signs_for_itself() -> None:
    here = Here()
    for number, header in enumerate(({}, {"kid": OWN.public.thumbprint}, {"typ": "client-authentication+jwt"})):
        found = here.client(own(header=header, jti=str(number)), "support-bot")
        assert (found.agent, found.how) == (BOT, "private_key_jwt")
    assert here.refusal(here.client, own(jti="0")) == "client_invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": TOKEN},
        {"aud": [ISSUER, TOKEN]},
        {"aud": f"{ISSUER}/"},
        {"aud": None},
        {"sub": "other-bot"},
        {"sub": None},
        {"iss": "other-bot", "sub": "other-bot"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"exp": START // 1000 + 700},
        {"exp": START // 1000 - 61},
        {"exp": None},
        {"iat": START // 1000 + 61},
        {"nbf": "now"},
    ],
)
def test_a_client_assertion_that_says_otherwise_is_refused(wrong: dict[str, Any]) -> None:
    here = Here(rule())
    said = {**claims(iss="support-bot", sub="support-bot", aud=ISSUER), **wrong}
    said = {name: value for name, value in said.items() if value is not None}
    assert here.refusal(here.client, signed(said, OWN, kid="laptop")) == "client_invalid"


def test_another_agents_key_and_a_key_by_another_name_are_refused() -> None:
    here = Here()
    assert here.refusal(here.client, own(HolderKey((8).to_bytes(32, "big")))) == "client_invalid"
    assert here.refusal(here.client, own(header={"kid": "desktop"})) == "client_invalid"
    assert here.refusal(here.client, own(), "other-bot") == "client_invalid"
    assert here.refusal(here.client, own(), None, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer") == (
        "client_invalid"
    )
    key = next(iter(here.trusted.keys.values()))
    here.trusted.put(AgentKey(**{**{name: getattr(key, name) for name in key.__slots__}, "expires": START}))
    assert here.refusal(here.client, own()) == "client_invalid"


def test_a_workloads_token_authenticates_a_client_for_the_issuer_alone() -> None:
    here = Here(rule())
    assert here.refusal(here.client, signed(claims())) == "client_invalid"  # for the token endpoint
    found = here.client(signed(claims(aud=ISSUER)), "support-bot")
    assert (found.agent, found.how) == (BOT, "workload_jwt")


def test_a_svid_authenticates_as_what_it_is() -> None:
    bundle = keys(jwk(use="jwt-svid"))
    svid = {"iss": None, "sub": "spiffe://prod.example/ns/a", "aud": ISSUER, "jti": None}
    here = Here(
        rule(
            kind=TrustKind.SPIFFE,
            issuer="spiffe://prod.example",
            keys=bundle,
            conditions=("sub=spiffe://prod.example/ns/a",),
        )
    )
    assert here.refusal(here.client, signed(claims(**svid))) == "client_invalid"
    assert here.client(signed(claims(**svid)), None, SPIFFE_ASSERTION).agent == BOT
    assert here.refusal(here.client, signed(claims(**svid)), None, SPIFFE_ASSERTION) == "client_invalid"
    other = {**svid, "sub": "spiffe://test.example/ns/a"}
    assert here.refusal(here.client, signed(claims(**other)), None, SPIFFE_ASSERTION) == "client_invalid"
    assert here.refusal(here.client, own(), None, SPIFFE_ASSERTION) == "client_invalid"


# -- an identity assertion


JAG = {"typ": "oauth-id-jag+jwt"}


def jag(**more: Any) -> str:
    said = {"aud": ISSUER, "client_id": "support-bot", "sub": "svc-1", **more}
    return signed(claims(**said), **JAG)


def test_an_identity_assertion_bounds_what_its_client_gets() -> None:
    here = Here(rule())
    found = here.granted(
        jag(scope="orders:read orders:list", resource=f"{ISSUER}/u/orders", cnf={"jkt": "k"}), None, BOT
    )
    assert found.how == "id-jag"
    assert found.scopes == ("orders:read", "orders:list")
    assert found.resources == (f"{ISSUER}/u/orders",)
    assert found.key == "k"
    assert here.refusal(here.granted, jag(), None, BOT) == "grant_invalid"
    bare = here.granted(jag(jti="2"), "support-bot", BOT)
    assert (bare.scopes, bare.resources, bare.key) == (None, (), None)
    assert here.granted(jag(jti="3", scope=7), None, BOT).scopes == ()


@pytest.mark.parametrize(
    "more",
    [
        {"client_id": "other-bot"},
        {"client_id": None},
        {"aud": TOKEN},
        {"aud": [ISSUER, TOKEN]},
        {"jti": None},
        {"exp": None},
        {"cnf": {"x5t#S256": "c"}},
        {"cnf": {}},
        {"resource": [7]},
        {"resource": []},
    ],
)
def test_an_identity_assertion_for_another_is_refused(more: dict[str, Any]) -> None:
    here = Here(rule())
    assert here.refusal(here.granted, jag(**more), None, BOT) == "grant_invalid"


def test_no_kind_of_token_is_taken_for_another() -> None:
    here = Here(rule())
    assert here.refusal(here.granted, jag()) == "client_invalid"  # nobody else authenticated
    assert here.refusal(here.client, jag()) == "client_invalid"
    assert here.refusal(here.granted, own(header={"typ": "client-authentication+jwt"})) == "grant_invalid"
    assert here.refusal(here.granted, own()) == "grant_invalid"
    assert here.refusal(here.granted, jag(), None, OTHER) == "grant_invalid"
