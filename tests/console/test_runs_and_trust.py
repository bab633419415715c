"""Runs, told and ended; trust rules, listed, tried and deleted."""

import json
from typing import Any

import pytest
from tests.attestation.test_assertions import jwk, keys
from tests.console.person import Person
from tests.web.deployment import Deployment

ISSUER = "https://token.actions.githubusercontent.com"
RULE: dict[str, Any] = {
    "kind": "github-actions",
    "issuer": ISSUER,
    "conditions": ["repository_id=7", "ref=refs/heads/main"],
    "agent": "support-bot",
    "keys": keys(jwk()),
}


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment.furnish())
    person.sign_in()
    return person


def test_a_run_is_listed_told_and_ended_with_everything_in_it(ada: Person) -> None:
    ask = ada.deployment.ask
    run = ask("POST", "/runs", {"agent": "support-bot", "label": "<nightly>", "limits": {"calls": 9}}).json()
    token = ada.deployment.issue(run=run["id"])
    words = ada.get("/console/runs").words
    assert "<nightly> support-bot" in words
    assert "9 calls" in words
    story = ada.get(f"/console/stories/{run['id']}")
    assert "At most 9 calls" in story.words
    shown = ada.send(story, "End the run", reason="done & dusted")
    assert shown.path.startswith(f"/console/stories/{run['id']}")
    assert "The run <nightly> has ended" in shown.words
    assert "done & dusted" in shown.words
    assert ask("GET", f"/tokens/{token['id']}").json()["alive"] is False
    assert "No run is open" in ada.get("/console/runs").words
    assert "<nightly>" in ada.get("/console/runs?state=ended&agent=support-bot").words
    assert "End" not in [words for form in ada.get("/console/runs?state=all").forms for words in form.buttons]


def test_rules_are_listed_with_what_is_unwise_about_them(ada: Person) -> None:
    assert "No trust rule" in ada.get("/console/trust").words
    assert ada.deployment.ask("PUT", "/trust-rules/deploys", RULE).status_code == 200
    loose = {**RULE, "conditions": ["repository_id=7"]}
    assert ada.deployment.ask("PUT", "/trust-rules/loose", loose).status_code == 200
    words = ada.get("/console/trust").words
    assert f"deploys github-actions {ISSUER} repository_id=7 ref=refs/heads/main support-bot" in words
    [warning, *_] = ada.deployment.ask("GET", "/trust-rules/loose").json()["warnings"]
    assert warning["message"][:60] in words
    shown = ada.send(ada.get("/console/trust"), "Delete deploys")
    assert "Nobody is believed under the rule deploys any more" in shown.words


def test_a_token_and_claims_are_tried_and_the_token_does_not_come_back(ada: Person) -> None:
    ada.deployment.ask("PUT", "/trust-rules/deploys", RULE)
    page = ada.get("/console/trust")
    claims = {"iss": ISSUER, "repository_id": "8", "ref": "refs/heads/main", "sub": "x"}
    shown = ada.send(page, "What would they say", claims=json.dumps(claims))
    assert (shown.status, "It proves nobody" in shown.words) == (200, True)
    assert "repository_id" in shown.words.partition("It proves nobody")[2]
    assert dict(shown.form("What would they say").fields)["claims"] == json.dumps(claims)
    secret = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2VjcmV0LXNpZ25hdHVyZQ"
    shown = ada.send(page, "What would they say", value=secret)
    assert secret not in shown.text
    wrong = ada.send(page, "What would they say", claims="{no")
    assert (wrong.status, dict(wrong.form("What would they say").fields)["claims"]) == (400, "{no")
    assert ada.send(page, "What would they say").status == 400
