"""Configuration as files over the management API, as somebody means it and as somebody attacks it."""

from pathlib import Path
from typing import Any

import pytest
from tests.administration.configurations import FOLDER
from tests.web.deployment import Deployment
from tests.web.test_management import problem

EXAMPLE = Path(__file__).parents[2] / "examples" / "gatepass.d"


def body(files: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"files": [{"path": path, "text": text} for path, text in files.items()], **more}


def plan(deployment: Deployment, files: dict[str, str], **more: Any) -> dict[str, Any]:
    answer = deployment.ask("POST", "/configuration/plan", body(files, **more))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def example() -> dict[str, str]:
    return {path.relative_to(EXAMPLE).as_posix(): path.read_text() for path in EXAMPLE.rglob("*.yaml")}


def test_the_example_is_planned_applied_exported_and_nothing_is_left_to_do(deployment: Deployment) -> None:
    planned = plan(deployment, example())
    assert (planned["faults"], planned["widens"]) == ([], True)
    assert [(change["step"], change["kind"], change["name"]) for change in planned["changes"]] == [
        ("create", "upstream", "orders"),
        ("create", "role", "support"),
        ("create", "agent", "support-bot"),
    ]
    assert {"name": "limits.calls", "before": None, "after": "60/1m"} in planned["changes"][2]["members"]
    assert "gatepass secret set orders-key --upstream orders" in planned["notices"][0]
    done = deployment.ask("POST", "/configuration", body(example(), fingerprint=planned["fingerprint"]))
    assert (done.status_code, done.json()) == (200, planned)
    assert plan(deployment, example())["changes"] == []

    agent = deployment.ask("GET", "/agents/support-bot").json()
    assert (agent["managed_by"], agent["owner"]) == ("files", "ada")
    assert agent["limits"]["calls"] == {"count": 60, "period_seconds": 60}
    assert deployment.ask("GET", "/upstreams/orders").json()["managed_by"] == "files"
    refused = deployment.ask("PUT", "/roles/support", {"scopes": ["orders:*:*"]})
    assert problem(refused) == (409, "managed_by_files")

    exported = deployment.ask("GET", "/configuration").json()["files"]
    files = {file["path"]: file["text"] for file in exported}
    assert set(files) == set(example())
    assert plan(deployment, files)["changes"] == []
    assert deployment.ask("GET", "/configuration?managed=true").json()["files"] == exported
    issued = deployment.issue(agent="support-bot", scopes=["orders:list"])
    assert (issued["limits"]["calls"]["count"], issued["limits"]["writes_per_minute"]) == (60, 5)


def test_an_old_plan_is_refused_and_every_fault_is_named(deployment: Deployment) -> None:
    old = deployment.ask("POST", "/configuration", body(dict(FOLDER), fingerprint="0" * 64))
    assert problem(old) == (409, "configuration_changed")
    wrong = {**FOLDER, "agents/support-bot.yaml": "role: nowhere\nowner: nobody\n"}
    assert plan(deployment, wrong)["faults"] == [
        {"file": "agents/support-bot.yaml", "line": 1, "says": "there is no role `nowhere`"},
        {"file": "agents/support-bot.yaml", "line": 2, "says": "there is no person `nobody`"},
    ]
    refused = deployment.ask("POST", "/configuration", body(wrong, fingerprint="0" * 64))
    assert problem(refused) == (400, "malformed_configuration")
    assert "`agents/support-bot.yaml` line 2: there is no person `nobody`" in refused.json()["detail"]
    assert deployment.ask("GET", "/agents").json()["items"] == []


