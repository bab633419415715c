"""An API of somebody's own verifies passes offline, and does not pretend to know what it cannot."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.client.doubles import Answer, Asked, Double, serving
from tests.credentials.capability import chains
from tests.keys.randomness import Numbered

from gatepass.access import Action, ActionClass, AgentId, CredentialId, Instant, Json, PersonId
from gatepass.authority import Authority, Credential, Grant, Log, Permission, SingleUse
from gatepass.client.accepting import Accepted, Introspection, IssuerKeys, Presented, UsesInMemory, Verifier
from gatepass.client.accepting.keys import AGAIN, FRESH, LONGEST
from gatepass.client.holding import ApiToken
from gatepass.credentials.access_tokens import AccessToken, Confirmation
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.capability.narrowing import Handover, seal
from gatepass.credentials.proofs.making import make_proof
from gatepass.errors import Denied, Malformed, Unauthenticated, Unavailable, UpstreamFailed
from gatepass.keys import SigningKey
from gatepass.keys.jose.signing import HolderKey

NOW = 1_780_000_000_000
API = "https://api.example/orders"
URL = f"{API}/order-12345/refunds"
KEY, OTHER = (SigningKey(Numbered(seed)(32)) for seed in (b"issuing", b"other"))
HOLDER, EVE = (HolderKey.generate(Numbered(seed)) for seed in (b"holder", b"eve"))
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
DO_REFUND, DO_READ = Action("refund", ActionClass.WRITE), Action("read", ActionClass.READ)
FORTY: dict[str, Json] = {"amount": Decimal(40), "currency": "USD"}


class Clock:
    at = NOW

    def __call__(self) -> Instant:
        return Instant(self.at)


class Keys:
    """What the issuer's address answers."""

    def __init__(self) -> None:
        self.keys: dict[str, SigningKey] = {"k1": KEY}
        self.instead: Answer | None = None

    def answer(self, asked: Asked) -> Answer:
        assert asked.path == "/.well-known/jwks.json"
        jwks = [{**key.public.jwk, "kid": name, "use": "sig", "alg": "ES256"} for name, key in self.keys.items()]
        return self.instead or Answer(200, json.dumps({"keys": jwks}).encode())


@contextmanager
def api(**settings: Any) -> Iterator[tuple[Verifier, Keys, Double, Clock]]:
    keys, clock = Keys(), Clock()
    with serving(keys.answer) as double:
        verifier = Verifier(double.url, API, now=clock, **settings)
        clock.at += 2_000
        yield verifier, keys, double, clock


def token(issuer: str, *grants: Grant | str, key: SigningKey = KEY, kid: str = "k1", **changes: Any) -> str:
    confirmation = changes.pop("confirmation", Confirmation(HOLDER.public.thumbprint))
    made = tuple(each if isinstance(each, Grant) else Grant(Permission.parse(each)) for each in grants or (REFUND,))
    held = Credential(
        id=CredentialId("crd_0UuNB2BaZ9"),
        subject=AgentId("agt_support"),
        owner=PersonId("per_ada"),
        authority=Authority(made),
        issued=Instant(changes.pop("issued", NOW)),
        expires=Instant(changes.pop("expires", NOW + 300_000)),
        binding=None if confirmation is None else confirmation.binding,
    )
    said = AccessToken(
        credential=held,
        issuer=issuer,
        audience=API,
        client=AgentId("agt_support"),
        subject=AgentId("agt_support"),
        confirmation=confirmation,
    )
    return Minter(key, kid).mint(replace(said, **changes))


DRAWN = Numbered(b"proofs")


def shown(
    text: str,
    at: int,
    *,
    by: HolderKey = HOLDER,
    method: str = "POST",
    url: str = URL,
    credential: str | None = None,
    made: int | None = None,
) -> Presented:
    when, named = Instant(at if made is None else made), text if credential is None else credential
    proof = make_proof(by, method=method, url=url, at=when, entropy=DRAWN, credential=named)
    return Presented.of("POST", URL, [("Authorization", f"DPoP {text}"), ("DPoP", proof)])


