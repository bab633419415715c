"""The journal and the stories, as somebody at a browser without scripts reads them."""

import pytest
from tests.console.person import Person
from tests.web.deployment import Deployment


@pytest.fixture
def ada(deployment: Deployment) -> Person:
    person = Person(deployment)
    person.sign_in()
    deployment.furnish()
    return person


def test_the_journal_says_what_was_done_and_filters_stand_in_the_address(ada: Person) -> None:
    everything = ada.get("/console/journal").words
    assert "Upstream registered" in everything
    assert "Role made" in everything
    shown = ada.send(ada.get("/console/journal"), "Filter", event="role.created")
    assert "Role made" in shown.words.partition("All entries")[2]
    assert "Upstream registered" not in shown.words.partition("All entries")[2]
    assert "event=role.created" in shown.path


def test_a_filter_that_cannot_be_read_says_so_and_stays_in_its_field(ada: Person) -> None:
    shown = ada.get("/console/journal?since=yesterday&outcome=%3Cscript%3E")
    assert shown.status == 400
    assert dict(shown.form("Filter").fields)["since"] == "yesterday"
    assert "<script>" not in shown.text.replace("<script defer", "")


def test_an_instant_as_a_browser_writes_it_is_taken_for_utc(ada: Person) -> None:
    assert ada.get("/console/journal?since=2020-01-01T00:00:00").status == 200
    assert ada.get("/console/journal?since=2020-01-01T00:00:00%2B01:00").status == 200
    assert ada.get("/console/journal?since=2020-01-01T00:00:00Z").status == 200


def test_pages_of_the_journal_follow_one_another(ada: Person) -> None:
    for number in range(60):
        ada.deployment.issue(f"token-{number}", limits={"calls": {"count": 1, "period_seconds": 60}})
    first = ada.get("/console/journal")
    following = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = ada.get(following.replace("&amp;", "&"))
    assert "To the beginning" in second.words
    assert "Journal opened" in second.words or "Next page" in second.words


def test_the_whole_journal_is_checked_and_its_head_is_there_to_keep(ada: Person) -> None:
    shown = ada.send(ada.get("/console/journal"), "Verify the whole journal")
    assert "entries are there, as they were written" in shown.words
    assert "gatepass journal head 1" in shown.words
    assert "gatepass journal head 1" in ada.get("/console/journal/head").words


def test_a_tokens_story_and_its_runs_lead_to_each_other(ada: Person) -> None:
    token = ada.deployment.issue("laptop", run="new", purpose="<i>one</i> thing")
    ada.deployment.ask("POST", f"/tokens/{token['id']}/revoke", {"reason": "looked <b>wrong</b>"})
    story = ada.get(f"/console/stories/{token['id']}")
    assert "Token issued" in story.words
    assert "under the role support" in story.words
    assert "because: looked <b>wrong</b>" in story.words
    assert "<b>wrong" not in story.text
    assert f"/console/stories/{token['run']}" in story.text
    run = ada.get(f"/console/stories/{token['run']}")
    assert f"/console/stories/{token['id']}" in run.text
    assert f"/console/journal?run={token['run']}" in run.text


@pytest.mark.parametrize("ref", ["run_AAAAAAAAAAAAAAAAAAAA", "crd_AAAAAAAAAA", "nonsense"])
def test_a_story_of_nothing_is_no_page(ada: Person, ref: str) -> None:
    shown = ada.get(f"/console/stories/{ref}")
    assert shown.status == 404
    assert "There is nothing here" in shown.words


def test_somebody_without_a_role_sees_no_journal(ada: Person) -> None:
    ada.deployment.join("visitor", None)
    visitor = Person(ada.deployment)
    visitor.sign_in("visitor")
    for path in ("/console/journal", "/console/upstreams", "/console/people", "/console/settings"):
        assert visitor.get(path).status == 403
