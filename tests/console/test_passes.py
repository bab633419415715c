"""Agents and tokens, by a person without scripts: from an empty deployment to a token that is revoked."""

import re
from typing import Any

import pytest
from tests.console.person import Person, Shown
from tests.web.deployment import Deployment

SECRET = re.compile(r"gp_(?:sk|pat)_[0-9A-Za-z]{46}")
SIXTEEN = 16 * 60_000
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment.furnish())
    page = person.sign_in()
    person.send(page, "Set it", password=PASSWORD, repeated=PASSWORD)
    return person


def made(person: Person, **filled: Any) -> Shown:
    filled = {"name": "laptop", "agent": "support-bot", "scopes": ["orders:list"], **filled}
    return person.send(person.get("/console/tokens/_new"), "Create the token", **filled)


def tokens(person: Person) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.deployment.ask(
        "GET", "/tokens", token=person.cookies["gatepass_session"]
    ).json()["items"]
    return found


def test_an_empty_deployment_says_what_to_do_first(deployment: Deployment) -> None:
    ada = Person(deployment)
    ada.sign_in()
    assert "From here to a first call" in ada.get("/console").words
    assert "No agents yet" in ada.get("/console/agents").words
    assert "There is no role yet" in ada.get("/console/agents/_new").words
    assert "No token is alive" in ada.get("/console/tokens").words


def test_a_token_is_made_of_a_name_and_scopes_and_its_secret_is_shown_once(ada: Person) -> None:
    shown = made(ada)
    assert (shown.status, shown.path) == (201, "/console/tokens/_new")
    [secret] = set(SECRET.findall(shown.text))
    assert shown.headers["cache-control"] == "no-store"
    assert f"http://127.0.0.1:{ada.deployment.port}/u/orders/" in shown.words
    [token] = tokens(ada)
    assert (token["name"], token["agent"], token["scopes"]) == ("laptop", "support-bot", ["orders:list"])
    for path in ("/console", "/console/tokens", f"/console/tokens/{token['id']}", "/console/agents/support-bot"):
        assert secret not in ada.get(path).text
        assert SECRET.search(ada.get(path).text) is None


def test_everything_that_matters_stands_in_one_row(ada: Person) -> None:
    made(ada, calls="10/1m", requests_per_day="500", lifetime="2h", purpose="nightly")
    row = re.search(r"<tr>\s*<th scope=\"row\">.*?</tr>", ada.get("/console/tokens").text, re.DOTALL)
    assert row is not None
    words = " ".join(re.sub(r"<[^>]*>", " ", row[0]).split())
    for said in ("laptop", "nightly", "support-bot", "orders:list", "10 a minute", "500 a day", "never", "in 2 h"):
        assert said in words, said