def borne(text: str) -> Presented:
    return Presented.of("POST", URL, [("authorization", f"bearer {text}")])


def test_a_bound_pass_is_accepted_with_its_proof_once() -> None:
    with api() as (verifier, _, double, clock):
        presented = shown(token(double.url), clock.at)
        accepted = verifier.accept(presented)
        assert accepted.check("orders", DO_REFUND, "order-12345", properties=FORTY) == ()
        assert accepted.proven
        assert [text.partition(":")[0] for text in accepted.not_known] == [
            "whether it was withdrawn since it was issued",
            "whether the role of its agent, or a policy, has been narrowed since",
        ]
        with pytest.raises(Unauthenticated, match="used before"):
            verifier.accept(presented)
        assert len(double.asked) == 1, "the keys are asked for once"


def test_a_loop_is_not_held_up_and_gets_the_same() -> None:
    with api() as (verifier, _, double, clock):
        accepted = asyncio.run(verifier.accept_async(shown(token(double.url), clock.at)))
        assert accepted.credential.id == "crd_0UuNB2BaZ9"
        again = asyncio.run(verifier.accept_async(shown(token(double.url), clock.at)))
        assert again.credential == accepted.credential


def proven(grant: Grant | str = REFUND, **settings: Any) -> Accepted:
    with api(**settings) as (verifier, _, double, clock):
        return verifier.accept(shown(token(double.url, grant), clock.at))


@pytest.mark.parametrize(
    ("ids", "properties"),
    [
        (("order-12345",), {**FORTY, "amount": Decimal(51)}),
        (("order-99",), FORTY),
        (("order-12345", "order-99"), FORTY),
        ((), FORTY),
        (("order-12345",), {**FORTY, "note": "more"}),
        (("order-12345",), {**FORTY, "amount": "40"}),
    ],
)
def test_more_than_the_pass_says_is_denied(ids: tuple[str, ...], properties: Any) -> None:
    with pytest.raises(Denied):
        proven().check("orders", DO_REFUND, *ids, properties=properties)


def test_what_is_counted_elsewhere_is_refused_and_duties_are_named() -> None:
    once = Grant(Permission.parse(REFUND), (SingleUse("crd_0UuNB2BaZ9/use"),))
    with pytest.raises(Denied) as error:
        proven(once).check("orders", DO_REFUND, "order-12345", properties=FORTY)
    assert error.value.code == "meter_elsewhere"
    logged = Grant(Permission.parse(REFUND), (Log("audit"),))
    with pytest.raises(Denied):
        proven(logged).check("orders", DO_REFUND, "order-12345", properties=FORTY)
    duties = proven(logged, honoured=frozenset({"audit"}))
    assert duties.check("orders", DO_REFUND, "order-12345", properties=FORTY) == ("audit",)


def test_a_bearers_pass_reads_and_does_no_more() -> None:
    with api() as (verifier, _, double, _clock):
        text = token(double.url, REFUND, "orders:read:order-12345", confirmation=None)
        accepted = verifier.accept(borne(text))
        accepted.check("orders", DO_READ, "order-12345")
        with pytest.raises(Denied) as error:
            accepted.check("orders", DO_REFUND, "order-12345", properties=FORTY)
        assert error.value.code == "proof_required"


