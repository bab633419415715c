"""Clients that nobody here wrote get a credential for one refund, and it is worth exactly that.

`requests_oauth2client` (PyPI), `oauth4webapi` (npm) and the `mcp` SDK's client credentials, each against a real
`gatepass up` in front of a real API.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx2
import pytest
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from tests.e2e import place
from tests.e2e.strangers import node
from tests.e2e.strangers.nginx import free_port, until_listening
from tests.e2e.strangers.python import Python

from gatepass.access import Action, ActionClass
from gatepass.client import Management
from gatepass.client.accepting import Introspection, Presented, Verifier
from gatepass.client.chains import Carrier, Less, narrow, read_chain
from gatepass.client.holding import ApiToken, Calls, Issuer, Pass, Wanted, headers_for, new_key
from gatepass.client.holding.issuing import clock
from gatepass.errors import Denied, Malformed, Unauthenticated

ROOT = Path(__file__).parents[2]
ORDERS = ROOT / "examples" / "orders"
KEY = "sk_live_the_real_key_of_the_orders_api"
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-678"
GOOD = {"amount": 40, "currency": "USD", "user": "user-678"}


class Stranger(Protocol):
    """A client of somebody else's."""

    def token(self, name: str, **parameters: str) -> Any: ...
    def call(self, name: str, url: str, body: Any, key: str | None = "own") -> tuple[int, Any]: ...


@dataclass
class House:
    """A deployment in front of the orders API, with an agent and its API token."""

    url: str
    management: Management
    secret: str
    seen: Path

    @property
    def resource(self) -> str:
        return f"{self.url}/u/orders"

    def refunds(self, order: str = "order-12345") -> str:
        return f"{self.resource}/orders/{order}/refunds"

    def run(self) -> str:
        return str(self.management.create("runs", {"agent": "support-bot", "label": "ticket 17"})["id"])

    def refunded(self) -> int:
        lines = self.seen.read_text().splitlines() if self.seen.exists() else []
        return sum("/refunds" in json.loads(line)["path"] for line in lines)


