"""What is sent twice is done once, and what somebody else changed in the meantime is not overwritten."""

from typing import Any

import pytest
from tests.administration.world import ORDERS
from tests.console.person import Person, Shown
from tests.web.deployment import Deployment

CREATING = [
    ("/console/agents/_new", "Add the agent", {"name": "twice", "role": "support"}, "agents"),
    ("/console/people/_new", "Add the person", {"name": "twice"}, "people"),
    ("/console/secrets/_new", "Store it", {"name": "twice", "value": "sk_live_sent_twice"}, "secrets"),
    ("/console/upstreams/_new", "Register it", {"name": "twice", "target": "https://twice.example"}, "upstreams"),
    ("/console/tokens/_new", "Create the token", {"name": "twice", "agent": "support-bot"}, "tokens"),
]
CHANGING = [
    ("/console/agents/support-bot", "Save", {"role": "other"}),
    ("/console/people/grace", "Change it", {"operator": "auditor"}),
    ("/console/upstreams/orders/change", "Change it", {"injection_name": "x-key"}),
    ("/console/roles/support/change", "Save the role", {"longest": "7h"}),
    ("/console/secrets/orders-key/replace", "Replace it", {"value": "sk_live_another_value"}),
    ("/console/tokens/{token}", "Save the limits", {"calls": "5/1m"}),
]


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment.furnish())
    person.sign_in()
    return person


def names(ada: Person, kind: str) -> list[str]:
    return [each["name"] for each in ada.deployment.ask("GET", f"/{kind}").json()["items"]]


def filled(kind: str, said: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, dict[str, Any]] = {
        "tokens": {"scopes": ["orders:list"]},
        "upstreams": {"operations": ORDERS.replace("orders", "parcels")},
    }
    return {**said, **more.get(kind, {})}


@pytest.mark.parametrize(("path", "button", "said", "kind"), CREATING, ids=lambda each: str(each)[:24])
def test_a_form_that_is_sent_twice_creates_once(
    ada: Person, path: str, button: str, said: dict[str, Any], kind: str
) -> None:
    page = ada.get(path)
    first = ada.send(page, button, **filled(kind, said))
    again = ada.send(page, button, **filled(kind, said))
    assert (first.status, first.path) == (again.status, again.path)
    assert first.status in {200, 201}, first.words
    assert 'id="problem"' not in again.text
    assert names(ada, kind).count("twice") == 1


def test_a_code_and_a_rotation_are_made_once_too(ada: Person) -> None:
    ada.send(ada.get("/console/people/_new"), "Add the person", name="grace")
    page = ada.get("/console/people/grace")
    assert shown_once(ada.send(page, "Make a one-time code")) == shown_once(ada.send(page, "Make a one-time code"))
    issue(ada)
    page = ada.get(f"/console/tokens/{token(ada)}")
    assert ada.send(page, "Rotate").status == ada.send(page, "Rotate").status == 201
    assert len(names(ada, "tokens")) == 2


def test_a_key_that_was_used_for_something_else_does_not_stand_in_the_way(ada: Person) -> None:
    """Somebody goes back to the form that they sent, and writes another name into it."""
    page = ada.get("/console/agents/_new")
    ada.send(page, "Add the agent", name="first", role="support")
    refused = ada.send(page, "Add the agent", name="second", role="support")
    assert (refused.status, "idempotency_key_reused" in refused.text) == (422, True)
    assert "The agent second is there" in ada.send(refused, "Add the agent").words


def test_two_pages_create_twice(ada: Person) -> None:
    """The key is made for the page, not for the person or the words."""
    keys = {dict(ada.get("/console/agents/_new").form("Add the agent").fields)["key"] for _ in range(3)}
    assert len(keys) == 3
    assert all(len(key) == 32 for key in keys)


