"""From nothing to a call that works: each page leads to the next, and the first request that is shown works."""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import pytest
from tests.console.content import Content
from tests.console.person import Person, Shown
from tests.web.deployment import UPSTREAM, Deployment

from gatepass.console.showing import proposals

NEXT = re.compile(r'Next: <a href="([^"]+)">([^<]+)</a>')
COMMAND = re.compile(r'<pre class="code"[^>]*>(curl .*?)</pre>', re.DOTALL)


def following(shown: Shown) -> tuple[str, str]:
    found = NEXT.search(shown.text)
    assert found is not None, shown.words[:400]
    return found[1], found[2]


def test_each_creation_leads_to_the_next_step(deployment: Deployment) -> None:
    ada = Person(deployment)
    ada.sign_in()
    assert "0 of 6 done" in ada.get("/console").words
    assert following(ada.get("/console")) == ("/console/upstreams/_new", "Register one")
    said: dict[str, Any] = {name: UPSTREAM[name] for name in ("name", "target", "operations")}
    shown = ada.send(ada.get("/console/upstreams/_new"), "Register it", **said)
    place, words = following(shown)
    assert words == "Store its secret"
    assert "1 of 6 done" in ada.get("/console").words
    page = ada.get(place)
    assert dict(page.form("Store it").fields)["name"] == "orders-key"
    shown = ada.send(page, "Store it", value="sk_live_x")
    place, words = following(shown)
    assert words == "Make a role that may use its upstream"
    shown = ada.send(ada.get(place), "Make the role", name="support", scopes="orders:list")
    place, words = following(shown)
    assert (place, words) == ("/console/agents/_new?role=support", "Add an agent in it")
    page = ada.get(place)
    assert dict(page.form("Add the agent").fields)["role"] == "support"
    shown = ada.send(page, "Add the agent", name="support-bot")
    place, words = following(shown)
    assert (place, words) == ("/console/tokens/_new?agent=support-bot", "Give it a token")
    assert following(ada.get("/console"))[0] == "/console/tokens/_new"
    assert "4 of 6 done" in ada.get("/console").words
    shown = ada.send(ada.get(place), "Create the token", name="laptop", scopes=["orders:list"])
    assert "Next: run the command, then look at its story" in shown.words
    assert "From here to a first call" not in ada.get("/console").words


def test_an_upstream_that_needs_no_secret_leads_on_to_the_role(deployment: Deployment) -> None:
    ada = Person(deployment)
    ada.sign_in()
    said: dict[str, Any] = {name: UPSTREAM[name] for name in ("name", "target", "operations")}
    shown = ada.send(ada.get("/console/upstreams/_new"), "Register it", injection_kind="", **said)
    assert following(shown) == ("/console/roles/_new", "Make a role that may use it")
    assert "2 of 6 done" in ada.get("/console").words


def test_what_is_next_is_not_offered_to_who_may_not_do_it(deployment: Deployment) -> None:
    """An address with a notice of one's own session, and no role to go on with."""
    invited = deployment.ask("POST", "/people", {"name": "olga", "operator": "operator"}).json()["code"]
    deployment.furnish()
    olga = Person(deployment)
    olga.send(olga.get("/console/sign-in"), "with the code", code=invited)
    shown = olga.send(olga.get("/console/agents/_new"), "Add the agent", name="new-bot", role="support")
    assert following(shown)[1] == "Give it a token"
    deployment.ask("PATCH", f"/people/{'olga'}", {"operator": "auditor"})
    assert NEXT.search(olga.get(shown.path).text) is None
    assert "new-bot is there" in olga.get(shown.path).words


# -- the scopes that a token can have


@pytest.fixture
def roles(deployment: Deployment) -> Person:
    ada = Person(deployment.furnish())
    ada.sign_in()
    ask = deployment.ask
    assert ask("PUT", "/roles/reading", {"scopes": ["orders:read:*"]}).status_code == 200
    assert ask("POST", "/agents", {"name": "a-reader", "role": "reading"}).status_code == 201
    return ada


def boxes(shown: Shown) -> list[str]:
    return shown.form("Create the token").options.get("scopes", [])


REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"


def test_the_picker_has_what_the_agents_role_allows_and_nothing_else(roles: Person) -> None:
    assert boxes(roles.get("/console/tokens/_new?agent=support-bot")) == ["orders:list", REFUND]
    reading = roles.get("/console/tokens/_new?agent=a-reader")
    assert boxes(reading) == ["orders:list:*", "orders:read:*"]
    assert boxes(roles.get("/console/tokens/_new?agent=")) == []
    shown = roles.send(reading, "Create the token", name="one", scopes=boxes(reading))
    assert shown.status == 201, shown.words


def test_without_scripts_another_agent_is_chosen_and_nothing_that_was_typed_is_lost(roles: Person) -> None:
    page = roles.get("/console/tokens/_new?agent=a-reader")
    fields = dict(page.form("Create the token").fields) | {
        "name": "kept",
        "purpose": "kept too",
        "agent": "support-bot",
    }
    shown = roles.request("POST", "/console/tokens/_new", list({**fields, "step": "scopes"}.items()))
    assert shown.status == 200
    assert boxes(shown) == ["orders:list", REFUND]
    again = dict(shown.form("Create the token").fields)
    assert (again["name"], again["purpose"], again["agent"]) == ("kept", "kept too", "support-bot")
    assert roles.deployment.ask("GET", "/tokens").json()["items"] == []