@contextmanager
def orders(folder: Path) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, str(ORDERS / "server.py"), "--port", str(port), "--log", str(folder / "seen.ndjson")]
    with (folder / "orders.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, "ORDERS_KEY": KEY}, stdout=log, stderr=log)
    try:
        until_listening(port, process, folder / "orders.log")
        yield port
    finally:
        process.terminate()
        process.wait(20)


def furnished(management: Management, port: int) -> str:
    """The upstream, its key, a role, an agent. Gives the agent's API token."""
    management.create(
        "upstreams",
        {
            "name": "orders",
            "kind": "rest",
            "target": f"http://127.0.0.1:{port}",
            "operations": (ORDERS / "operations.yaml").read_text(),
            "injection": {"kind": "header", "name": "authorization", "prefix": "Bearer "},
        },
    )
    management.create("secrets", {"name": "orders-key", "upstream": "orders", "value": KEY})
    management.replace("roles", "support", {"scopes": ("orders:*",)})
    management.create("agents", {"name": "support-bot", "role": "support"})
    made = management.create(
        "tokens",
        {
            "agent": "support-bot",
            "name": "identity",
            "scopes": ("orders:list", "orders:read:*", "orders:refund:*?amount<=200&amount>=0&currency=USD&user~*"),
            "lifetime_seconds": Decimal(3600),
        },
    )
    return str(made["token"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with orders(folder) as port, place.running(folder) as running:
        management = place.signed_in(running)
        yield House(running.agents_url, management, furnished(management, port), folder / "seen.ndjson")


@pytest.fixture(scope="module")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node.installed(tmp_path_factory.mktemp("npm") / "strangers")


@contextmanager
def python_client(house: House, _npm: Path) -> Iterator[Stranger]:
    made = Python(house.url, "support-bot", house.secret)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def node_client(house: House, npm: Path) -> Iterator[Stranger]:
    with node.running(npm) as made:
        found = made.ask("discover", issuer=house.url, client_id="support-bot", client_secret=house.secret)
        assert found["token_endpoint"] == f"{house.url}/oauth2/token", found
        yield made


class Ours:
    """The SDK, held to the same story."""

    def __init__(self, house: House) -> None:
        identity = ApiToken(house.secret, "support-bot")
        self.issuers = {name: Issuer(house.url, identity, new_key()) for name in ("own", "other")}
        self.held: dict[str, Pass] = {}

    def token(self, name: str, **parameters: str) -> Any:
        wanted = Wanted(
            scopes=(parameters["scope"],),
            resource=parameters["resource"],
            once=parameters["single_use"] == "true",
            run=parameters["run_id"],
        )
        held = self.held[name] = self.issuers["own"].ask(wanted)
        return {"token_type": "DPoP" if held.bound else "Bearer", "expires_in": (held.expires - clock()) // 1000}

    def call(self, name: str, url: str, body: Any, key: str | None = "own") -> tuple[int, Any]:
        held = self.held[name]
        said = {"authorization": f"Bearer {held.reveal()}"}
        if key is not None:
            said = headers_for(self.issuers[key], held, "POST", url)
        answer = httpx2.post(url, json=body, headers=said, trust_env=False)
        return answer.status_code, answer.json()


@contextmanager
def our_client(house: House, _npm: Path) -> Iterator[Stranger]:
    made = Ours(house)
    try:
        yield made
    finally:
        for issuer in made.issuers.values():
            issuer.close()


STRANGERS = [
    pytest.param(our_client, id="gatepass.client"),
    pytest.param(python_client, id="requests_oauth2client"),
    pytest.param(node_client, id="oauth4webapi"),
]


@pytest.mark.parametrize("client", STRANGERS)
def test_a_strangers_client_gets_a_token_for_one_refund(house: House, npm: Path, client: Any) -> None:
    run, before = house.run(), house.refunded()
    with client(house, npm) as stranger:
        wanted = {"scope": REFUND, "resource": house.resource, "run_id": run, "single_use": "true"}
        told = stranger.token("one", **wanted)
        assert told["token_type"].lower() == "dpop", told
        assert 0 < told["expires_in"] <= 900

        refused = {
            "51": stranger.call("one", house.refunds(), {**GOOD, "amount": 51}),
            "another order": stranger.call("one", house.refunds("order-99"), GOOD),
            "another user": stranger.call("one", house.refunds(), {**GOOD, "user": "user-1"}),
            "another currency": stranger.call("one", house.refunds(), {**GOOD, "currency": "EUR"}),
        }
        told = {name: (status, body["code"]) for name, (status, body) in refused.items()}
        assert told == dict.fromkeys(refused, (403, "scope_missing"))
        for key in ("other", None):
            assert stranger.call("one", house.refunds(), GOOD, key=key)[0] == 401, key
        assert house.refunded() == before, "nothing of that reached the API"

        status, body = stranger.call("one", house.refunds(), GOOD)
        assert status < 300, body
        assert house.refunded() == before + 1
        status, body = stranger.call("one", house.refunds(), GOOD)
        assert (status, body["code"]) == (429, "budget_exceeded"), body

        stranger.token("late", **{**wanted, "single_use": "false"})
        house.management.act("runs", run, "end", {"reason": "done"})
        status, body = stranger.call("late", house.refunds(), GOOD)
        assert (status, body["code"]) == (401, "credential_invalid"), body
        assert house.refunded() == before + 1


def test_a_client_of_the_sdk_gives_each_call_its_pass(house: House) -> None:
    before = house.refunded()
    with Issuer(house.url, ApiToken(house.secret, "support-bot"), new_key()) as issuer:
        auth = Calls(issuer, Wanted(scopes=(REFUND,), once=True))
        with httpx2.Client(auth=auth, trust_env=False) as client:
            for _ in range(3):
                assert client.post(house.refunds(), json=GOOD).is_success, "each has a pass of its own"
            assert client.post(house.refunds("order-99"), json=GOOD).status_code == 403
        with pytest.raises(Denied) as error:
            issuer.ask(Wanted(scopes=("orders:cancel",), resource=house.resource))
        assert error.value.details["oauth_error"] == "invalid_scope"
    wrong = ApiToken(house.secret[:-1] + ("A" if house.secret[-1] != "A" else "B"), "support-bot")
    with Issuer(house.url, wrong, new_key()) as stranger, pytest.raises(Unauthenticated):
        stranger.ask(Wanted(scopes=(REFUND,), resource=house.resource))
    assert house.refunded() == before + 3


def test_a_chain_is_narrowed_offline_handed_on_and_honoured_once(house: House) -> None:
    mine, bobs = new_key(), new_key()
    with Issuer(house.url, ApiToken(house.secret, "support-bot"), mine) as issuer:
        kind = {"requested_token_type": "urn:gatepass:params:oauth:token-type:capability"}
        wanted = Wanted(scopes=("orders:refund:*?amount<=100&amount>=0&currency=USD&user=user-678",), more=kind)
        chain = read_chain(issuer.ask(wanted, url=house.refunds()).reveal())
    before, given = house.refunded(), narrow(chain, mine, Less(scopes=(REFUND,), once=True), to=bobs.public)
    with httpx2.Client(auth=Calls(Carrier(house.url, given, bobs)), trust_env=False) as client:
        assert client.post(house.refunds(), json={**GOOD, "amount": 51}).status_code == 403
        assert client.post(house.refunds("order-99"), json=GOOD).status_code == 403
        assert client.post(house.refunds(), json=GOOD).is_success
        assert client.post(house.refunds(), json=GOOD).json()["code"] == "budget_exceeded"
        with pytest.raises(Malformed):
            client.get(f"{house.url}/u/other/x")
    with pytest.raises(Malformed):
        Carrier(house.url, given, mine)
    with httpx2.Client(auth=Calls(Carrier(house.url, chain, mine)), trust_env=False) as client:
        assert client.post(house.refunds(), json={**GOOD, "amount": 60}).is_success, "the wider chain is mine still"
    assert house.refunded() == before + 2


def test_an_api_of_anybodys_verifies_what_the_issuer_issued(house: House) -> None:
    """With the surface's own name as its audience, which is the only one that this issuer names."""
    read = Action("read", ActionClass.READ)
    asks = Introspection(house.url, ApiToken(house.secret, "support-bot"))
    offline, asking = Verifier(house.url, house.resource), Verifier(house.url, house.resource, live=asks)
    run = house.run()
    with Issuer(house.url, ApiToken(house.secret, "support-bot"), new_key()) as issuer:
        held = issuer.ask(Wanted(scopes=("orders:read:order-1",), resource=house.resource, run=run))
        time.sleep(1.1)  # proofs of the second in which an API begins to listen are refused

        def shown() -> Presented:
            said = headers_for(issuer, held, "GET", f"{house.resource}/orders/order-1")
            return Presented.of("GET", f"{house.resource}/orders/order-1", said.items())

        for verifier in (offline, asking):
            accepted = verifier.accept(shown())
            accepted.check("orders", read, "order-1")
            with pytest.raises(Denied):
                accepted.check("orders", read, "order-2")
        house.management.act("runs", run, "end", {"reason": "done"})
        with pytest.raises(Unauthenticated, match="not live"):
            asking.accept(shown())
        assert "whether it was withdrawn" in offline.accept(shown()).not_known[0], "and says so"
    asks.close()


class Kept:
    """Where the mcp SDK keeps its tokens."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        raise AssertionError("nobody registers")


def test_the_mcp_sdks_client_credentials_find_the_issuer_and_read(tmp_path: Path) -> None:
    """It has no DPoP, so its tokens are bearers', which read and do no more; it asks for what the surface names."""

    async def story() -> None:
        async with place.upstream() as behind:
            with place.running(tmp_path) as running:
                management = place.signed_in(running)
                place.furnished(management, behind.port)
                management.replace("roles", "worker", {"scopes": ("things:*", "tools:*")})
                said: dict[str, Any] = {
                    "agent": "bot",
                    "name": "identity",
                    "scopes": ("tools:call", "things:get", "things:take"),
                }
                secret = str(management.create("tokens", said)["token"])
                kept, url = Kept(), f"{running.agents_url}/mcp/tools"
                provider = ClientCredentialsOAuthProvider(
                    server_url=url,
                    storage=kept,
                    client_id="bot",
                    client_secret=secret,
                    issuer=running.agents_url,
                )
                async with (
                    httpx2.AsyncClient(auth=provider, trust_env=False, timeout=30) as http,
                    Client(streamable_http_client(url, http_client=http)) as client,
                ):
                    assert [tool.name for tool in (await client.list_tools()).tools] == ["touch"]
                    await client.call_tool("touch", {"thing": "lamp"})
                assert kept.tokens is not None
                assert kept.tokens.token_type.lower() == "bearer"
                assert [thing for _, thing in behind.touched] == ["lamp"]
                headers = {"authorization": f"Bearer {kept.tokens.access_token}"}
                async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
                    answer = await http.get(f"{running.agents_url}/u/things/things/lamp")
                    assert answer.status_code == 401, "it is for the other surface"
                with Issuer(running.agents_url, ApiToken(secret, "bot"), new_key()) as issuer:
                    issuer.ask(Wanted(scopes=("things:take:lamp",), resource=f"{running.agents_url}/u/things"))
                form = {"grant_type": "client_credentials", "client_id": "bot", "client_secret": secret}
                async with httpx2.AsyncClient(trust_env=False) as http:
                    asked = {**form, "scope": "things:take:lamp", "resource": f"{running.agents_url}/u/things"}
                    answer = await http.post(f"{running.agents_url}/oauth2/token", data=asked)
                    assert answer.status_code == 400, "beyond reading, nobody gets a bearer's token"
                    assert answer.json()["code"] == "proof_missing", answer.text

    anyio.run(story)
