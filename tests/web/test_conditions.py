"""Conditional requests: of two who change what they both read, one wins; a 304 tells nobody what they may not know."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.web.deployment import ROLE, UPSTREAM, Deployment

from gatepass.web.management.answers import shapes
from gatepass.web.management.conditions import Conditions, read_conditions, tag_of

SECRET = "sk_live_0123456789"


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def furnished(deployment: Deployment) -> Deployment:
    deployment.furnish()
    deployment.ask("POST", "/secrets", {"name": "orders-key", "upstream": "orders", "value": SECRET})
    deployment.issue()
    return deployment


THINGS = ("/people/ada", "/agents/support-bot", "/roles/support", "/upstreams/orders", "/secrets/orders-key")
ALL = (*THINGS, "/tokens/laptop")


@pytest.fixture(scope="module")
def house(shared: Deployment) -> Deployment:
    shared.ask("POST", "/secrets", {"name": "orders-key", "upstream": "orders", "value": SECRET})
    shared.issue()
    return shared


@pytest.mark.parametrize("path", ALL)
def test_every_single_thing_has_a_strong_tag_and_is_not_sent_twice(house: Deployment, path: str) -> None:
    answer = house.ask("GET", path)
    tag = answer.headers["etag"]
    assert tag.startswith('"')
    again = house.ask("GET", path, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["cache-control"] == "no-store"
    assert house.ask("GET", path, headers={"if-none-match": "*"}).status_code == 304
    assert house.ask("GET", path, headers={"if-none-match": '"other"'}).json() == answer.json()


@pytest.mark.parametrize("path", ALL)
def test_a_304_does_not_go_round_who_may_look(house: Deployment, path: str) -> None:
    tag = house.ask("GET", path).headers["etag"]
    for sent in (tag, "*"):
        assert house.ask("GET", path, token=None, headers={"if-none-match": sent}).status_code == 401
    stranger = house.join(f"eve-{path.split('/')[1]}", None)
    for sent in (tag, "*"):
        answer = house.ask("GET", path, token=stranger, headers={"if-none-match": sent})
        assert answer.status_code in {403, 404}
        assert "etag" not in answer.headers


def test_what_a_change_answers_has_the_tag_of_what_is_then_read(deployment: Deployment) -> None:
    furnished(deployment)
    changes: list[tuple[str, str, Any, str]] = [
        ("POST", "/agents", {"name": "second", "role": "support"}, "/agents/second"),
        ("PUT", "/roles/other", ROLE, "/roles/other"),
        ("PATCH", "/tokens/laptop", {"limits": {"writes_per_minute": 3}}, "/tokens/laptop"),
        ("POST", "/tokens/laptop/rotate", None, "/tokens/laptop"),
        ("POST", "/people", {"name": "bob", "operator": None}, "/people/bob"),
        ("PATCH", "/people/bob", {"operator": "auditor"}, "/people/bob"),
        ("PUT", "/secrets/orders-key", {"value": "another-one"}, "/secrets/orders-key"),
        ("POST", "/agents/second/disable", None, "/agents/second"),
    ]
    for method, path, body, where in changes:
        answer = deployment.ask(method, path, body)
        assert answer.status_code in {200, 201}, answer.text
        assert answer.headers["etag"] == deployment.ask("GET", where).headers["etag"], path


def test_a_change_is_made_to_what_was_read_or_not_at_all(deployment: Deployment) -> None:
    furnished(deployment)
    deployment.ask("PUT", "/roles/other", ROLE)
    old = deployment.ask("GET", "/agents/support-bot").headers["etag"]
    moved = deployment.ask("PATCH", "/agents/support-bot", {"role": "other"}, headers={"if-match": old})
    assert moved.status_code == 200
    for method, path, body in (
        ("PATCH", "/agents/support-bot", {"role": "support"}),
        ("POST", "/agents/support-bot/disable", None),
    ):
        assert code(deployment.ask(method, path, body, headers={"if-match": old})) == (412, "precondition_failed")
    shown = deployment.ask("GET", "/agents/support-bot").json()
    assert (shown["role"], shown["disabled_at"]) == ("other", None)
    assert deployment.ask("GET", "/tokens/laptop").json()["alive"]
    listed = f'"nonsense", {moved.headers["etag"]}'
    assert deployment.ask("POST", "/agents/support-bot/disable", headers={"if-match": listed}).status_code == 200


def test_nothing_falls_by_a_condition_that_does_not_hold(deployment: Deployment) -> None:
    furnished(deployment)
    wrong = {"if-match": '"guessed"'}
    for method, path in (
        ("DELETE", "/upstreams/orders"),
        ("POST", "/upstreams/orders/disable"),
        ("POST", "/tokens/laptop/revoke"),
        ("POST", "/tokens/laptop/rotate"),
        ("DELETE", "/secrets/orders-key"),
        ("POST", "/people/ada/disable"),
        ("DELETE", "/roles/support"),
    ):
        answer = deployment.ask(method, path, headers=wrong)
        assert answer.status_code in {409, 412}, path
    assert deployment.ask("GET", "/tokens/laptop").json()["alive"]
    assert deployment.ask("GET", "/upstreams/orders").json()["disabled_at"] is None
    assert not deployment.administration.desk.register.withdrawn


@pytest.mark.parametrize("second", ["PATCH", "DELETE"])
def test_of_two_with_the_same_tag_one_wins(deployment: Deployment, second: str) -> None:
    furnished(deployment)
    for round_ in range(8):
        path = f"/roles/race-{round_}"
        deployment.ask("PUT", path, ROLE)
        held = {"if-match": deployment.ask("GET", path).headers["etag"]}
        together = threading.Barrier(2)

        def widen(path: str = path, held: Any = held, together: Any = together) -> httpx2.Response:
            together.wait()
            return deployment.ask("PUT", path, {"scopes": ["orders:read:order-1"]}, headers=held)

        def other(path: str = path, held: Any = held, together: Any = together) -> httpx2.Response:
            together.wait()
            if second == "DELETE":
                return deployment.ask("DELETE", path, headers=held)
            return deployment.ask("PUT", path, {"scopes": ["orders:list"]}, headers=held)

        work: list[Callable[[], httpx2.Response]] = [widen, other]
        with ThreadPoolExecutor(2) as pool:
            answers = [future.result() for future in [pool.submit(each) for each in work]]
        said = sorted(answer.status_code for answer in answers)
        assert said in ([200, 412], [204, 412]), [answer.text for answer in answers]
        left = deployment.ask("GET", path)
        winner = answers[0] if answers[0].is_success else answers[1]
        assert left.status_code == (404 if winner.status_code == 204 else 200)
        assert winner.status_code == 204 or left.json() == winner.json()


def test_of_two_withdrawals_and_a_change_with_one_tag_only_one_happens(deployment: Deployment) -> None:
    """A conditional withdrawal waits for its turn: it is not in force before it is known to hold."""
    furnished(deployment)
    for round_ in range(8):
        deployment.issue(f"race-{round_}")
        path = f"/tokens/race-{round_}"
        held = {"if-match": deployment.ask("GET", path).headers["etag"]}
        together = threading.Barrier(2)

        def tighten(path: str = path, held: Any = held, together: Any = together) -> httpx2.Response:
            together.wait()
            return deployment.ask("PATCH", path, {"limits": {"writes_per_minute": 1}}, headers=held)

        def revoke(path: str = path, held: Any = held, together: Any = together) -> httpx2.Response:
            together.wait()
            return deployment.ask("POST", f"{path}/revoke", headers=held)

        with ThreadPoolExecutor(2) as pool:
            first, second = (future.result() for future in [pool.submit(tighten), pool.submit(revoke)])
        assert sorted([first.status_code, second.status_code]) == [200, 412]
        shown = deployment.ask("GET", path).json()
        assert shown["alive"] is (second.status_code == 412)
        assert (shown["limits"]["writes_per_minute"] == 1) is (first.status_code == 200)


def test_a_role_can_be_made_only_if_there_is_none(deployment: Deployment) -> None:
    deployment.furnish()
    new = {"if-none-match": "*"}
    assert deployment.ask("PUT", "/roles/fresh", ROLE, headers=new).status_code == 200
    assert code(deployment.ask("PUT", "/roles/fresh", {"scopes": ["orders:list"]}, headers=new)) == (
        412,
        "precondition_failed",
    )
    assert deployment.ask("GET", "/roles/fresh").json()["scopes"] == ROLE["scopes"]
    assert code(deployment.ask("PUT", "/roles/absent", ROLE, headers={"if-match": "*"}))[0] == 412
    assert deployment.ask("GET", "/roles/absent").status_code == 404


def test_a_guard_that_would_not_be_looked_at_is_refused(shared: Deployment) -> None:
    for method, path, body, headers in (
        ("POST", "/agents", {"name": "x", "role": "support"}, {"if-match": "*"}),
        ("POST", "/revocations", {"scope": "everything"}, {"if-match": '"x"'}),
        ("PATCH", "/agents/support-bot", {"role": "support"}, {"if-none-match": "*"}),
        ("PUT", "/roles/support", ROLE, {"if-none-match": '"x"'}),
        ("PATCH", "/agents/support-bot", {"role": "support"}, {"if-match": "unquoted"}),
        ("PATCH", "/agents/support-bot", {"role": "support"}, {"if-match": ", ".join(['"x"'] * 99)}),
        ("PATCH", "/agents/support-bot", {"role": "support"}, {"if-match": '*, "x"'}),
    ):
        answer = shared.ask(method, path, body, headers=headers)
        assert code(answer) == (400, "malformed_request"), (path, headers)
    assert "x" not in {agent.name for agent in shared.administration.desk.register.agents.values()}


def test_who_may_not_change_a_thing_learns_nothing_from_its_tag(deployment: Deployment) -> None:
    furnished(deployment)
    tag = deployment.ask("GET", "/upstreams/orders").headers["etag"]
    auditor = deployment.join("eve", "auditor")
    told = {
        deployment.ask("PUT", "/upstreams/orders", UPSTREAM_BODY, token=auditor, headers={"if-match": sent}).text
        for sent in (tag, '"wrong"', "*")
    }
    assert len(told) == 1
    assert "operator_forbidden" in told.pop()


UPSTREAM_BODY = {name: value for name, value in UPSTREAM.items() if name != "name"}


def test_what_changes_by_itself_is_in_no_revision_and_hides_behind_no_304(deployment: Deployment) -> None:
    furnished(deployment)
    before = deployment.ask("GET", "/tokens/laptop")
    deployment.later(9 * 3_600_000)
    deployment.token = deployment.sign_in()
    tag = before.headers["etag"]
    ended = deployment.ask("GET", "/tokens/laptop", headers={"if-none-match": tag})
    assert (ended.status_code, ended.json()["alive"]) == (200, False)
    assert ended.headers["etag"].partition("-")[0] == tag.partition("-")[0]


def test_no_tag_is_made_of_a_secret() -> None:
    members: dict[str, Any] = {
        "id": "per_1", "name": "ada", "operator": None, "has_password": False, "created_at": "x", "disabled_at": None,
    }  # fmt: skip
    person = shapes.Person(**members)
    for code_ in ("AAAA", "BBBB"):
        invited = shapes.PersonInvited(**members, code=code_, code_expires_at="y")
        assert tag_of(invited) == tag_of(person)


@pytest.mark.parametrize("sent", [b'"a', b"a", b"", b'"a" "b"', b'"\x00"', b'""",', b'W/"a', b'"\xff"'])
def test_what_is_no_tag_is_refused(sent: bytes) -> None:
    with pytest.raises(Exception, match="If-Match"):
        read_conditions([(b"if-match", sent)])


def test_several_lines_are_one_list() -> None:
    assert read_conditions([(b"if-match", b'"a"'), (b"if-match", b' "b" ,W/"c"')]) == Conditions(
        match=('"a"', '"b"', 'W/"c"')
    )
