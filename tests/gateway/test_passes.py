"""Access tokens at a surface: what is taken, what is refused and with which challenge, and what is forgotten when."""

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.gateway.house import BOT, START
from tests.gateway.passes import BASE, ORDERS, Issuer

from gatepass.access import Access, Action, ActionClass, CredentialId, Instant, Resource
from gatepass.authority import SingleUse
from gatepass.credentials.proofs.making import make_proof
from gatepass.errors import Denied, Error, LimitExceeded, Unauthenticated, Unavailable
from gatepass.gateway.callers import Caller
from gatepass.gateway.requests import Request
from gatepass.keys.jose.signing import HolderKey
from gatepass.revocation import Scope, Withdrawn
from gatepass.web.problems import problem_of

KEY = HolderKey.generate(os.urandom)
OTHER = HolderKey.generate(os.urandom)
READ = "orders:list"
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"


def met(issuer: Issuer, request: Request, surface: str = "rest") -> Caller:
    return asyncio.run(issuer.house.admission.meet(request, surface))


def refused(issuer: Issuer, request: Request, surface: str = "rest") -> Error:
    with pytest.raises(Error) as refusal:
        met(issuer, request, surface)
    return refusal.value


def challenges(error: Error) -> list[str]:
    headers = problem_of(error).headers
    return [value.decode() for name, value in headers if name == b"www-authenticate"]


def test_a_bearers_token_reads() -> None:
    issuer = Issuer()
    caller = met(issuer, issuer.request(issuer.token(READ)))
    assert (caller.agent is not None, caller.proof_key, caller.context.audience) == (True, None, ORDERS)
    assert caller.holding.meters == CredentialId(BOT)


@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP"])
def test_a_bound_token_goes_with_its_proof_under_a_scheme_in_any_case(scheme: str) -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    caller = met(issuer, issuer.request(text, issuer.proof(KEY, text), scheme=scheme))
    assert caller.proof_key == KEY.public.thumbprint
    assert caller.context.proof_key == KEY.public.thumbprint


def test_a_bound_token_is_no_bearers() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    for proof in (None, issuer.proof(KEY, text)):
        error = refused(issuer, issuer.request(text, proof, scheme="Bearer"))
        assert (type(error), error.code) == (Unauthenticated, "credential_unproven")
        used, other = challenges(error)
        assert used.startswith('Bearer realm="gatepass", error="invalid_token"')
        assert other.startswith('DPoP realm="gatepass", algs="')
        assert f'resource_metadata="{BASE}/.well-known/oauth-protected-resource/u/orders"' in used


def test_a_bearers_token_takes_no_proof() -> None:
    issuer = Issuer()
    text = issuer.token(READ)
    error = refused(issuer, issuer.request(text, issuer.proof(KEY, text)))
    assert error.code == "credential_unproven"
    assert challenges(error)[0].startswith("DPoP ")


def another(**said: Any) -> Callable[[Issuer, str], str]:
    key = said.pop("key", KEY)
    return lambda issuer, text: issuer.proof(key, said.pop("text", text), **said)


def moved(seconds: int) -> Callable[[Issuer, str], str]:
    return lambda issuer, text: issuer.proof(KEY, text, at=Instant(issuer.house.now + seconds * 1000))


@pytest.mark.parametrize(
    ("proof", "fault"),
    [
        (another(key=OTHER), "binding"),
        (another(text="another"), "credential"),
        (another(method="POST"), "method"),
        (another(path="/u/orders/other"), "target"),
        (another(path="/u/payroll/orders"), "target"),
        (another(path="/u/orders%2Forders"), "target"),
        (another(path="/mcp/orders"), "target"),
        (another(url="http://gatepass.example/u/orders/orders"), "target"),
        (another(url="https://gatepass.example:8443/u/orders/orders"), "target"),
        (another(url="https://evil.example/u/orders/orders"), "target"),
        (another(url="https://gatepass.example.evil.example/u/orders/orders"), "target"),
        (moved(-3600), "time"),
        (moved(3600), "time"),
        (moved(-61), "time"),
        (moved(61), "time"),
        (lambda _i, _t: "not a proof", "malformed"),
        (lambda _i, _t: "", "malformed"),
        (lambda _i, text: text, "malformed"),
    ],
)
def test_a_proof_that_is_not_for_this_call_is_refused(proof: Callable[[Issuer, str], str], fault: str) -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    error = refused(issuer, issuer.request(text, proof(issuer, text)))
    assert (error.code, error.details["fault"]) == ("proof_invalid", fault)
    assert challenges(error)[0].startswith('DPoP realm="gatepass", algs="ES256')
    assert 'error="invalid_dpop_proof"' in challenges(error)[0]
    met(issuer, issuer.request(text, issuer.proof(KEY, text)))


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://GATEPASS.EXAMPLE/u/orders/orders",
        "https://gatepass.example:443/u/orders/orders",
        "https://gatepass.example/u/orders/orders?a=b#c",
        "https://gatepass.example/u/orders/./orders",
        "https://gatepass.example/u/%6Frders/orders",
    ],
)
def test_another_spelling_of_the_url_is_the_same_url(url: str) -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    proof = proof_with(issuer, text, htu=url)
    assert met(issuer, issuer.request(text, proof)).proof_key is not None


