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

ACTS: Final[dict[str, Act]] = {
    "DELETE /session": Act.END_SESSION,
    "POST /session/password": Act.SET_PASSWORD,
    "GET /status": Act.READ_OWN,
    "GET /activity": Act.READ_JOURNAL,
    "GET /attention": Act.READ,
    "GET /settings": Act.READ,
    "GET /people": Act.READ,
    "GET /people/{ref}": Act.READ,
    "PATCH /people/{ref}": Act.PROMOTE_PERSON,
    "GET /roles/{ref}": Act.READ,
    "GET /secrets/{ref}": Act.READ,
    "POST /people": Act.CREATE_PERSON,
    "POST /people/{ref}/code": Act.INVITE_PERSON,
    "POST /people/{ref}/disable": Act.DISABLE_PERSON,
    "GET /agents": Act.READ_OWN,
    "POST /agents": Act.CREATE_AGENT,
    "GET /agents/{ref}": Act.READ_OWN,
    "PATCH /agents/{ref}": Act.CHANGE_AGENT,
    "POST /agents/{ref}/disable": Act.DISABLE_AGENT,
    "POST /agents/{ref}/enable": Act.ENABLE_AGENT,
    "GET /roles": Act.READ,
    "PUT /roles/{ref}": Act.WIDEN_ROLE,
    "DELETE /roles/{ref}": Act.DELETE_ROLE,
    "GET /upstreams": Act.READ,
    "POST /upstreams": Act.CREATE_UPSTREAM,
    "GET /upstreams/{ref}": Act.READ,
    "PUT /upstreams/{ref}": Act.CHANGE_UPSTREAM,
    "DELETE /upstreams/{ref}": Act.DELETE_UPSTREAM,
    "POST /upstreams/{ref}/disable": Act.DISABLE_UPSTREAM,
    "POST /upstreams/{ref}/enable": Act.ENABLE_UPSTREAM,
    "GET /secrets": Act.READ,
    "POST /secrets": Act.STORE_SECRET,
    "PUT /secrets/{ref}": Act.STORE_SECRET,
    "DELETE /secrets/{ref}": Act.DELETE_SECRET,
    "POST /secrets/rewrap": Act.REWRAP_SECRETS,
    "GET /tokens": Act.READ_OWN,
    "POST /tokens": Act.CREATE_TOKEN,
    "GET /tokens/{ref}": Act.READ_OWN,
    "PATCH /tokens/{ref}": Act.WIDEN_TOKEN,
    "POST /tokens/{ref}/rotate": Act.ROTATE_TOKEN,
    "POST /tokens/{ref}/revoke": Act.REVOKE_TOKEN,
    "POST /revocations": Act.REVOKE_EVERYTHING,
    "GET /scopes": Act.READ,
    "GET /journal": Act.READ_JOURNAL,
    "GET /journal/runs/{ref}": Act.READ_JOURNAL,
    "GET /journal/verify": Act.READ_JOURNAL,
    "GET /journal/export": Act.READ_JOURNAL,
    "GET /journal/head": Act.READ_JOURNAL,
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
    act = ACTS.get(named(operation))
    if act is None:
        assert (role, kind) == ("auditor, or its owner", "read")
        return
    rule = RULES[act]
    assert role.startswith("any" if rule.role is None else rule.role.value)
    assert kind.startswith(rule.kind.value)
    if rule.owner and act is not Act.REVOKE_EVERYTHING:
        assert "owner" in role


def test_the_classes_are_explained() -> None:
    for kind in ActionClass:
        assert f"`{kind}`" in PAGE