PRELOAD = "injection: {kind: environment, name: LD_PRELOAD}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b]\n"


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("agents/x.yaml", BOMB, "no anchor or alias"),
        ("agents/x.yaml", "role: !!python/object/apply:os.system [id]\nowner: ada\n", "no tag"),
        ("agents/x.yaml", "role: a\nowner: ada\n<<: {role: b}\n", "`<<`"),
        ("agents/x.yaml", "[" * 40 + "]" * 40, "at most 16 levels"),
        ("agents/x.yaml", "x: [" + "1," * 30_000 + "]", "at most 20000 values"),
        ("agents/x.yaml", "role: a\n---\nrole: b\n", "one document"),
        ("agents/x.yaml", "", "the file is empty"),
        ("agents/x.yaml", "- role\n", "a mapping for the file"),
        ("agents/x.yaml", "role: support\nowner: no\n", "quotes around `no`"),
        ("agents/../roles/x.yaml", "scopes: [a]\n", "a name is"),
        ("agents/..yaml", "", "a name is"),
        ("agents/x/y.yaml", "", "a name is"),
        ("/agents/x.yaml", "", "a name is"),
        ("agents/x.yml", "", "a name is"),
        ("agents/X.yaml", "", "a name is"),
        ("agents/x\n.yaml", "", "a name is"),
        ("agents/" + "x" * 64 + ".yaml", "", "a name is"),
        ("agents/agt_00.yaml", "", "a name is"),
        ("upstreams/x.yaml", "kind: rest\ntarget: file:///etc/passwd\n", "base URL"),
        ("upstreams/x.yaml", 'kind: mcp-stdio\ncommand: ["a\\0b"]\n', "not a command line"),
        ("upstreams/x.yaml", f"kind: mcp-stdio\ncommand: [sh]\n{PRELOAD}", "no secret"),
        ("upstreams/x.yaml", "kind: rest\ntarget: http://x\nsecret: x\n", "expected `injection` beside `secret`"),
    ],
)  # fmt: skip
def test_what_is_hostile_is_a_fault_and_changes_nothing(shared: Deployment, path: str, text: str, says: str) -> None:
    more = {"operations/x.yaml": "types: {}\n"} if path.startswith("upstreams/") else {}
    faults = plan(shared, {**FOLDER, **more, path: text})["faults"]
    assert len(faults) == 1, faults
    assert says in faults[0]["says"]
    assert faults[0]["file"].isprintable()


def test_a_path_twice_is_a_fault(shared: Deployment) -> None:
    twice = {"files": [{"path": "roles/x.yaml", "text": "scopes: [a]\n"}] * 2}
    faults = shared.ask("POST", "/configuration/plan", twice).json()["faults"]
    assert [fault["says"] for fault in faults] == ["it is there twice"]


def test_what_is_too_much_is_refused(shared: Deployment) -> None:
    many = shared.ask("POST", "/configuration/plan", body({f"agents/a{n}.yaml": "x" for n in range(2_001)}))
    assert problem(many) == (400, "malformed_request")
    large = shared.ask("POST", "/configuration/plan", body({"agents/a.yaml": "#" * (256 * 1024 + 1)}))
    assert problem(large) == (400, "malformed_request")
    huge = body({f"operations/a{n}.yaml": "#" * 250_000 for n in range(18)})
    assert problem(shared.ask("POST", "/configuration/plan", huge)) == (413, "too_large")
    extra = shared.ask("POST", "/configuration/plan", {**body({}), "prune": True})
    assert problem(extra) == (400, "malformed_request")


def test_a_stored_token_narrows_and_does_not_widen_by_files(deployment: Deployment) -> None:
    files = dict(FOLDER)
    deployment.ask("POST", "/configuration", body(files, fingerprint=plan(deployment, files)["fingerprint"]))
    stored = deployment.ask(
        "POST", "/tokens", {"name": "ci", "limits": {"classes": ["read", "delete"]}, "lifetime_seconds": 3600}
    ).json()["token"]
    deployment.token = stored
    narrow = {**files, "roles/support.yaml": "scopes: ['orders:list']\nmax_lifetime: 1h\n"}
    told = plan(deployment, narrow)
    assert told["widens"] is False
    assert deployment.ask("POST", "/configuration", body(narrow, fingerprint=told["fingerprint"])).status_code == 200
    told = plan(deployment, files)
    assert (told["widens"], told["acts"]) == (True, ["role.widen"])
    refused = deployment.ask("POST", "/configuration", body(files, fingerprint=told["fingerprint"]))
    assert problem(refused) == (401, "reauthentication_required")
