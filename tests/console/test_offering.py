"""Pages offer what the person may do, to whom they lead whoever follows them, and nothing that would be refused."""

import re
from collections import deque

import pytest
from tests.console.person import Form, Person, Shown
from tests.web.deployment import Deployment

from gatepass.console.pages.routes import ROUTES
from gatepass.registry import OperatorRole

LINK = re.compile(r'href="(/console[^"#]*)')
ENDS = {"/console/sign-out", "/console/sign-in", "/console/password", "/console/theme"}
WORDS = sorted({word for route in ROUTES for word in re.split(r"[/{}_]+", route.path) if word})


def signed_in(deployment: Deployment, name: str, operator: str | None) -> Person:
    """A person of that role, who owns an agent and a token."""
    invited = deployment.ask("POST", "/people", {"name": name, "operator": operator}).json()["code"]
    deployment.ask("POST", "/agents", {"name": f"{name}-bot", "role": "support", "owner": name})
    deployment.issue(f"{name}-token", agent=f"{name}-bot", run="new")
    person = Person(deployment)
    person.send(person.get("/console/sign-in"), "with the code", code=invited)
    return person


def walked(person: Person) -> dict[str, Shown]:
    """Every page that the pages lead to."""
    found: dict[str, Shown] = {}
    left = deque(["/console"])
    while left:
        path = left.popleft()
        if path in found or path.startswith("/console/static"):
            continue
        found[path] = person.get(path)
        left += [link.replace("&amp;", "&") for link in LINK.findall(found[path].text)]
    return found


def furnished(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.ask("POST", "/secrets", {"name": "orders-key", "upstream": "orders", "value": "sk_live_x"})
    deployment.ask("PUT", "/roles/empty", {"scopes": ["orders:list"]})
    for name, action in (("agents/second", None), ("agents/second", "disable")):
        if action is None:
            deployment.ask("POST", "/agents", {"name": "second", "role": "support"})
        else:
            deployment.ask("POST", f"/{name}/{action}")
    deployment.issue("another")


@pytest.mark.parametrize("operator", [None, *OperatorRole], ids=str)
def test_nothing_is_offered_that_would_be_refused(deployment: Deployment, operator: str | None) -> None:
    furnished(deployment)
    zoe = signed_in(deployment, "zoe", operator)
    pages = walked(zoe)
    assert len(pages) >= (7 if operator is None else 30)
    refused = {path: page.status for path, page in pages.items() if page.status != 200 or "_forbidden" in page.text}
    assert refused == {}
    sent = {form.action: (path, form) for path, page in pages.items() for form in page.forms}
    for action in sorted(sent, key=lambda each: ("disable" in each, "delete" in each, "revoke" in each, each)):
        path, form = sent[action]
        if form.method == "post" and action.partition("#")[0] not in ENDS and "/people/" not in action:
            assert not _refused(zoe, form), f"{path} offers {action}"


@pytest.mark.parametrize("operator", [None, "auditor", "operator"], ids=str)
def test_an_empty_deployment_offers_nothing_that_would_be_refused(deployment: Deployment, operator: str | None) -> None:
    invited = deployment.ask("POST", "/people", {"name": "zoe", "operator": operator}).json()["code"]
    zoe = Person(deployment)
    zoe.send(zoe.get("/console/sign-in"), "with the code", code=invited)
    assert {path: page.status for path, page in walked(zoe).items() if page.status != 200} == {}


def _refused(person: Person, form: Form) -> bool:
    answer = person.request("POST", form.action.partition("#")[0], form.fields)
    return "operator_forbidden" in answer.text


def test_an_admin_is_offered_every_page_that_there_is(deployment: Deployment) -> None:
    furnished(deployment)
    deployment.issue("told", run="new")
    zoe = signed_in(deployment, "zoe", "admin")
    led = walked(zoe)
    for route in ROUTES:
        pattern = "/console" + re.escape(route.path).replace(r"\{ref\}", "[^/?]+") + r"(\?.*)?"
        if route.method == "GET" and not route.stranger and "/overview/" not in route.path:
            assert any(re.fullmatch(pattern, path) for path in led), f"nothing leads to {route.path}"


@pytest.mark.parametrize("word", WORDS)
def test_every_word_can_be_a_name(shared_ada: Person, word: str) -> None:
    """Whatever words addresses use: a role of that name is found, and so are an agent, a person and an upstream."""
    ada, deployment = shared_ada, shared_ada.deployment
    ask, token = deployment.ask, shared_ada.cookies["gatepass_session"]
    deployment.later(6_000)  # of a minute's calls
    assert ask("PUT", f"/roles/{word}", {"scopes": ["orders:list"]}, token=token).status_code == 200
    assert ask("POST", "/agents", {"name": word, "role": word}, token=token).status_code == 201
    assert ask("POST", "/people", {"name": word}, token=token).status_code == 201
    upstream = {"name": word, "kind": "rest", "target": "https://x.example", "operations": "types: {}\nrest: []\n"}
    made = ask("POST", "/upstreams", upstream, token=token)
    assert made.status_code == 201, made.text
    for kind in ("roles", "agents", "people", "upstreams"):
        page = ada.get(f"/console/{kind}/{word}")
        assert page.status == 200, (kind, page.words)
        assert re.search(rf"<h1[^>]*>(<bdi[^>]*>)?{word}(</bdi>)?</h1>", page.text), kind
    assert ada.get(f"/console/roles/{word}/change").status == 200


def test_no_name_and_no_id_is_a_word_of_ours() -> None:
    """Where a name may stand, a word of ours begins with what no name begins with."""
    lists = {route.path.rsplit("/{ref}", 1)[0] for route in ROUTES if route.path.endswith("/{ref}")}
    for route in ROUTES:
        parent, _, last = route.path.rpartition("/")
        if parent in lists and last != "{ref}":
            assert last.startswith("_"), route.path


def test_a_form_of_another_kind_is_told_what_a_page_can_do(shared_ada: Person) -> None:
    form = dict(shared_ada.get("/console").form("Sign out").fields)
    page = shared_ada.request("POST", "/console/theme", [("csrf", form["csrf"])], content_type="text/plain")
    assert page.status == 415
    assert "Open the page again" in page.words
    assert "JSON" not in page.words


def test_what_needs_attention_names_the_page_beside_the_command(deployment: Deployment) -> None:
    ada = Person(deployment.furnish())
    ada.sign_in()
    words = ada.get("/console").words
    assert "They set one in the console, under their name, or with gatepass person password" in words
    assert "Store one in the console, under Secrets, or run gatepass secret set" in words
    text = ada.get("/console").text
    assert 'href="/console/secrets/_new?upstream=orders"' in text


def test_another_admins_missing_password_does_not_lead_to_ones_own(deployment: Deployment) -> None:
    invited = deployment.ask("POST", "/people", {"name": "eve", "operator": "admin"}).json()["code"]
    eve = Person(deployment)
    eve.send(eve.get("/console/sign-in"), "with the code", code=invited)
    rows = re.findall(r'<li class="attention-item.*?</li>', eve.get("/console").text, re.DOTALL)
    [of_ada] = [row for row in rows if ">ada<" in row and "password" in row]
    assert 'href="/console/people/per_' in of_ada
    [of_eve] = [row for row in rows if ">eve<" in row and "password" in row]
    assert 'href="/console/password"' in of_eve
