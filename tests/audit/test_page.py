"""`docs/journal.md` is true: an outsider who follows it checks an export, and its sentences are those that are said."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.audit.chains import genuine

from gatepass.audit import Fault, FaultKind, Row, line_of, read_checkpoint

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "journal.md").read_text()


def outsider() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102  the page's own code is what is tested
    return space["check"]


def lines(rows: list[Row]) -> list[bytes]:
    return [line_of(row) for row in rows]


def test_an_outsider_can_check_an_export() -> None:
    rows = genuine()
    assert outsider()(lines(rows)) == (40, rows[-1].hash.hex())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda rows: rows.pop(11), "entry 12 is missing"),
        (lambda rows: rows.__setitem__(11, rows[11]._replace(body=rows[10].body)), "entry 12 was changed"),
        (lambda rows: rows.__setitem__(11, rows[11]._replace(hash=bytes(32))), "entry 12 was changed"),
        (lambda rows: rows.__setitem__(11, rows[11]._replace(prev=bytes(32))), "entry 12 does not follow on entry 11"),
    ],
)
def test_an_outsider_finds_what_was_done(spoil: Any, message: str) -> None:
    rows = genuine()
    spoil(rows)
    with pytest.raises(AssertionError, match=message):
        outsider()(lines(rows))


def test_the_sentences_of_the_page_are_those_that_are_said() -> None:
    for fault in (
        Fault(FaultKind.CHANGED, 12, 12),
        Fault(FaultKind.MISSING, 12, 12),
        Fault(FaultKind.MOVED, 30, 30, place=12),
        Fault(FaultKind.FOREIGN, 12, 12),
        Fault(FaultKind.CUT_OFF, 31, 40),
        Fault(FaultKind.MISLABELLED, 12, 12),
    ):
        assert f"| `{fault}` |" in PAGE


def test_the_head_on_the_page_is_one() -> None:
    (text,) = re.findall(r"```\n(gatepass journal head 1\n.*?)```", PAGE, re.DOTALL)
    written = text.replace("wrt_…", "wrt_a").replace("<hash, 64 hex>", "0" * 64)
    assert read_checkpoint(written).heads[0].seq == 5123