def proof_with(issuer: Issuer, text: str, key: HolderKey = KEY, **changed: Any) -> str:
    """A proof by hand: what a client of anybody's may send. A claim of None is left out."""
    claims = {
        "jti": base64.urlsafe_b64encode(os.urandom(12)).decode(),
        "htm": "GET",
        "htu": f"{BASE}/u/orders/orders",
        "iat": issuer.house.now // 1000,
        "ath": base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("="),
        **changed,
    }
    header = changed.pop("header", {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(key.public.jwk)})
    claims.pop("header", None)
    said = {name: value for name, value in claims.items() if value is not None}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, said)]
    signature = base64.urlsafe_b64encode(key.sign(".".join(parts).encode())).decode().rstrip("=")
    return ".".join((*parts, signature))


def test_a_proof_by_anybodys_library_is_taken_and_extra_claims_with_it() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    met(issuer, issuer.request(text, proof_with(issuer, text)))
    met(issuer, issuer.request(text, proof_with(issuer, text, extra={"a": 1})))


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat", "ath"])
def test_a_claim_that_is_missing_is_missed(claim: str) -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    error = refused(issuer, issuer.request(text, proof_with(issuer, text, KEY, **{claim: None})))
    assert error.details["fault"] in {"claims", "credential"}


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "jwt", "alg": "ES256"},
        {"alg": "ES256"},
        {"typ": "dpop+jwt"},
        {"typ": "dpop+jwt", "alg": "none"},
        {"typ": "dpop+jwt", "alg": "HS256"},
        {"typ": "dpop+jwt", "alg": "RS256"},
        {"typ": "dpop+jwt", "alg": "ES384"},
        {"typ": "at+jwt", "alg": "ES256"},
        {"typ": "dpop+jwt", "alg": "ES256", "jku": "https://evil.example/keys"},
        {"typ": "dpop+jwt", "alg": "ES256", "crit": ["b64"], "b64": False},
    ],
)
def test_a_header_that_confuses_is_refused(header: dict[str, Any]) -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    whole = {**header, "jwk": dict(KEY.public.jwk)}
    assert refused(issuer, issuer.request(text, proof_with(issuer, text, header=whole))).code == "proof_invalid"


def test_no_key_and_a_private_key_are_refused() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    private = {**KEY.public.jwk, "d": base64.urlsafe_b64encode(KEY.reveal()).decode().rstrip("=")}
    for jwk in (None, {}, private, {"kty": "oct", "k": "AA"}):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}
        error = refused(issuer, issuer.request(text, proof_with(issuer, text, header=header)))
        assert error.details["fault"] in {"key", "malformed"}


def test_two_proofs_are_none() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    more = ((b"dpop", issuer.proof(KEY, text).encode()),)
    error = refused(issuer, issuer.request(text, issuer.proof(KEY, text), headers=more))
    assert error.details["fault"] == "several"
    error = refused(issuer, issuer.request(text, scheme="DPoP"))
    assert (error.code, error.details["fault"]) == ("proof_missing", "missing")


def test_a_proof_is_used_once_and_a_store_that_cannot_say_lets_nobody_pass() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    proof = issuer.proof(KEY, text)
    met(issuer, issuer.request(text, proof))
    error = refused(issuer, issuer.request(text, proof))
    assert error.code == "proof_replayed"
    assert 'error="invalid_dpop_proof"' in challenges(error)[0]
    issuer.replay.fail()
    assert type(refused(issuer, issuer.request(text, issuer.proof(KEY, text)))) is Unavailable


def test_a_proof_is_used_once_whatever_runs_at_the_same_moment() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    proof = issuer.proof(KEY, text)

    async def story() -> list[Any]:
        asked = [issuer.house.admission.meet(issuer.request(text, proof), "rest") for _ in range(20)]
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(story())
    assert sum(isinstance(answer, Caller) for answer in answers) == 1


