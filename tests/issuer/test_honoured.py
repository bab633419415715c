"""From the token endpoint to an upstream, as a stranger's client goes: bound, for one refund, once."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from tests.issuer.world import ISSUER, PLACE, REFUND, Issuing, exchange, new_key, own, said_by

from gatepass.access import Instant
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.narrowing import Handover, Next, last_link, narrow
from gatepass.credentials.proofs.making import make_proof
from gatepass.keys.jose.signing import HolderKey
from gatepass.testing import code_of

PATH = "/u/orders/orders/order-12345/refunds"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        yield Issuing.opened(closing)


def call(
    issuing: Issuing, token: str, key: HolderKey | None, body: Any = None, *, path: str = PATH, **headers: str
) -> httpx2.Response:
    """One call under a token, asked again with the nonce where one is wanted, as stock clients do."""
    method = "GET" if body is None else "POST"

    def once() -> httpx2.Response:
        sent = {"authorization": f"{'Bearer' if key is None else 'DPoP'} {token}", **headers}
        if key is not None:
            at = Instant(issuing.gatepass.clock())
            sent["dpop"] = make_proof(
                key,
                method=method,
                url=ISSUER + path,
                at=at,
                entropy=os.urandom,
                credential=token,
                nonce=issuing.nonce,
            )
        return issuing.client().request(method, path, json=body, headers=sent)

    answer = once()
    if answer.status_code == 401 and "use_dpop_nonce" in answer.headers["www-authenticate"]:
        issuing.nonce = answer.headers["dpop-nonce"]
        answer = once()
    return answer


def refund(amount: float = 49.5, user: str = "user-678") -> dict[str, Any]:
    return {"amount": amount, "user": user}


def test_one_refund_and_nothing_else(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:refund", "orders:get"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope=REFUND, single_use="true"), key=key)
    refused = [
        (call(issuing, token, key, refund(51)), 403, "scope_missing"),
        (call(issuing, token, key, refund(user="user-1")), 403, "scope_missing"),
        (call(issuing, token, key, refund(), path=PATH.replace("12345", "99999")), 403, "scope_missing"),
        (call(issuing, token, None, refund()), 401, "credential_unproven"),
        (call(issuing, token, new_key(), refund()), 401, "proof_invalid"),
        (call(issuing, token, key, path="/u/orders/orders/order-12345"), 403, "scope_missing"),
    ]
    assert [(answer.status_code, code_of(answer)) for answer, _, _ in refused] == [
        (status, code) for _, status, code in refused
    ]
    done = call(issuing, token, key, refund())
    assert (done.status_code, done.json()) == (200, {"ok": True})
    again = call(issuing, token, key, refund())
    assert (again.status_code, code_of(again)) == (429, "budget_exceeded")


def test_a_nonce_of_the_token_endpoint_counts_at_the_surfaces(issuing: Issuing) -> None:
    """A client of the first second is asked for a nonce once, wherever it is asked."""
    secret, key = issuing.agent("support-bot", "orders:get"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    given = issuing.nonce
    assert given is not None
    assert call(issuing, token, key, path="/u/orders/orders/1").status_code == 200
    assert issuing.nonce == given


def test_a_plain_token_of_the_same_agent_only_reads(issuing: Issuing) -> None:
    secret = issuing.agent("support-bot", "orders:refund", "orders:get")
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get:order-12345"))
    assert call(issuing, token, None, path="/u/orders/orders/order-12345").status_code == 200
    answer = call(issuing, secret, None, refund())
    assert (answer.status_code, code_of(answer)) == (403, "proof_required")


def test_withdrawing_the_root_the_agent_or_the_token_ends_it(issuing: Issuing) -> None:
    for number in range(3):
        name = f"bot-{number}"
        secret, key = issuing.agent(name, "orders:get"), new_key()
        token = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
        path = "/u/orders/orders/1"
        assert call(issuing, token, key, path=path).status_code == 200
        admin = issuing.gatepass.admin
        if number == 0:
            admin.act("tokens", f"{name}-token", "revoke", {"reason": "test"})
        elif number == 1:
            admin.act("agents", name, "disable")
        else:
            admin.act("tokens", said_by(token).credential.id, "revoke", {"reason": "test"})
        answer = call(issuing, token, key, path=path)
        assert (answer.status_code, code_of(answer)) == (401, "credential_invalid")


def test_what_was_exchanged_draws_on_the_meters_of_what_it_came_from(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:get"), new_key()
    issuing.gatepass.admin.amend(
        "tokens", "support-bot-token", {"limits": {"calls": {"count": Decimal(2), "period_seconds": Decimal(3600)}}}
    )
    first = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    second = issuing.get(exchange(first, resource=PLACE, scope="orders:get:1"), key=key)
    path = "/u/orders/orders/1"
    assert [call(issuing, token, key, path=path).status_code for token in (first, second, first)] == [200, 200, 429]


def test_a_token_for_rest_is_none_for_mcp_and_another_upstreams_is_none_here(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:get", "reports:read"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="orders:get"), key=key)
    for path in ("/u/reports/reports/1", "/u/orders2/orders/1"):
        assert call(issuing, token, key, path=path).status_code == 401


CAPABILITY = "urn:gatepass:params:oauth:token-type:capability"


def given(issuing: Issuing, key: HolderKey, scope: str = "orders:get") -> UnverifiedCapability:
    """A capability for the orders API, given to a key."""
    secret = issuing.agent(f"bot-{len(issuing.agents)}", "orders:refund", "orders:get")
    answer = issuing.ask(own(secret, resource=PLACE, scope=scope, requested_token_type=CAPABILITY), key=key)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["issued_token_type"], said["token_type"]) == (CAPABILITY, "DPoP")
    return UnverifiedCapability.parse(said["access_token"])


def passed_on(issuing: Issuing, chain: UnverifiedCapability, key: HolderKey, to: HolderKey) -> UnverifiedCapability:
    return narrow(chain, key, Next(to=to.public, at=Instant(issuing.gatepass.clock()), entropy=os.urandom))


GET = "/u/orders/orders/1"


def test_a_capability_is_given_to_a_key_narrowed_offline_and_honoured_from_the_next_key(issuing: Issuing) -> None:
    first, second = new_key(), new_key()
    root = given(issuing, first)
    assert call(issuing, root.text, first, path=GET).status_code == 200
    chain = passed_on(issuing, root, first, second)
    assert call(issuing, chain.text, second, path=GET).status_code == 200
    assert code_of(call(issuing, chain.text, first, path=GET)) == "proof_invalid"
    assert code_of(call(issuing, root.text, second, path=GET)) == "proof_invalid"


def test_a_capability_is_given_to_no_one_who_proves_no_key(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "orders:get")
    answer = issuing.ask(own(secret, resource=PLACE, scope="orders:get", requested_token_type=CAPABILITY))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("how", ["by its id", "by showing it", "in the form that carries its key"])
def test_a_link_that_nobody_has_seen_is_withdrawn_and_what_hangs_below_it(issuing: Issuing, how: str) -> None:
    first, second, third = new_key(), new_key(), new_key()
    root = given(issuing, first)
    chain = passed_on(issuing, root, first, second)
    below = passed_on(issuing, chain, second, third)
    link = last_link(chain).id
    if how == "by its id":
        issuing.gatepass.admin.act("tokens", link, "revoke", {"reason": "it was seen in a log"})
    elif how == "by showing it":
        leaked(issuing, chain.text)
    else:
        carried = Handover(chain, second).reveal()
        sent = {"authorization": f"Bearer {carried}"}
        answer = issuing.client().get(GET, headers=sent)
        assert (answer.status_code, code_of(answer)) == (401, "capability_carries_key")
        assert carried not in answer.text
    for text, key in ((chain.text, second), (below.text, third)):
        answer = call(issuing, text, key, path=GET)
        assert (answer.status_code, code_of(answer)) == (401, "capability_invalid")
        assert (answer.json()["fault"], answer.json()["link_id"]) == ("withdrawn", link)
    assert call(issuing, root.text, first, path=GET).status_code == 200


def leaked(issuing: Issuing, text: str) -> None:
    with httpx2.Client(transport=issuing.gatepass.transport(), base_url="http://localhost") as stranger:
        assert stranger.post("/api/v1/leaked", json={"token": text}).status_code == 202


def test_what_nobody_signed_is_withdrawn_by_nobody(issuing: Issuing) -> None:
    first, second = new_key(), new_key()
    root = given(issuing, first)
    chain = passed_on(issuing, root, first, second)
    forged = chain.text[:-4] + ("AAAA" if not chain.text.endswith("AAAA") else "BBBB")
    leaked(issuing, forged)
    assert call(issuing, chain.text, second, path=GET).status_code == 200
    with httpx2.Client(transport=issuing.gatepass.transport(), base_url="http://localhost") as stranger:
        for nothing in ("gp_cap_", "gp_hand_~", "gp_cap_~~~", "gp_hand_x"):
            assert stranger.post("/api/v1/leaked", json={"token": nothing}).status_code in {202, 400}


def test_a_root_that_leaked_is_revoked(issuing: Issuing) -> None:
    key = new_key()
    root = given(issuing, key)
    leaked(issuing, root.text)
    assert call(issuing, root.text, key, path=GET).status_code == 401