def attacks() -> list[tuple[str, Callable[[str, int], Presented]]]:
    late, certificate = NOW - 90_000, Confirmation("A" * 43, certificate=True)
    return [
        ("another's key", lambda issuer, at: shown(token(issuer), at, by=EVE)),
        ("no proof", lambda issuer, _at: borne(token(issuer))),
        ("proof of another method", lambda issuer, at: shown(token(issuer), at, method="GET")),
        ("proof of another URL", lambda issuer, at: shown(token(issuer), at, url=f"{API}/order-1")),
        ("proof of another token", lambda issuer, at: shown(token(issuer), at, credential="other")),
        ("an old proof", lambda issuer, at: shown(token(issuer), at, made=late)),
        ("a proof from before the start", lambda issuer, at: shown(token(issuer), at, made=NOW)),
        ("a proof with a bearer's token", lambda issuer, at: shown(token(issuer, confirmation=None), at)),
        ("another audience", lambda issuer, at: shown(token(issuer, audience=f"{API}/"), at)),
        ("another issuer", lambda issuer, at: shown(token("https://evil.example"), at)),
        ("another's signature", lambda issuer, at: shown(token(issuer, key=OTHER), at)),
        ("an unknown key", lambda issuer, at: shown(token(issuer, key=OTHER, kid="k9"), at)),
        ("an ended token", lambda issuer, at: shown(token(issuer, issued=NOW - 600_000, expires=NOW), at)),
        ("an API token", lambda _issuer, _at: borne("gp_sk_0123456789")),
        ("no certificate", lambda issuer, _at: borne(token(issuer, confirmation=certificate))),
        ("a key for a certificate", lambda issuer, at: shown(token(issuer, confirmation=certificate), at)),
    ]


@pytest.mark.parametrize(("name", "make"), attacks(), ids=[name for name, _ in attacks()])
def test_an_attack_is_refused(name: str, make: Callable[[str, int], Presented]) -> None:
    with api() as (verifier, _, double, clock), pytest.raises(Unauthenticated):
        verifier.accept(make(double.url, clock.at))


def test_a_certificate_proves_what_is_bound_to_it() -> None:
    with api() as (verifier, _, double, _clock):
        text = token(double.url, confirmation=Confirmation("A" * 43, certificate=True))
        headers = [("Authorization", f"Bearer {text}")]
        verifier.accept(Presented.of("POST", URL, headers, certificate="A" * 43))
        with pytest.raises(Unauthenticated, match="another key"):
            verifier.accept(Presented.of("POST", URL, headers, certificate="B" * 43))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer a"), ("authorization", "Bearer b")],
        [("Authorization", "Basic a")],
        [("Authorization", "DPoP a b")],
        [("Authorization", "Bearer a, Bearer b")],
        [("Authorization", "Bearer " + "a" * 20_481)],
    ],
)
def test_exactly_one_credential_comes(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unauthenticated):
        Presented.of("GET", URL, headers)


def test_a_capability_is_accepted_proven_or_sealed() -> None:
    keys, clock = Keys(), Clock()
    with serving(keys.answer) as double:
        verifier = Verifier(double.url, API, now=clock)
        clock.at += 2_000
        chain = mint(
            chains.credential(chains.authority("orders:read:*")),
            HOLDER.public,
            issuer=double.url,
            audiences=(API,),
            key=KEY,
            key_id="k1",
        )
        accepted = verifier.accept(shown(chain.text, clock.at))
        accepted.check("orders", DO_READ, "order-1")
        for attack in (shown(chain.text, clock.at, by=EVE), borne(chain.text)):
            with pytest.raises(Unauthenticated):
                verifier.accept(attack)
        sealed = seal(chain, HOLDER, audience=API, at=Instant(clock.at), expires=Instant(clock.at + 60_000))
        assert not verifier.accept(borne(sealed.text)).proven
        with pytest.raises(Malformed) as error:
            verifier.accept(borne(Handover(chain, HOLDER).reveal()))
        assert error.value.code == "capability_carries_key"