def test_a_proof_from_before_the_start_needs_a_nonce_and_the_answer_has_one() -> None:
    issuer = Issuer()
    issuer.passes.nonces = type(issuer.passes.nonces)(lambda said: said.ljust(32, b"n"), Instant(START))
    text = issuer.token(READ, key=KEY)
    error = refused(issuer, issuer.request(text, issuer.proof(KEY, text)))
    assert error.code == "proof_nonce"
    assert 'error="use_dpop_nonce"' in challenges(error)[0]
    nonce = dict(problem_of(error).headers)[b"dpop-nonce"].decode()
    assert nonce not in problem_of(error).body.decode()
    met(issuer, issuer.request(text, issuer.proof(KEY, text, nonce=nonce)))
    wrong = refused(issuer, issuer.request(text, issuer.proof(KEY, text, nonce="x" * 22)))
    assert wrong.code == "proof_nonce"


# -- whose, for whom, until when


@pytest.mark.parametrize(
    ("surface", "upstream", "path"),
    [("mcp", "orders", "/mcp/orders"), ("rest", "payroll", "/u/payroll/orders"), ("rest", "order", "/u/order/orders")],
)
def test_a_token_is_for_one_surface_of_one_upstream(surface: str, upstream: str, path: str) -> None:
    issuer = Issuer()
    request = issuer.request(issuer.token(READ), upstream=upstream, path=path)
    error = refused(issuer, request, surface)
    assert (error.code, error.message) == ("credential_invalid", "the token is for another audience")


def test_the_header_only_path_takes_the_tokens_of_mcp_and_never_answers_discovery() -> None:
    issuer = Issuer()
    text = issuer.token(READ, audience=f"{BASE}/mcp/orders", key=KEY)
    path = "/k/orders/mcp"
    met(issuer, issuer.request(text, issuer.proof(KEY, text, path=path), path=path), "mcp")
    error = refused(issuer, issuer.request("nothing", path=path), "mcp")
    assert challenges(error) == [
        'Bearer realm="gatepass", error="invalid_token", error_description="the token is unknown, expired or withdrawn"'
    ]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"issuer": "https://evil.example"}, "the token is another issuer's"),
        ({"issuer": f"{BASE}/"}, "the token is another issuer's"),
        ({"audience": f"{BASE}/u/orders/"}, "the token is for another audience"),
        ({"audience": BASE}, "the token is for another audience"),
    ],
)
def test_what_was_signed_for_somebody_else_is_refused(said: dict[str, Any], message: str) -> None:
    issuer = Issuer()
    text = issuer.text(issuer.record(READ), **said)
    assert refused(issuer, issuer.request(text)).message == message


def test_a_token_that_nobody_has_heard_of_is_refused_whoever_signed_it() -> None:
    issuer = Issuer()
    record = issuer.record(READ)
    text = issuer.text(record)
    del issuer.house.snapshot.issued[record.id]
    assert refused(issuer, issuer.request(text)).code == "credential_invalid"


def test_a_record_of_another_binding_or_place_honours_nothing() -> None:
    issuer = Issuer()
    bound = issuer.record(READ, binding=KEY.public.thumbprint)
    for record in (
        replace(bound, binding=None),
        replace(bound, audience=f"{BASE}/mcp/orders"),
        replace(bound, key="k2"),
    ):
        text = issuer.text(bound)
        issuer.house.snapshot.issued[bound.id] = record
        error = refused(issuer, issuer.request(text, issuer.proof(KEY, text)))
        assert error.code == "credential_invalid"


def test_it_ends_with_its_life_its_line_its_agent_and_its_key() -> None:
    ends: list[Callable[[Issuer, Any], None]] = [
        lambda issuer, record: setattr(issuer.house, "now", record.expires),
        lambda issuer, record: withdraw(issuer, Scope.CREDENTIAL, record.id),
        lambda issuer, record: withdraw(issuer, Scope.CREDENTIAL, record.ancestors[0]),
        lambda issuer, record: withdraw(issuer, Scope.AGENT, record.agent),
        lambda issuer, record: withdraw(issuer, Scope.PERSON, record.owner),
        lambda issuer, _: issuer.publish("k2"),
    ]
    for end in ends:
        issuer = Issuer()
        record = issuer.record(READ, ancestors=(CredentialId("crd_parent"),), parent=CredentialId("crd_parent"))
        text = issuer.text(record)
        met(issuer, issuer.request(text))
        end(issuer, record)
        assert refused(issuer, issuer.request(text)).code == "credential_invalid"


def withdraw(issuer: Issuer, scope: Scope, id_: str) -> None:
    issuer.house.snapshot.withdraw(Withdrawn(scope=scope, id=id_, at=Instant(issuer.house.now)))


def test_what_is_remembered_of_a_text_goes_with_its_key_and_is_bounded() -> None:
    issuer = Issuer()
    texts = [issuer.text(issuer.record(READ, key=name)) for name in ("k1", "k2")]
    for text in texts:
        met(issuer, issuer.request(text))
        met(issuer, issuer.request(text))
    assert len(issuer.passes._facts) == 2
    issuer.publish("k2")
    assert refused(issuer, issuer.request(texts[0])).message == "the token names no key of the issuer"
    assert [fact.key for fact in issuer.passes._facts.values()] == ["k2"]
    assert all(text not in repr(issuer.passes._facts) for text in texts)


