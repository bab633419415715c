"""Runs over the management API: opened once, shown with a tag, ended on a condition."""

from tests.web.deployment import Deployment

FORM = {
    "agent": "support-bot",
    "label": "ticket 7",
    "lifetime_seconds": 3600,
    "limits": {"writes": 3, "budgets": [{"limit": "49.50", "currency": "USD"}]},
}


def test_a_run_from_its_opening_to_its_end(deployment: Deployment) -> None:
    deployment.furnish()
    opened = deployment.ask("POST", "/runs", FORM, headers={"idempotency-key": "one"})
    run = opened.json()
    assert (opened.status_code, opened.headers["location"]) == (201, f"/api/v1/runs/{run['id']}")
    assert run["limits"] == {
        "calls": None,
        "writes": 3,
        "budgets": [{"limit": "49.5", "currency": "USD", "amount": "amount", "unit": "currency"}],
    }
    assert (run["agent"], run["state"], run["ended_at"]) == ("support-bot", "open", None)
    repeated = deployment.ask("POST", "/runs", FORM, headers={"idempotency-key": "one"})
    assert repeated.json() == run
    assert deployment.ask("GET", "/runs?state=open").json()["items"] == [run]

    token = deployment.issue(name="inside", run=run["id"])
    assert (token["run"], token["expires_at"]) == (run["id"], run["closes_at"])
    levels = deployment.ask("GET", f"/tokens/{token['id']}/blast-radius").json()["limits"]
    assert [level["name"] for level in levels][-2:] == ["run-writes", "amount"]

    seen = deployment.ask("GET", f"/runs/{run['id']}").headers["etag"]
    ended = deployment.ask("POST", f"/runs/{run['id']}/end", {"reason": "done"}, headers={"if-match": seen})
    assert (ended.json()["state"], ended.json()["ended_because"]) == ("ended", "done")
    stale = deployment.ask("POST", f"/runs/{run['id']}/end", headers={"if-match": seen})
    assert stale.status_code == 412
    assert deployment.ask("GET", f"/tokens/{token['id']}").json()["alive"] is False
    assert deployment.ask("GET", "/runs?state=open").json()["items"] == []
    late = deployment.ask(
        "POST", "/tokens", {"name": "late", "agent": "support-bot", "scopes": ["orders:list"], "run": run["id"]}
    )
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    told = deployment.ask("GET", f"/journal/runs/{run['id']}").json()
    assert [change["event"] for change in told["changes"]] == [
        "run.opened",
        "token.issued",
        "run.ended",
        "token.revoked",
    ]


def test_what_is_not_a_run_is_refused(deployment: Deployment) -> None:
    deployment.furnish()
    for limits in ({"budgets": [{"limit": 5, "currency": "USD"}]}, {"calls": 0}, {"sometimes": 1}):
        assert deployment.ask("POST", "/runs", {**FORM, "limits": limits}).status_code == 400
    assert deployment.ask("POST", "/runs", {**FORM, "agent": "nobody"}).status_code == 404
    assert deployment.ask("POST", "/runs", {**FORM, "lifetime_seconds": 31 * 86_400}).status_code == 403
    assert deployment.ask("GET", "/runs/run_unknown").status_code == 404