def test_the_issuer_can_be_asked_and_is_believed() -> None:
    class Live:
        def __init__(self, *, live: bool) -> None:
            self.live = live

        def is_live(self, _text: str) -> bool:
            return self.live

    assert len(proven(live=Live(live=True)).not_known) == 1
    with pytest.raises(Unauthenticated, match="not live"):
        proven(live=Live(live=False))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200, b'{"active":true,"jti":"crd_1"}'), True),
        (Answer(200, b'{"active":false}'), False),
        (Answer(200, b'{"active":"true"}'), UpstreamFailed),
        (Answer(200, b"{}"), UpstreamFailed),
        (Answer(200, b'{"active":' + b" " * 70_000 + b"true}"), UpstreamFailed),
        (Answer(302, b'{"active":true}', {"location": "/elsewhere"}), UpstreamFailed),
        (Answer(401, b'{"error":"invalid_client"}'), Unauthenticated),
        (Answer(503, b'{"error":"temporarily_unavailable"}'), Unavailable),
    ],
    ids=lambda value: str(value)[:40],
)
def test_introspection_says_yes_or_no_or_cannot_say(answer: Answer, outcome: Any) -> None:
    with serving(lambda _asked: answer) as double:
        asks = Introspection(double.url, ApiToken("gp_sk_secret", "orders-api"))
        if isinstance(outcome, bool):
            assert asks.is_live("a.b.c") is outcome
        else:
            with pytest.raises(outcome):
                asks.is_live("a.b.c")
        asks.close()
        assert [asked.path for asked in double.asked] == ["/oauth2/introspect"]
        assert double.asked[0].body == b"client_id=orders-api&client_secret=gp_sk_secret&token=a.b.c"
    with pytest.raises(Unavailable):
        Introspection(double.url, ApiToken("gp_sk_secret", "orders-api")).is_live("a.b.c")


def test_keys_are_renewed_when_due_and_no_stranger_decides_when() -> None:
    with api() as (verifier, keys, double, clock):
        verifier.accept(shown(token(double.url), clock.at))
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                verifier.accept(shown(token(double.url, key=OTHER, kid="k2"), clock.at))
        assert len(double.asked) == 1, "asked just now"
        clock.at += AGAIN
        keys.keys = {"k1": KEY, "k2": OTHER}
        verifier.accept(shown(token(double.url, key=OTHER, kid="k2"), clock.at))
        assert len(double.asked) == 2
        clock.at += FRESH
        del keys.keys["k1"]
        text = token(double.url, issued=clock.at, expires=clock.at + 60_000)
        with pytest.raises(Unauthenticated, match="no key"):
            verifier.accept(shown(text, clock.at))


@pytest.mark.parametrize(
    "instead",
    [
        Answer(302, b"", {"location": "http://127.0.0.1:1/"}),
        Answer(500, b"{}"),
        Answer(200, b"not json"),
        Answer(200, b'{"keys":' + b" " * 300_000 + b"[]}"),
        Answer(200, b'{"keys":[{"kty":"oct","k":"AAAA"}]}'),
    ],
)
def test_keys_that_cannot_be_had_fail_closed(instead: Answer) -> None:
    with api() as (verifier, keys, double, clock):
        keys.instead = instead
        with pytest.raises(UpstreamFailed):
            verifier.accept(shown(token(double.url), clock.at))
        keys.instead = None
        clock.at += AGAIN
        verifier.accept(shown(token(double.url), clock.at))


def test_keys_that_are_not_renewed_count_for_a_quarter_of_an_hour() -> None:
    clock, keys = Clock(), Keys()
    with serving(keys.answer) as double:
        held = IssuerKeys(double.url, now=clock)
        assert set(held.current()) == {"k1"}
        keys.instead = Answer(503, b"{}")
        clock.at += LONGEST - 1
        assert set(held.current()) == {"k1"}
        clock.at += AGAIN
        with pytest.raises(UpstreamFailed):
            held.current()
    with pytest.raises(Unavailable):
        IssuerKeys("http://127.0.0.1:9", now=clock).current()


def test_what_cannot_be_remembered_is_refused() -> None:
    uses = UsesInMemory(Instant(0), most=2)
    assert [uses.first(use, Instant(NOW), Instant(NOW - 1)) for use in (b"a", b"a", b"b")] == [True, False, True]
    with pytest.raises(Unavailable):
        uses.first(b"c", Instant(NOW), Instant(NOW - 1))
    assert uses.first(b"c", Instant(NOW + 9), Instant(NOW))