def test_a_token_of_a_certificate_goes_with_its_connection_alone() -> None:
    issuer = Issuer()
    certificate = b"a certificate, in DER"
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).decode().rstrip("=")
    text = issuer.text(issuer.record(READ, binding=f"x5t#S256:{thumbprint}"))
    caller = met(issuer, issuer.request(text, certificate=certificate))
    assert caller.context.proof_key == f"x5t#S256:{thumbprint}"
    for other in (None, b"another"):
        assert refused(issuer, issuer.request(text, certificate=other)).code == "credential_unproven"


# -- limits and power


def test_it_draws_on_its_roots_meters_under_its_roots_limits_as_they_are_now() -> None:
    issuer = Issuer()
    token = issuer.house.token(READ)
    root = issuer.house.snapshot.tokens[token.id]
    text = issuer.text(issuer.record(READ, root=root.id, meters=root.id, ancestors=(root.id,), parent=root.id))
    assert met(issuer, issuer.request(text)).holding.limits == root.limits
    tighter = replace(root.limits, attempts=replace(root.limits.attempts, count=5))
    issuer.house.snapshot.put(replace(root, limits=tighter))
    caller = met(issuer, issuer.request(text))
    assert caller.holding.limits == tighter
    for _ in range(3):
        met(issuer, issuer.request(token.reveal()))
    assert isinstance(refused(issuer, issuer.request(text)), LimitExceeded), "one meter for the whole line"


def refund(caller: Caller, amount: str = "49.50") -> Access:
    return Access(
        caller.subject,
        Action("refund", ActionClass.WRITE),
        Resource("orders", ("order-12345",)),
        caller.context,
        {"amount": Decimal(amount), "currency": "USD"},
    )


async def called(issuer: Issuer, text: str, key: HolderKey | None, amount: str = "49.50") -> Any:
    proof = None if key is None else issuer.proof(key, text, method="POST")
    caller = await issuer.house.admission.meet(issuer.request(text, proof, method="POST"), "rest")
    passage = await issuer.house.admission.admit(caller, refund(caller, amount))
    await passage.finish(status=201, sent=True)
    return passage


def code_of(work: Awaitable[Any]) -> str:
    async def story() -> str:
        try:
            await work
        except Error as error:
            return error.code
        return "ok"

    return asyncio.run(story())


def test_beyond_reading_only_a_proven_token_goes() -> None:
    issuer = Issuer()
    assert code_of(called(issuer, issuer.token(REFUND), None)) == "proof_required"
    bound = issuer.token(REFUND, key=KEY)
    assert code_of(called(issuer, bound, KEY)) == "ok"
    decided = [found.members for found in issuer.house.journal.entries if found.members["event"] == "call.decided"]
    assert not any("bearers" in str(because) for because in decided[-1]["because"])  # type: ignore[union-attr]


def test_a_token_for_one_call_is_honoured_once_even_twice_at_the_same_instant() -> None:
    issuer = Issuer()
    once = SingleUse("crd_0nce/use")
    text = issuer.token(REFUND, key=KEY, caveats=(once,))
    assert code_of(called(issuer, text, KEY, "51")) == "scope_missing"

    async def race() -> list[str]:
        asked = [called(issuer, text, KEY) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return [answer.code if isinstance(answer, Error) else "ok" for answer in answers]

    assert sorted(asyncio.run(race())) == ["budget_exceeded"] * 7 + ["ok"]
    assert code_of(called(issuer, text, KEY)) == "budget_exceeded"


def test_a_role_that_was_narrowed_narrows_what_was_issued_before() -> None:
    issuer = Issuer()
    text = issuer.token(REFUND, key=KEY)
    issuer.house.put_role("orders:list")
    with pytest.raises(Denied) as refusal:
        asyncio.run(called(issuer, text, KEY))
    assert refusal.value.code == "role_forbids"


def test_a_proxys_host_header_says_nothing() -> None:
    issuer = Issuer()
    text = issuer.token(READ, key=KEY)
    proof = make_proof(
        KEY,
        method="GET",
        url="https://inner.internal/u/orders/orders",
        at=Instant(issuer.house.now),
        entropy=os.urandom,
        credential=text,
    )
    for header in ((b"host", b"inner.internal"), (b"x-forwarded-host", b"inner.internal"), (b"forwarded", b"host=x")):
        assert refused(issuer, issuer.request(text, proof, headers=(header,))).details["fault"] == "target"
    headers = ((b"host", b"inner.internal"),)
    met(issuer, issuer.request(text, issuer.proof(KEY, text), headers=headers))
