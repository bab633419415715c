"""What is committed is what was measured: the tables are made from the samples beside them, and from nothing else."""

import re

import pytest
from bench.reporting.results import RESULTS, Result
from bench.reporting.tables import LATEST, README, block_of, document, summary

WRITTEN = sorted(RESULTS.glob("*.json"))


def latest() -> str:
    if not LATEST.exists():
        pytest.skip("nothing was measured yet")
    return LATEST.read_text()


def test_the_latest_tables_are_made_from_the_samples_that_they_name() -> None:
    text = latest()
    name = re.search(r"From `([^`]+)`", text)
    assert name is not None
    made = document(Result.load((RESULTS / name[1]).read_text()))
    assert text.partition("## Since the last")[0].rstrip("\n") == made.rstrip("\n")


def test_the_readme_shows_the_latest_figures() -> None:
    assert block_of(README.read_text()) == block_of(latest())


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_every_result_can_be_read_and_names_its_conditions(path: object) -> None:
    found = Result.load(path.read_text())  # type: ignore[attr-defined]
    assert {"commit", "date", "cpu", "cores", "kernel", "python"} <= found.machine.keys()
    assert {"device", "filesystem", "fdatasync_ms"} <= found.disk.keys()
    assert "full" in found.conditions["size"]
    assert found.rows
    assert summary(found)


def test_a_result_was_made_of_committed_sources() -> None:
    assert [path.name for path in WRITTEN if "+" in path.name] == []
