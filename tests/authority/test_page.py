"""`docs/authority.md` says what is so: its scopes are read, its tables are the code's."""

import re
from pathlib import Path

import pytest
from tests.authority.world import attempt, authority

from gatepass import exact
from gatepass.authority import BY_NUMBER, Pattern, Permission, from_details
from gatepass.authority.algebra import MAX_COMPARISONS
from gatepass.authority.caveats.kinds import MAX_LIST
from gatepass.authority.caveats.wire import MAX_DEPTH, MAX_PARTS
from gatepass.authority.grants import MAX_CAVEATS, MAX_GRANTS
from gatepass.authority.scopes.limits import MAX_TEXT, MAX_VALUES
from gatepass.authority.scopes.notation import MAX_MEMBER, MAX_PATH, MAX_SCOPE
from gatepass.authority.scopes.patterns import MAX_ID, MAX_SEGMENTS
from gatepass.authority.scopes.permissions import MAX_IDS, MAX_LIMITS

PAGE = (Path(__file__).parents[2] / "docs" / "authority.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def table(heading: str) -> list[list[str]]:
    after = PAGE.partition(f"\n{heading}\n")[2]
    rows = re.search(r"\n\| --- .*\n((?:\|.*\n)+)", after)
    assert rows is not None
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[1].splitlines()]


@pytest.mark.parametrize("scope", block("scopes").split())
def test_its_scopes_are_read(scope: str) -> None:
    assert str(Permission.parse(scope)) == scope


def test_its_detail_is_its_last_scope() -> None:
    assert [str(permission) for permission in from_details(exact.read(block("json")))] == [block("scopes").split()[-1]]


@pytest.mark.parametrize("row", [row for row in table("### Patterns") if row[0] != "none"], ids=lambda row: str(row[0]))
def test_its_patterns_cover_what_it_says(row: list[str]) -> None:
    pattern = Pattern.parse(row[0].strip("`"))
    for text in re.findall(r"`([^`]+)`", row[1]):
        assert pattern.covers_id(text)
    for text in re.findall(r"`([^`]+)`", row[2]):
        assert not pattern.covers_id(text)


@pytest.mark.parametrize(
    "limit", [text.replace("\\|", "|") for row in table("### Limits") for text in re.findall(r"`([^`]+)`", row[0])]
)
def test_its_limits_are_read(limit: str) -> None:
    assert str(Permission.parse(f"kv:get?{limit}")) == f"kv:get?{limit}"


@pytest.mark.parametrize(
    ("limits", "properties", "permitted"),
    [
        ("retries=#3", '{"retries":3}', True),
        ("retries=#3", '{"retries":"3"}', False),
        ("n=auto|#1", '{"n":"auto"}', True),
        ("user!=bob", '{"user":5}', False),
        ("path~reports/*", '{"path":"reports/2026/q1"}', True),
        ("labels.env=prod", '{"labels":{"env":"prod"}}', True),
        ("labels%2Eenv=prod", '{"labels.env":"prod"}', True),
    ],
)
def test_its_limits_mean_what_it_says(limits: str, properties: str, *, permitted: bool) -> None:
    access = attempt("kv:get", properties=properties)
    assert bool(authority(f"kv:get?{limits}").grants[0].permission.allows(access.properties, access.free)) == permitted


def test_its_caveats_are_those_of_the_table() -> None:
    assert {int(row[0]): row[1] for row in table("## Caveats")} == {
        number: read.__self__.__name__  # type: ignore[attr-defined] # each is a class's `read`
        for number, read in BY_NUMBER.items()
    }


def test_its_bounds_are_the_codes() -> None:
    stated = {row[0]: [int(number) for number in re.findall(r"\d+", row[1])] for row in table("## Bounds")}
    assert stated == {
        "a scope": [MAX_SCOPE],
        "an id, or a string in a limit": [MAX_ID],
        "segments of an id": [MAX_SEGMENTS],
        "ids of one attempt": [MAX_IDS],
        "limited properties of a permission": [MAX_LIMITS],
        "values named for one property": [MAX_VALUES],
        "walk into an object": [MAX_PATH, MAX_MEMBER],
        "text that `!=` looks at": [MAX_TEXT],
        "digits, exponent of a number": [exact.MAX_DIGITS, exact.MAX_EXPONENT],
        "grants read from JSON": [MAX_GRANTS],
        "caveats of a grant": [MAX_CAVEATS],
        "parts of a conjunction, laid out flat; depth": [MAX_PARTS, MAX_DEPTH],
        "members of a list in a caveat": [MAX_LIST],
        "pairs of grants that `covers` compares before it says no": [MAX_COMPARISONS],
    }
