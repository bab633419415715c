"""What would happen to a call, as the page tells it: by the gateway's own decision, nothing stubbed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import httpx2
import pytest
from tests.console.person import Person, Shown
from tests.testing.world import REFUND, furnished
from tests.web.deployment import Deployment

from gatepass.testing import LocalDeployment, Pass


@dataclass
class InMemory:
    """Pages of a deployment in memory: as much of the one that is served as a person needs."""

    gatepass: LocalDeployment
    client: httpx2.Client
    port: int = 80

    def code(self, name: str = "ada") -> str:
        return str(self.gatepass.admin.create("people", {"name": name, "operator": "admin"})["code"])


@pytest.fixture
def gatepass() -> Iterator[LocalDeployment]:
    with LocalDeployment() as deployment:
        furnished(deployment)
        yield deployment


@pytest.fixture
def token(gatepass: LocalDeployment) -> Pass:
    return gatepass.agent("support-bot", "support").token(REFUND)


@pytest.fixture
def ada(gatepass: LocalDeployment) -> Iterator[Person]:
    with httpx2.Client(transport=gatepass.transport()) as client:
        person = Person(cast("Deployment", InMemory(gatepass, client)))
        person.sign_in()
        yield person


def tried(ada: Person, token: Pass, amount: str) -> Shown:
    page = ada.get(f"/console/tokens/{token.id}")
    body, path = f'{{"amount": {amount}, "currency": "USD"}}', "/orders/order-1/refunds"
    return ada.send(page, "What would happen", upstream="orders", method="POST", path=path, body=body)


def test_what_would_be_permitted_is_told_step_by_step(ada: Person, token: Pass) -> None:
    shown = tried(ada, token, "49.50")
    assert shown.status == 200
    story = shown.words.partition("What would happen?")[2]
    assert "permit" in story
    for step in ("verify", "live", "authority", "policy"):
        assert step in story.lower(), step
    assert not token.calls(), "nothing was called"


def test_what_would_be_refused_says_what_would_allow_it(ada: Person, token: Pass) -> None:
    shown = tried(ada, token, "51")
    story = shown.words.partition("What would happen?")[2]
    assert "deny" in story
    assert "scope_missing" in story
    assert "orders:refund:order-1" in story


def test_what_cannot_be_read_is_said_and_kept_in_the_form(ada: Person, token: Pass) -> None:
    page = ada.get(f"/console/tokens/{token.id}")
    shown = ada.send(page, "What would happen", upstream="orders", method="POST", path="/orders/1/refunds", body="{no")
    assert shown.status == 400
    assert "`body`" in shown.text or "body" in shown.words
    assert dict(shown.form("What would happen").fields)["body"] == "{no"
