"""What is seen of a deployment: how it is used, what needs attention, how it was set, and a person's role."""

from concurrent.futures import ThreadPoolExecutor

from tests.web.deployment import Deployment

from gatepass.administration.people import People


def test_activity_is_a_bucket_for_every_step(deployment: Deployment) -> None:
    told = deployment.ask("GET", "/activity").json()
    assert (len(told["items"]), told["step_seconds"], told["whole_since"], told["next"]) == (61, 60, None, None)
    assert {(item["permitted"], item["refused"]) for item in told["items"]} == {(0, 0)}
    for query in ("step_seconds=61", "since=2026-11-18", "since=2020-01-01T00:00:00Z", "step_seconds=99999"):
        assert deployment.ask("GET", f"/activity?{query}").status_code == 400, query
    assert deployment.ask("GET", "/activity?agent=nobody").status_code == 404


def test_what_needs_attention_is_named_with_what_to_do(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.issue(lifetime_seconds=3600)
    found = {each["kind"]: each for each in deployment.ask("GET", "/attention").json()["items"]}
    assert set(found) == {"secret_missing", "custody_unprotected", "admin_without_password"}
    assert found["secret_missing"]["subject"]["name"] == "orders"
    assert found["secret_missing"]["severity"] == "critical"
    deployment.later(50 * 60_000)
    deployment.ask("POST", "/upstreams/orders/disable")
    later = {each["kind"]: each for each in deployment.ask("GET", "/attention").json()["items"]}
    assert {"token_ends_soon", "token_never_used", "upstream_disabled"} <= set(later)
    assert later["token_ends_soon"]["says"] == "the token `laptop` ends in 10m"
    assert all(each["hint"] and each["says"] for each in later.values())


def test_only_who_may_look_sees_them(deployment: Deployment) -> None:
    nobody = deployment.join("eve", None)
    auditor = deployment.join("kim", "auditor")
    for path in ("/activity", "/attention", "/settings"):
        assert deployment.ask("GET", path, token=nobody).status_code == 403
        assert deployment.ask("GET", path, token=auditor).status_code == 200


def test_who_has_no_role_is_told_of_what_is_theirs_alone(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.issue("laptop")
    nobody = deployment.join("eve", None)
    told = deployment.ask("GET", "/status", token=nobody).json()
    assert (told["person"]["name"], told["counts"]) == ("eve", {"agents": 0, "live_tokens": 0})
    assert (told["journal"], told["faults"]) == (None, [])
    assert deployment.ask("PATCH", "/agents/support-bot", {"owner": "eve"}).status_code == 200
    assert deployment.ask("GET", "/status", token=nobody).json()["counts"]["agents"] == 1
    auditor = deployment.ask("GET", "/status", token=deployment.join("kim", "auditor")).json()
    assert auditor["counts"]["people"] == 3
    assert auditor["journal"]["seq"] > 0


def test_tokens_are_listed_by_state_and_owner(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.issue("one")
    deployment.issue("two")
    deployment.ask("POST", "/tokens/one/revoke")

    def names(query: str) -> list[str]:
        return [item["name"] for item in deployment.ask("GET", f"/tokens?{query}").json()["items"]]

    assert (names("state=live"), names("state=ended"), sorted(names("owner=ada"))) == (["two"], ["one"], ["one", "two"])
    assert deployment.ask("GET", "/tokens?owner=nobody").status_code == 404
    eve = deployment.join("eve", None)
    assert deployment.ask("GET", "/tokens?owner=ada", token=eve).status_code == 404


def test_a_role_holds_from_the_next_request_and_the_last_admin_stays(deployment: Deployment) -> None:
    bob = deployment.join("bob", "operator")
    assert deployment.ask("PATCH", "/people/ada", {"operator": "auditor"}).status_code == 409
    assert deployment.ask("PATCH", "/people/bob", {"operator": "admin"}, token=bob).status_code == 403
    assert deployment.ask("PATCH", "/people/bob", {"operator": "admin"}).json()["operator"] == "admin"
    assert deployment.ask("PATCH", "/people/ada", {"operator": None}, token=bob).status_code == 200
    assert deployment.ask("GET", "/people").status_code == 403


def test_two_admins_who_demote_and_disable_each_other_leave_one(deployment: Deployment) -> None:
    bob = deployment.join("bob", "admin")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(deployment.ask, "PATCH", "/people/ada", {"operator": None}, token=bob)
        second = pool.submit(deployment.ask, "POST", "/people/bob/disable")
        first.result(), second.result()
    people: People = deployment.administration.people
    admins = [
        person
        for person in people.desk.register.people.values()
        if person.operator == "admin" and person.disabled is None
    ]
    assert len(admins) == 1
