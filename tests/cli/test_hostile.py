"""A server that answers anything at all: no command breaks, and nothing that it says reaches the screen raw."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.client.doubles import Answer, Asked, serving

from gatepass.cli.program import main

HOSTILE = "\x1b[2J\x07\x9b1m\u202e\r\na"
MEMBERS = [
    *(
        "id",
        "name",
        "role",
        "owner",
        "operator",
        "scopes",
        "asks_person",
        "faults",
        "kind",
        "target",
        "secret",
        "injection",
    ),
    *(
        "prefix",
        "operations",
        "origin",
        "version",
        "upstream",
        "limits",
        "calls",
        "attempts",
        "classes",
        "purpose",
        "run",
    ),
    *(
        "expires_at",
        "issued_at",
        "created_at",
        "disabled_at",
        "dead_because",
        "replaced_by",
        "retires_at",
        "revoked_at",
    ),
    *("at", "event", "outcome", "action", "resource", "subject", "code", "credential", "actor", "decision", "decided"),
    *(
        "finished",
        "status",
        "changes",
        "whole",
        "entries",
        "intact",
        "says",
        "unnamed",
        "head",
        "seq",
        "hash",
        "writer",
    ),
    *(
        "text",
        "reach",
        "shut",
        "untouched",
        "never",
        "scope",
        "class",
        "path",
        "because",
        "until",
        "levels",
        "remaining",
    ),
    *(
        "limit",
        "meter",
        "steps",
        "step",
        "detail",
        "result",
        "message",
        "hint",
        "missing_scope",
        "access",
        "properties",
    ),
    *("custody", "protected", "person", "counts", "journal", "fresh_until", "revoked", "actions", "shorthands", "type"),
    *("count", "period_seconds", "max_lifetime_seconds", "code_expires_at", "rewrapped", "received", "alive", "fault"),
]
NESTED = [
    *("name", "kind", "prefix", "count", "period_seconds", "says", "scope", "class", "because", "path", "upstream"),
    *("limit", "remaining", "meter", "step", "detail", "result", "at", "event", "outcome", "code", "status", "scopes"),
]
COMMANDS = [
    ["status"],
    ["login"],
    ["person", "list"],
    ["person", "create", "x"],
    ["person", "code", "x"],
    ["person", "disable", "x", "--yes"],
    ["agent", "list"],
    ["agent", "create", "x", "--role", "y"],
    ["agent", "show", "x"],
    ["agent", "role", "x", "y"],
    ["agent", "disable", "x"],
    ["role", "list"],
    ["role", "set", "x", "--scope", "y:z"],
    ["role", "show", "x"],
    ["token", "list", "--all"],
    ["token", "show", "x"],
    ["token", "create", "x", "--scope", "y:z"],
    ["token", "limits", "x"],
    ["token", "rotate", "x"],
    ["token", "revoke", "x"],
    ["token", "explain", "x", "y", "GET", "/z"],
    ["token", "blast-radius", "x"],
    ["token", "scopes"],
    ["token", "leaked", "--file", "-"],
    ["upstream", "list"],
    ["upstream", "show", "x"],
    ["upstream", "show", "x", "--operations"],
    ["secret", "list"],
    ["secret", "set", "x", "--upstream", "y", "--file", "-"],
    ["secret", "rewrap"],
    ["run", "show", "x"],
    ["journal", "search"],
    ["journal", "head"],
    ["journal", "verify"],
    ["journal", "export"],
    ["revoke", "x"],
]


def filled(value: Any) -> dict[str, Any]:
    return dict.fromkeys(MEMBERS, value)


def answers() -> list[Any]:
    inner = dict.fromkeys(NESTED, HOSTILE)
    shapes: list[Any] = [
        *(None, True, 0, -1, 1e300, "", HOSTILE, [], {}, [[]], [None], {"items": None}, {"items": [1]}, {"items": []}),
        *({"items": [{}], "next": None}, {"items": [], "next": 7}, {"token": 7}, {"explanation": []}),
    ]
    for value in (HOSTILE, None, True, 3, -1, [HOSTILE], [inner], inner, {HOSTILE: inner}, [], {}, [[inner]], [None]):
        item = filled(value)
        shapes.append({**item, "items": [item], "next": None, "token": "gp_sk_x", "explanation": item})
    item = {**filled([inner]), "alive": True}
    shapes.append({**item, "items": [item], "next": None, "token": HOSTILE})
    return shapes


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_answer_breaks_a_command_or_moves_the_cursor(
    command: list[str], capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = tmp_path / "stdin"
    given.write_text("something\n")
    waiting: list[Any] = []

    def answer(_: Asked) -> Answer:
        return Answer(body=json.dumps(waiting[0]).encode() + b"\n")

    with serving(answer) as server:
        monkeypatch.setenv("GATEPASS_URL", server.url)
        monkeypatch.setenv("GATEPASS_TOKEN", "gp_ses_x")
        for shape in answers():
            waiting[:] = [shape]
            for more in ([], ["--json"]):
                with given.open() as stream:
                    monkeypatch.setattr("sys.stdin", stream)
                    code = main([*command, *more])
                seen = capsysbinary.readouterr()
                said = (shape, seen.out, seen.err)
                assert code in {0, 1, 2}, said
                assert b"unexpected" not in seen.err, said
                screen = (seen.out + seen.err).decode()
                if command != ["journal", "export"]:
                    assert all(character.isprintable() or character == "\n" for character in screen), said
