"""What somebody else changed between a command's look and its change is not overwritten."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client.doubles import Answer, Asked, serving
from tests.web.deployment import ROLE, UPSTREAM, Deployment, deployed
from tests.web.served import PEOPLE

from gatepass.cli.program import main

CHANGES: dict[str, tuple[list[str], str, str, dict[str, Any]]] = {
    "role": (
        ["role", "set", "support", "--scope", "orders:list"],
        "PUT",
        "/roles/support",
        {"scopes": ["orders:read"]},
    ),
    "upstream": (
        ["upstream", "change", "orders", "https://other.example", "--operations", "orders.yaml"],
        "PUT",
        "/upstreams/orders",
        {name: value for name, value in UPSTREAM.items() if name != "name"} | {"target": "https://third.example"},
    ),
    "token": (
        ["token", "limits", "laptop", "--limit", "calls=9/1m"],
        "PATCH",
        "/tokens/laptop",
        {"limits": {"calls": {"count": 7, "period_seconds": 60}}},
    ),
    "agent": (
        ["agent", "limits", "support-bot", "--limit", "calls=9/1m"],
        "PATCH",
        "/agents/support-bot",
        {"limits": {"calls": {"count": 7, "period_seconds": 60}}},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("meanwhile", [False, True])
def test_a_change_that_comes_between_fails_the_command(
    case: str,
    meanwhile: bool,  # noqa: FBT001 - a case of the test
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    command, method, path, change = CHANGES[case]
    (tmp_path / "orders.yaml").write_text(UPSTREAM["operations"])  # type: ignore[arg-type]  # a text
    monkeypatch.chdir(tmp_path)
    with deployed(tmp_path / "data") as deployment:
        deployment.furnish().issue()

        def answer(asked: Asked) -> Answer:
            """The real server's, after somebody else was quicker."""
            if meanwhile and asked.method == method:
                assert deployment.ask(method, path, change).status_code == 200
            return forwarded(deployment, asked)

        with serving(answer) as server:
            monkeypatch.setenv("GATEPASS_URL", server.url)
            monkeypatch.setenv("GATEPASS_TOKEN", str(deployment.token))
            before = deployment.ask("GET", path).json()
            code = main(command)
        after = deployment.ask("GET", path).json()
    said = capsysbinary.readouterr().err
    assert code == int(meanwhile), said
    assert after != before
    if meanwhile:
        name = path.rpartition("/")[2]
        assert f"gatepass: error: somebody else changed `{name}` meanwhile; nothing was done" in said.decode()
        assert str(change.get("target") or change.get("scopes") or 7) in str(after)


def test_a_new_role_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with deployed(tmp_path / "data") as deployment:
        deployment.furnish()
        with serving(lambda asked: forwarded(deployment, asked)) as server:
            monkeypatch.setenv("GATEPASS_URL", server.url)
            monkeypatch.setenv("GATEPASS_TOKEN", str(deployment.token))
            assert main(["role", "set", "fresh", "--scope", str(ROLE["scopes"][0])]) == 0
        assert deployment.ask("GET", "/roles/fresh").status_code == 200


def test_a_role_that_somebody_else_makes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    theirs = {"scopes": ["orders:refund"]}
    with deployed(tmp_path / "data") as deployment:
        deployment.furnish()

        def answer(asked: Asked) -> Answer:
            if asked.method == "PUT":
                assert deployment.ask("PUT", "/roles/fresh", theirs).status_code == 200
            return forwarded(deployment, asked)

        with serving(answer) as server:
            monkeypatch.setenv("GATEPASS_URL", server.url)
            monkeypatch.setenv("GATEPASS_TOKEN", str(deployment.token))
            assert main(["role", "set", "fresh", "--scope", "orders:list"]) == 1
        assert b"there is one already" in capsysbinary.readouterr().err
        assert deployment.ask("GET", "/roles/fresh").json()["scopes"] == theirs["scopes"]


def forwarded(deployment: Deployment, asked: Asked) -> Answer:
    headers = {name: value for name, value in asked.headers.items() if name not in {"host", "content-length"}}
    url = f"http://127.0.0.1:{deployment.port}{asked.path}"
    with httpx2.Client(trust_env=False) as client:
        got = client.request(asked.method, url, content=asked.body, headers={**headers, "host": PEOPLE})
    kept = {name: value for name, value in got.headers.items() if name.lower() in {"etag", "content-type"}}
    return Answer(got.status_code, got.content, {name.title(): value for name, value in kept.items()})
