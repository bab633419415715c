"""`docs/degraded.md` names for each way to fail a code that there is and a test that shows it."""

import re

import pytest
from tests.docs.pages import ROOT, Row, missing_tests, rows

from gatepass.errors import CODES

ROWS = rows("degraded.md")
PAGE = (ROOT / "docs" / "degraded.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_every_mode_is_shown_by_a_test_that_exists(row: Row) -> None:
    assert row.tests
    assert missing_tests(row) == []


def test_every_code_is_one() -> None:
    cells = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ") and "::" in line]
    assert len(cells) == len(ROWS)
    codes = [code for cell in cells for code in re.findall(r"`([^`]+)`", cell[3])]
    assert [code for code in codes if code not in CODES] == []
    assert len(codes) >= len(ROWS) // 2


def test_every_setting_is_one() -> None:
    named = set(re.findall(r"`((?:server|journal|timeouts|limits|sizes)\.[a-z_]+)`", PAGE))
    assert named
    assert [name for name in sorted(named) if f"| `{name}` |" not in SETTINGS] == []
