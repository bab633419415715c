"""`docs/api.md` is kept true: every operation with its role and class, every member that can be said."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

from gatepass.access import ActionClass
from gatepass.administration.operators import RULES, Act
from gatepass.web.management.reading import Form
from gatepass.web.management.router import OPERATIONS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ROWS: Final = {
    cells[0].strip("`"): cells
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]]
}


def named(operation: Any) -> str:
    return f"{operation.method} {operation.path}"


def members(shape: type[Form]) -> set[str]:
    return set(shape.model_fields)


def test_the_page_lists_every_operation_and_no_other() -> None:
    listed = {name for name in ROWS if name.partition(" ")[0] in {"GET", "POST", "PUT", "PATCH", "DELETE"}}
    assert listed == {named(operation) for operation in OPERATIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_row_says_what_can_be_said(operation: Any) -> None:
    said = ROWS[named(operation)][1]
    missing = {member for member in members(operation.query) if f"`{member}`" not in said}
    if operation.body is not None and "as for `POST`" not in said:
        missing |= {member for member in members(operation.body) if f"`{member}`" not in said}
    assert missing == set()
    assert ("or no body" in said) == operation.optional


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_row_says_who_may(operation: Any) -> None:
    role, kind = ROWS[named(operation)][3:5]
    if operation.stranger:
        assert (role, kind) == ("-", "-")
        return
    assert operation.acts, "who may is decided in administration, by an act"
    rules = [RULES[act] for act in operation.acts]
    assert any(role.startswith("any" if rule.role is None else rule.role.value) for rule in rules) or (
        Act.READ_OWN in operation.acts and role == "auditor, or its owner"
    )
    assert {rule.kind.value for rule in rules} <= set(re.split(r"[ ;,]+", kind))
    if any(rule.owner for rule in rules) and operation.path != "/revocations":
        assert "owner" in role


def test_the_classes_are_explained() -> None:
    for kind in ActionClass:
        assert f"`{kind}`" in PAGE
