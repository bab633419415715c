"""What a program reads and what a person sees: pipes, terminals, NO_COLOR, and names that attack the screen."""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.deployment import environment
from tests.cli.terminals import at_terminal, piped
from tests.client.doubles import Answer, serving

from gatepass.cli.terminal.words import clean, moment, remaining, shown

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
AGENTS = [
    {"id": "agt_1", "name": "support-bot", "role": "support", "owner": "ada"},
    {"id": "agt_2", "name": "\x1b[31m[bold]evil[/bold]\u202e", "role": "x" * 90, "owner": "ada"},
]


def listing() -> Answer:
    return Answer(body=json.dumps({"items": AGENTS, "next": None}).encode())


def test_a_pipe_gets_plain_columns(tmp_path: Path) -> None:
    with serving(lambda _: listing()) as server:
        ran = piped("agent", "list", env=environment(tmp_path, GATEPASS_URL=server.url))
    title, first, second = ran.out.splitlines()
    assert title.split() == ["NAME", "ROLE", "OWNER", "STATE", "ID"]
    assert first.split() == ["support-bot", "support", "ada", "enabled", "agt_1"]
    assert second.startswith("\\x1b[31m[bold]evil[/bold]\\u202e")
    assert ran.err == ""


def test_a_terminal_gets_a_table_that_no_name_can_colour(tmp_path: Path) -> None:
    with serving(lambda _: listing()) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url, TERM="xterm-256color")
        ran = at_terminal("agent", "list", env=env)
    assert ran.code == 0
    assert "\x1b[1m" in ran.out, "titles are bold"
    assert all(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= 80 for line in ran.out.splitlines()), "long cells are folded"
    assert "\x1b[31m" not in ran.out
    assert "[bold]" in ran.out
    assert "\u202e" not in ran.out


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_whoever_wants_no_decoration_gets_none(tmp_path: Path, more: dict[str, str]) -> None:
    with serving(lambda _: listing()) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url, TERM="xterm-256color")
        ran = at_terminal("agent", "list", env={**env, **more})
    assert "\x1b" not in ran.out
    assert "support-bot" in ran.out


def test_a_program_gets_one_value_on_one_line(tmp_path: Path) -> None:
    with serving(lambda _: listing()) as server:
        ran = piped("agent", "list", "--json", env=environment(tmp_path, GATEPASS_URL=server.url))
    assert ran.out.count("\n") == 1
    assert json.loads(ran.out) == {"items": AGENTS, "next": None}
    assert ran.err == ""


def test_nothing_says_what_to_do_next_and_leaves_standard_output_empty(tmp_path: Path) -> None:
    with serving(lambda _: Answer(body=b'{"items": [], "next": null}')) as server:
        env = environment(tmp_path, GATEPASS_URL=server.url)
        ran = piped("agent", "list", env=env)
        assert (ran.code, ran.out) == (0, "")
        assert ran.err == "There are no agents yet. Make one: gatepass agent create NAME --role ROLE\n"
        ran = piped("agent", "list", "--json", env=env)
        assert (ran.out, ran.err) == ('{"items":[],"next":null}\n', "")


def test_a_list_is_read_to_its_end_and_no_further(tmp_path: Path) -> None:
    pages = iter([{"items": AGENTS[:1], "next": "c2"}, {"items": AGENTS[1:], "next": None}])
    with serving(lambda _: Answer(body=json.dumps(next(pages)).encode())) as server:
        ran = piped("agent", "list", "--json", env=environment(tmp_path, GATEPASS_URL=server.url))
    assert len(json.loads(ran.out)["items"]) == 2
    assert [asked.path for asked in server.asked] == ["/api/v1/agents", "/api/v1/agents?cursor=c2"]


def test_a_list_that_never_ends_is_refused(tmp_path: Path) -> None:
    with serving(lambda _: Answer(body=b'{"items": [], "next": "again"}')) as server:
        ran = piped("agent", "list", env=environment(tmp_path, GATEPASS_URL=server.url))
    assert ran.code == 1
    assert "does not end" in ran.err


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("büro 中", "büro 中"),
        ("a\nb", "a\\nb"),
        ("\x1b]8;;http://evil\x07", "\\x1b]8;;http://evil\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u200bc\u2066", "a\\u202eb\\u200bc\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_is_not_plainly_visible_is_an_escape(text: str, seen: str) -> None:
    assert clean(text) == seen


@given(st.text())
def test_no_text_gets_a_control_character_through(text: str) -> None:
    assert clean(text).isprintable()


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (None, "-"),
        (True, "yes"),
        (Decimal("1E+2"), "100"),
        ("", ""),
        ((), "-"),
        (("a", "b"), "a, b"),
        ({"a": None}, "a=-"),
    ],
)
def test_values_for_people(value: Any, seen: str) -> None:
    assert shown(value) == seen


@pytest.mark.parametrize(
    ("distance", "text"),
    [
        (timedelta(hours=4), "in 4h"),
        (timedelta(hours=3, minutes=59, seconds=59), "in 3h 59m"),
        (timedelta(days=2, minutes=5), "in 2d"),
        (timedelta(days=400), "in 400d"),
        (timedelta(seconds=-90), "1m 30s ago"),
        (timedelta(), "in 0s"),
    ],
)
def test_how_far_away_an_instant_is(distance: timedelta, text: str) -> None:
    assert remaining(NOW + distance, NOW) == text


def test_instants_are_shown_in_utc_and_nonsense_as_it_is() -> None:
    assert moment("2026-11-22T15:00:00.123+01:00") == "2026-11-22 14:00:00Z"
    assert moment("2026-11-22T18:00:00.000Z", NOW) == "2026-11-22 18:00:00Z (in 4h)"
    assert moment("soon\x1b") == "soon\\x1b"
    assert moment(None) == "-"
