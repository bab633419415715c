"""Every call has a pass of its own and a proof for itself, and no other address sees either."""

import asyncio
from typing import Any

import httpx2
import pytest
from tests.client.doubles import Answer, Asked
from tests.client.holding.issuing_double import claims, issuing

from gatepass.client.holding import ApiToken, Calls, Issuer, Wanted, headers_for, new_key
from gatepass.errors import Malformed


def agent(url: str) -> Issuer:
    return Issuer(url, ApiToken("gp_sk_secret", "support-bot"), new_key())


def test_a_pass_a_call_by_default_and_one_for_several_on_demand() -> None:
    with issuing() as (stranger, double), agent(stranger.url) as issuer:
        with httpx2.Client(base_url=stranger.url, auth=Calls(issuer)) as client:
            for _ in range(2):
                assert client.post("/u/orders/a?b=c", content=b"{}").status_code == 200
        with httpx2.Client(base_url=stranger.url, auth=Calls(issuer, keep=True)) as client:
            for _ in range(2):
                client.get("/u/orders/a").raise_for_status()
    assert [token for _, token in stranger.called] == ["token-1", "token-2", "token-3", "token-3"]
    proofs = [claims(asked.headers["dpop"]) for asked in double.asked]
    assert len({proof["jti"] for proof in proofs}) == len(proofs)


def test_an_asynchronous_client_does_the_same_and_takes_up_a_nonce() -> None:
    async def calls(url: str) -> list[int]:
        async with agent(url) as issuer, httpx2.AsyncClient(base_url=url, auth=Calls(issuer)) as client:
            return [(await client.post("/mcp/git", json={"id": 1})).status_code for _ in range(2)]

    with issuing(resource_nonces=frozenset({"nonce-1"})) as (stranger, double):
        assert asyncio.run(calls(stranger.url)) == [200, 200]
    assert [token for _, token in stranger.called] == ["token-1", "token-2"]
    assert len(double.asked) == 5


def test_what_is_needed_is_read_off_the_request() -> None:
    def needed(request: httpx2.Request) -> Wanted:
        return Wanted(scopes=(f"orders:refund:{request.url.path.split('/')[3]}",))

    with issuing() as (stranger, _), agent(stranger.url) as issuer, httpx2.Client(auth=Calls(issuer, needed)) as client:
        client.post(f"{stranger.url}/u/orders/order-7/refunds").raise_for_status()
    assert stranger.forms[0]["scope"] == "orders:refund:order-7"


def test_a_second_proof_is_for_a_nonce_alone_and_a_streamed_body_is_not_sent_twice() -> None:
    def refused(asked: Asked) -> Answer | None:
        if asked.path == "/oauth2/token":
            return None
        return Answer(401, b"{}", {"www-authenticate": 'DPoP error="invalid_token"', "dpop-nonce": "n"})

    with issuing() as (stranger, double), agent(stranger.url) as issuer:
        stranger.instead = refused
        with httpx2.Client(base_url=stranger.url, auth=Calls(issuer, keep=True)) as client:
            assert client.get("/u/orders/a").status_code == 401
            assert client.get("/u/orders/a").status_code == 401, "the refused pass is kept no longer"
        assert [asked.path for asked in double.asked] == ["/oauth2/token", "/u/orders/a"] * 2
    with issuing(resource_nonces=frozenset({"nonce"})) as (stranger, double), agent(stranger.url) as issuer:
        with httpx2.Client(base_url=stranger.url, auth=Calls(issuer)) as client:
            assert client.post("/u/orders/a", content=iter([b"a", b"b"])).status_code == 401
        assert len(double.asked) == 2


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/u/orders", "{url}/api/v1/tokens", "{url}/u/other"])
def test_a_pass_goes_nowhere_else(address: str) -> None:
    with issuing() as (stranger, double), agent(stranger.url) as issuer:
        wanted = Wanted(resource=f"{stranger.url}/u/orders")
        with httpx2.Client(auth=Calls(issuer, wanted)) as client, pytest.raises(Malformed):
            client.get(address.format(url=stranger.url))
        assert all(asked.path == "/oauth2/token" for asked in double.asked)


def test_headers_for_whoever_writes_their_own_requests() -> None:
    with issuing() as (stranger, _), agent(stranger.url) as issuer:
        held = issuer.ask(Wanted(resource=f"{stranger.url}/mcp/git"))
        for path in ("/mcp/git", "/k/git/mcp"):
            said: dict[str, Any] = headers_for(issuer, held, "POST", stranger.url + path)
            assert said["authorization"] == "DPoP token-1"
            assert claims(said["dpop"])["htu"] == stranger.url + path
