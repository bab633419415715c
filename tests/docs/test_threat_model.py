"""`docs/threat-model.md` names what holds each threat, and what it names is there."""

import pytest
from tests.docs.pages import ROOT, Row, contracts, exists, missing_tests, rows

ROWS = rows("threat-model.md")
ATTACKERS = (
    "An injected agent",
    "A stolen token",
    "A stolen laptop, data folder or backup",
    "A malicious upstream",
    "A malicious MCP server that runs as our child",
    "A stranger on the network",
    "A web page in the operator's browser",
    "An insider",
    "A program of the same user",
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_every_threat_is_held_by_what_exists(row: Row) -> None:
    assert row.tests or row.contracts
    assert missing_tests(row) == []
    assert set(row.contracts) <= contracts()


def test_every_contract_holds_a_threat() -> None:
    assert {name for row in ROWS for name in row.contracts} == contracts()


def test_no_attacker_is_forgotten_and_what_is_not_held_is_said() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text()
    for attacker in (*ATTACKERS, "What is not covered"):
        assert f"\n## {attacker}\n" in page
    assert len({row.title for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    "reference",
    [
        "docs/test_threat_model.py::test_that_is_not_there",
        "docs/test_that_is_not_there.py::test_it",
        "docs/pages.py::rows",
        "contracts/ledger.py::test_all_of_them_or_none",
        "contracts/ledger.py::LedgerContract::test_that_is_not_there",
        "docs/test_threat_model.py",
    ],
)
def test_what_is_not_there_is_noticed(reference: str) -> None:
    assert not exists(reference)


def test_what_is_there_is_found() -> None:
    assert exists("docs/test_threat_model.py::test_what_is_there_is_found")
    assert exists("contracts/ledger.py::LedgerContract::test_all_of_them_or_none")