def test_a_script_asks_for_the_scopes_alone(roles: Person) -> None:
    part = roles.get("/console/tokens/_new?agent=a-reader", hx_request="true")
    assert "<html" not in part.text
    assert 'value="orders:read:*"' in part.text
    assert REFUND not in part.text


# -- the first request


@pytest.mark.parametrize(
    ("scope", "request_"),
    [
        ("orders:list", "GET /orders"),
        ("orders:read:order-7", "GET /orders/order-7"),
        ("orders:read:*", "GET /orders/order-1"),
        ("orders:refund:order-12345?amount<=50&amount>=0&currency=USD", "POST /orders/order-12345/refunds"),
        ("kv:get:agents:jobs:*:state", "GET /kv/agents:jobs:key-1:state"),
        ("kv:list:agents:jobs:*", "GET /kv?prefix=agents%3Ajobs"),
        ("things:see:a b/c", "GET /things/a%20b/c"),
        ("orders:none", None),
    ],
)
def test_a_request_is_put_together_from_the_file_and_the_scope(scope: str, request_: str | None) -> None:
    operations = """
types:
  orders:
    actions:
      list: {class: read, properties: {page: {type: number}}}
      read: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, currency: string}}
  kv: {actions: {list: {class: read}, get: {class: read}}}
  things: {actions: {see: {class: read}}}
rest:
  - {match: "GET /orders", action: "orders:list", resource: none, properties: {page: query.page}}
  - {match: "GET /orders/{order}", action: "orders:read", resource: path.order}
  - match: "POST /orders/{order}/refunds"
    action: "orders:refund"
    resource: path.order
    properties: {amount: body.amount, currency: body.currency}
  - {match: "GET /kv", action: "kv:list", resource: {pattern: "{query.prefix}:*"}}
  - {match: "GET /kv/{key+}", action: "kv:get", resource: path.key}
  - {match: "GET /things/{owner}/{thing}", action: "things:see", resource: "{path.owner}/{path.thing}"}
"""
    found = proposals(operations, [scope.replace(" ", "%20")])
    if request_ is None:
        assert found == []
        return
    first = found[0]
    assert f"{first.method} {first.path}" + (f"?{first.query}" if first.query else "") == request_
    if first.method == "POST":
        assert first.body == '{"amount":50,"currency":"USD"}'


def test_a_command_is_one_word_after_the_other_whatever_a_scope_says() -> None:
    """What stands in a scope comes from people; a shell takes it as text."""
    operations = """
types: {orders: {actions: {read: {class: read}}}}
rest:
  - {match: "GET /orders/{order}", action: "orders:read", resource: path.order}
"""
    [first, *_] = proposals(operations, ["orders:read:it's;$(id)%20`id`"])
    words = shlex.split(first.curl("http://127.0.0.1:1/u/orders", "gp_sk_x"))
    assert words[:3] == ["curl", "-H", "Authorization: Bearer gp_sk_x"]
    assert len(words) == 4
    assert urlsplit(words[3]).path.startswith("/u/orders/orders/it's")


@dataclass
class Served:
    """As much of a deployment as a person needs."""

    content: Content
    client: httpx2.Client

    @property
    def port(self) -> int:
        return urlsplit(self.content.origin).port or 0

    def code(self, name: str = "ada") -> str:
        del name
        return self.content.code()


@pytest.fixture
def somebody(content: Content) -> Iterator[Person]:
    with httpx2.Client(trust_env=False, timeout=30) as client:
        person = Person(cast("Deployment", Served(content, client)))
        person.sign_in()
        yield person


def test_what_one_box_gives_no_other_box_gives_again(roles: Person) -> None:
    ask = roles.deployment.ask
    said = {"scopes": ["orders:list", "orders:read:*", "orders:list:order-1"]}
    assert ask("PUT", "/roles/reading", said).status_code == 200
    page = roles.get("/console/tokens/_new?agent=a-reader")
    assert boxes(page) == ["orders:list", "orders:read:*"]
    assert "everything of the class: list, read" in page.words


@pytest.mark.parametrize("scope", ["orders:list", "orders:read:*"])
def test_the_command_that_the_page_shows_works_as_it_stands(somebody: Person, scope: str) -> None:
    page = somebody.get("/console/tokens/_new?agent=support-bot")
    shown = somebody.send(page, "Create the token", name=f"runs-{scope[7:11]}", scopes=[scope])
    assert shown.status == 201, shown.words
    found = COMMAND.search(shown.text)
    assert found is not None, shown.words
    command = found[1].replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")
    words = [*shlex.split(command), "--silent", "--noproxy", "*", "--write-out", " %{http_code}"]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == '{"ok":true} 200'


def test_what_nothing_could_be_put_together_for_has_no_command(somebody: Person) -> None:
    """A role that asks a person about it, and a token that cannot prove itself: a command would be refused."""
    page = somebody.get("/console/tokens/_new?agent=support-bot")
    shown = somebody.send(page, "Create the token", name="asks", scopes=["orders:cancel:*"])
    assert shown.status == 201, shown.words
    assert COMMAND.search(shown.text) is None
