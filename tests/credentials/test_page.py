"""`docs/tokens.md` is true: its pattern, its checksum, its table."""

import json
import re
from pathlib import Path

import pytest
from tests.keys.randomness import Numbered

from gatepass.access import ActionClass, Instant
from gatepass.credentials import PATTERN, TokenKind, issue
from gatepass.credentials.lifetime import BROAD_LIMITS, LONGEST
from gatepass.credentials.tokens import CAPABILITY_PATTERN
from gatepass.units import duration_text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tokens.md").read_text()
VECTORS = json.loads((ROOT / "tests" / "vectors" / "tokens.json").read_text())["cases"]


def test_the_pattern_is_the_one_that_reads() -> None:
    assert f"\n```\n{PATTERN}\n```\n" in PAGE
    assert f"\n```\n{CAPABILITY_PATTERN}\n```\n" in PAGE


@pytest.mark.parametrize("kind", TokenKind)
def test_every_kind_is_explained(kind: TokenKind) -> None:
    assert f"`{kind.value}`" in PAGE


def test_a_scanner_that_follows_the_page_finds_tokens_and_nothing_else() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space: dict[str, object] = {}
    exec(code, space)  # noqa: S102 - the page's own code is what is tested
    is_token = space["is_token"]
    assert callable(is_token)
    for kind in TokenKind:
        assert is_token(issue(kind, Instant(1), Numbered(b"page")).reveal())
    for case in VECTORS:
        found = re.fullmatch(PATTERN, case["text"]) is not None and is_token(case["text"])
        assert found == (case["outcome"] == "accepted"), case["name"]


def test_the_table_of_lives_is_the_code() -> None:
    for kind, longest in LONGEST.items():
        assert re.search(rf"\(`{kind.value}`\) \| {duration_text(longest)} \|", PAGE)
    for each in (ActionClass.WRITE, ActionClass.DELETE):
        assert f"class `{each.value}` | {duration_text(BROAD_LIMITS[each])}, renewals included |" in PAGE
