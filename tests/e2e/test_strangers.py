"""Clients that nobody here wrote get a credential for one refund, and it is worth exactly that.

`requests_oauth2client` (PyPI), `oauth4webapi` (npm) and the `mcp` SDK's client credentials, each against a real
`gatepass up` in front of a real API.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.e2e import place
from tests.e2e.strangers import node
from tests.e2e.strangers.nginx import free_port, until_listening
from tests.e2e.strangers.python import Python

from gatepass.client import Management

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


STRANGERS = [pytest.param(python_client, id="requests_oauth2client"), pytest.param(node_client, id="oauth4webapi")]


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