def test_a_new_role_does_not_take_the_place_of_one_that_is_there(ada: Person) -> None:
    before = ada.deployment.ask("GET", "/roles/support").json()
    shown = ada.send(ada.get("/console/roles/_new"), "Make the role", name="support", scopes="orders:list")
    assert shown.status == 412
    assert ada.deployment.ask("GET", "/roles/support").json() == before


@pytest.mark.parametrize(("path", "button", "said"), CHANGING, ids=lambda each: str(each)[:24])
def test_whoever_comes_second_does_not_overwrite(ada: Person, path: str, button: str, said: dict[str, Any]) -> None:
    ada.send(ada.get("/console/people/_new"), "Add the person", name="grace")
    ada.send(ada.get("/console/secrets/_new"), "Store it", name="orders-key", value="sk_live_one")
    ada.send(ada.get("/console/roles/_new"), "Make the role", name="other", scopes="orders:list")
    issue(ada)
    path = path.replace("{token}", token(ada))
    page = ada.get(path)
    assert dict(page.form(button).fields)["etag"].startswith('"')
    first = ada.send(page, button, **said)
    assert (first.status, 'id="problem"' in first.text) == (200, False), first.words
    late = ada.send(page, button, **{**said, **({"calls": "6/1m"} if "calls" in said else {})})
    assert late.status == 412, late.words
    assert "Somebody else" in late.words
    again = dict(late.form(button).fields)
    for name, typed in said.items():
        assert again[name] == ("" if name == "value" else "6/1m" if name == "calls" else typed), (
            "what was typed is kept"
        )
    saved = late if "value" not in said else None
    done = ada.send(late, button, **({} if saved else said))
    assert (done.status, 'id="problem"' in done.text) == (200, False), "it carries the tag of how things stand now"


OVERTAKEN = [
    (
        "/console/upstreams/orders/change",
        "Change it",
        ("injection_name", "x-first"),
        ("target", "https://b.example/v1"),
    ),
    ("/console/roles/support/change", "Save the role", ("longest", "7h"), ("asks_person", "orders:list")),
    ("/console/agents/support-bot", "Save the limits", ("calls", "5/1m"), ("attempts", "9/1m")),
]
SAYS = {"injection_name": "Called x-first Authorization", "longest": "token 7h none", "calls": "calls 5/1m none"}


@pytest.mark.parametrize(("path", "button", "theirs", "mine"), OVERTAKEN, ids=lambda each: str(each)[:24])
def test_whoever_comes_second_sees_what_the_first_one_changed(
    ada: Person, path: str, button: str, theirs: tuple[str, str], mine: tuple[str, str]
) -> None:
    page = ada.get(path)
    first: dict[str, Any] = dict([theirs])
    second: dict[str, Any] = dict([mine])
    ada.send(page, button, **first)
    late = ada.send(page, button, **second)
    assert late.status == 412
    told = late.words.partition("In your form")[2]
    assert SAYS[theirs[0]] in told, told[:300]
    assert dict(late.form(button).fields)[mine[0]] == mine[1]


def test_a_file_that_somebody_else_changed_is_told_by_its_lines(ada: Person) -> None:
    page = ada.get("/console/upstreams/orders/change")
    ada.send(page, "Change it", operations=ORDERS.replace("class: write", "class: delete"))
    late = ada.send(page, "Change it", operations=ORDERS + "# mine\n")
    told = late.words.partition("In your form")[2].partition("Kind")[0]
    assert "now refund: {class: delete" in told
    assert "yours refund: {class: write" in told
    assert "yours # mine" in told
    assert "orders:list" not in told, "what is alike is not told"


def issue(ada: Person) -> None:
    page = ada.get("/console/tokens/_new")
    ada.send(page, "Create the token", name="laptop", agent="support-bot", scopes=["orders:list"])


def token(ada: Person) -> str:
    found: str = ada.deployment.ask("GET", "/tokens").json()["items"][0]["id"]
    return found


def shown_once(shown: Shown) -> str:
    return shown.text.partition('tabindex="0">')[2].partition("</pre>")[0]
