"""`docs/errors.md` is true: its tables are the code's, its families the web's, its example what is sent."""

import json
import re
from pathlib import Path
from typing import Final

from scripts.errors_reference import SEEN_BY, raised_as, reference, rows

from gatepass.errors import CODES, Denied, Error
from gatepass.web.problems import BY_FAMILY, problem_of

PAGE: Final = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
MEND: Final = "run: python scripts/errors_reference.py --write"


def test_the_tables_are_what_the_sources_say() -> None:
    assert PAGE.endswith(reference(PAGE)), MEND


def test_every_code_has_its_row_and_somebody_has_filled_it_in() -> None:
    found = rows(PAGE)
    assert list(found) == [code for code in CODES if code in found]
    assert set(found) == set(CODES)
    assert [code for code, (what, _) in found.items() if not what.endswith(".")] == []


def test_who_sees_a_code_is_said_in_five_words() -> None:
    for code, (_, who) in rows(PAGE).items():
        seen = who.split(", ")
        assert seen == [word for word in SEEN_BY if word in seen], code
        assert seen == ["nobody"] or "nobody" not in seen, code


def test_a_code_belongs_to_one_family() -> None:
    """A caller who branches on the family must not be told two things by one code."""
    assert {code: families for code, families in raised_as().items() if len(families) > 1} == {}


def test_the_families_are_the_webs() -> None:
    table = {name: int(status) for name, status in re.findall(r"\| `([A-Z][A-Za-z]+)` \| ([0-9]{3}) \|", PAGE)}
    assert table == {family.__name__: status for family, status in BY_FAMILY.items() if family is not Error}


def test_the_example_is_a_problem_as_it_is_sent() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    example = json.loads(text)
    error = Denied(
        example["code"],
        example["detail"],
        details={name: example[name] for name in ("decision_id", "credential", "missing_scope")},
    )
    assert json.loads(problem_of(error).body) == example