@pytest.mark.parametrize(
    ("filled", "said"),
    [
        ({"scopes": [], "narrower": "order:list"}, "orders"),
        ({"scopes": [], "narrower": "orders:delete:order-1"}, "role"),
        ({"scopes": [], "narrower": "orders::"}, "orders::"),
        ({"lifetime": "1h30m"}, "lifetime"),
        ({"calls": "many"}, "calls"),
        ({"requests_per_day": "-1"}, "requests_per_day"),
        ({"name": "Not A Name"}, "name"),
        ({"lifetime": "400d"}, ""),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_nothing_that_was_typed_is_lost(
    ada: Person, filled: dict[str, Any], said: str
) -> None:
    shown = made(ada, **{"purpose": "kept & <kept>", **filled})
    assert shown.status in {400, 403}, shown.words
    assert 'id="problem"' in shown.text
    assert said in shown.words
    again = dict(shown.form("Create the token").fields)
    assert again["purpose"] == "kept & <kept>"
    assert again["agent"] == "support-bot"
    for name, typed in filled.items():
        if isinstance(typed, str):
            assert again[name] == typed
    assert tokens(ada) == []


def test_the_limits_of_a_token_are_changed_and_what_is_left_alone_stays(ada: Person) -> None:
    made(ada, requests_per_day="500")
    [token] = tokens(ada)
    page = ada.get(f"/console/tokens/{token['id']}")
    shown = ada.send(page, "Save the limits", calls="5/1m")
    assert "The limits of laptop are changed" in shown.words
    [token] = tokens(ada)
    assert token["limits"]["calls"] == {"count": 5, "period_seconds": 60}
    assert token["limits"]["requests_per_day"] == 500
    shown = ada.send(shown, "Save the limits", requests_per_day="", classes=["read"])
    [token] = tokens(ada)
    assert (token["limits"]["requests_per_day"], token["limits"]["classes"]) == (None, ["read"])
    assert "nothing was changed" in ada.send(shown, "Save the limits").words
    assert "<code>calls</code>" in ada.send(shown, "Save the limits", calls="x").text


def test_a_token_is_rotated_with_an_overlap_and_the_new_secret_shown_once(ada: Person) -> None:
    first = SECRET.search(made(ada).text)
    [token] = tokens(ada)
    shown = ada.send(ada.get(f"/console/tokens/{token['id']}"), "Rotate", overlap="1h")
    second = SECRET.search(shown.text)
    assert first is not None
    assert second is not None
    assert first[0] != second[0]
    old, new = sorted(tokens(ada), key=lambda each: each["replaces"] is not None)
    assert (old["alive"], new["alive"], new["replaces"]) == (True, True, old["id"])
    assert "The old secret works until" in shown.words


def test_a_rotation_without_an_overlap_says_that_the_old_secret_is_over(ada: Person) -> None:
    made(ada)
    [token] = tokens(ada)
    page = ada.get(f"/console/tokens/{token['id']}")
    first = ada.send(page, "Rotate")
    assert "The old secret has stopped working." in first.words
    assert SECRET.findall(ada.send(page, "Rotate").text) == SECRET.findall(first.text), "a reload rotated once more"
    over = ada.get(f"/console/tokens/{token['id']}").words
    assert "Nothing: the token " in over


def test_a_box_that_gives_a_whole_class_says_so(ada: Person) -> None:
    page = ada.get("/console/upstreams/_new")
    operations = """\
types:
  files:
    actions:
      list: {class: read}
      read: {class: read}
      write: {class: write}
rest:
  - {match: "GET /files", action: "files:list", resource: none}
  - {match: "GET /files/{file}", action: "files:read", resource: path.file}
  - {match: "PUT /files/{file}", action: "files:write", resource: path.file}
"""
    target = "https://files.example"
    ada.send(page, "Register it", name="files", target=target, injection_kind="", operations=operations)
    words = ada.get("/console/roles/_new").words
    assert "files:read everything of the class: list, read read" in words
    assert "files:list read" in words
    assert "files:write write" in words


def test_one_click_revokes_and_says_that_it_cannot_be_undone(ada: Person) -> None:
    made(ada)
    page = ada.get("/console/tokens")
    assert "cannot be undone" in page.words
    shown = ada.send(page, "Revoke")
    assert "The token laptop is revoked for good" in shown.words
    [token] = tokens(ada)
    assert token["alive"] is False
    assert "Revoke" not in [words for form in shown.forms for words in form.buttons]
    page = ada.get(f"/console/tokens/{token['id']}")
    assert not any("Revoke" in words or "Rotate" in words for form in page.forms for words in form.buttons)


def test_an_agent_is_added_moved_stopped_and_let_in_again(ada: Person) -> None:
    shown = ada.send(ada.get("/console/agents/_new"), "Add the agent", name="ci-bot", role="support")
    assert "The agent ci-bot is there" in shown.words
    ada.deployment.ask("PUT", "/roles/other", {"scopes": ["orders:list"]}, token=ada.cookies["gatepass_session"])
    shown = ada.send(ada.get(shown.path.partition("?")[0]), "Save", role="other")
    assert "The agent ci-bot is changed" in shown.words
    made(ada, agent="ci-bot")
    shown = ada.send(ada.get("/console/agents/ci-bot"), "Revoke them all")
    assert "Every token of ci-bot is revoked" in shown.words
    shown = ada.send(shown, "Disable ci-bot")
    assert "The agent ci-bot is disabled" in shown.words
    shown = ada.send(shown, "Enable it")
    assert "The agent ci-bot is enabled" in shown.words
    assert [token["alive"] for token in tokens(ada)] == [False]


def test_what_an_agents_tokens_start_with_is_set_on_its_page(ada: Person) -> None:
    made(ada)
    page = ada.get("/console/agents/support-bot")
    assert "Its tokens start with the deployment's limits" in page.words
    shown = ada.send(page, "Save the limits", calls="5/1m", requests_per_day="70", classes=["read"])
    assert "The tokens of support-bot start with other limits now" in shown.words
    assert "Its tokens start with calls 5/1m, calls a day 70, read only" in shown.words
    [token] = tokens(ada)
    assert (token["limits"]["calls"]["count"], token["limits"]["requests_per_day"]) == (5, 70)
    wrong = ada.send(shown, "Save the limits", calls="many")
    assert (wrong.status, dict(wrong.form("Save the limits").fields)["calls"]) == (400, "many")
    assert "nothing was changed" in ada.send(shown, "Save the limits").words
    back = ada.send(shown, "Save the limits", calls="", requests_per_day="", classes=[])
    assert "Its tokens start with the deployment's limits" in back.words
    [token] = tokens(ada)
    assert token["limits"]["requests_per_day"] is None


def test_after_a_quarter_of_an_hour_one_says_who_one_is_and_the_form_is_done(ada: Person) -> None:
    page = ada.get("/console/tokens/_new")
    ada.deployment.later(SIXTEEN)
    purpose = "é & 'quoted'"
    shown = ada.send(
        page, "Create the token", name="late", agent="support-bot", scopes=["orders:list"], purpose=purpose
    )
    assert (shown.status, "It is still you?" in shown.words) == (401, True)
    assert tokens(ada) == []
    wrong = ada.send(shown, "with the password", password="not it at all, no")
    assert (wrong.status, "the name, the password or the code is wrong" in wrong.words) == (401, True)
    before = ada.cookies["gatepass_session"]
    done = ada.send(wrong, "with the password", password=PASSWORD)
    assert (done.status, SECRET.search(done.text) is not None) == (201, True)
    [token] = tokens(ada)
    assert (token["name"], token["purpose"]) == ("late", "é & 'quoted'")
    assert ada.cookies["gatepass_session"] != before
    assert ada.deployment.ask("GET", "/status", token=before).status_code == 401


def test_a_session_that_has_ended_loses_nothing_that_was_typed(ada: Person) -> None:
    page = ada.get("/console/agents/_new")
    ada.deployment.later(9 * 3_600_000)
    shown = ada.send(page, "Add the agent", name="late-bot", role="support")
    assert (shown.status, "Your session has ended" in shown.words) == (401, True)
    done = ada.send(shown, "with the password", name="ada", password=PASSWORD)
    assert "The agent late-bot is there" in done.words


def test_what_one_person_began_another_does_not_finish(ada: Person) -> None:
    ada.deployment.token = ada.cookies["gatepass_session"]
    ada.deployment.join("eve", "admin")
    page = ada.get("/console/agents/_new")
    ada.deployment.later(SIXTEEN)
    shown = ada.send(page, "Add the agent", name="late-bot", role="support")
    done = ada.send(shown, "with the code", code=ada.deployment.code("eve"))
    assert "late-bot" not in done.words
    assert ada.deployment.ask("GET", "/agents/late-bot", token=ada.cookies["gatepass_session"]).status_code == 404


def test_a_password_that_was_typed_is_not_carried_along(ada: Person) -> None:
    page = ada.get("/console/password")
    ada.deployment.later(SIXTEEN)
    new = "another good long password"
    shown = ada.send(page, "Change it", password=new, repeated=new)
    assert (shown.status, new in shown.text) == (401, False)
    back = ada.send(shown, "with the password", password=PASSWORD)
    assert "enter what was secret again" in back.words
    assert "Change your password" in back.words


def test_an_auditor_looks_and_is_told_who_may_do_more(ada: Person) -> None:
    made(ada)
    ada.deployment.token = ada.cookies["gatepass_session"]
    invited = ada.deployment.ask("POST", "/people", {"name": "audrey", "operator": "auditor"}).json()["code"]
    audrey = Person(ada.deployment)
    audrey.send(audrey.get("/console/sign-in"), "with the code", code=invited)
    [token] = tokens(ada)
    for path in ("/console", "/console/agents", "/console/agents/support-bot", f"/console/tokens/{token['id']}"):
        page = audrey.get(path)
        assert page.status == 200
        assert not {"Revoke", "Save the limits", "Disable support-bot"} & {
            words for form in page.forms for words in form.buttons
        }
    form = audrey.get("/console/tokens/_new").form("Create the token")
    assert (form.options["agent"], "scopes" in form.options) == ([""], False), "one of their own is all that there is"
    fields = dict(form.fields) | {"name": "laptop2", "agent": "support-bot", "scopes": "orders:list"}
    refused = audrey.request("POST", "/console/tokens/_new", list(fields.items()))
    assert (refused.status, "operator_forbidden" in refused.text) == (403, True)


def test_a_person_without_a_role_sees_what_is_theirs(ada: Person) -> None:
    ada.deployment.token = ada.cookies["gatepass_session"]
    invited = ada.deployment.ask("POST", "/people", {"name": "zoe"}).json()["code"]
    zoe = Person(ada.deployment)
    zoe.send(zoe.get("/console/sign-in"), "with the code", code=invited)
    assert (zoe.get("/console").status, zoe.get("/console/tokens").status) == (200, 200)
    assert "Needs attention" not in zoe.get("/console").words


def test_the_figures_of_the_plot_are_asked_for_alone(ada: Person) -> None:
    part = ada.get("/console/overview/activity?span=1h", hx_request="true")
    assert len(re.findall(r"<tr data-at", part.text)) == 60
    assert "<html" not in part.text
    stranger = Person(ada.deployment)
    answer = stranger.get("/console/overview/activity", hx_request="true")
    assert (answer.status, answer.headers["hx-refresh"]) == (401, "true")
    assert (
        "Nothing" in ada.get("/console/overview/attention", hx_request="true").words
        or "Look" in ada.get("/console/overview/attention").words
    )
