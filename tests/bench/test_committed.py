"""What is committed is what was measured: the tables are made from the samples beside them, and from nothing else."""

import re

from bench.reporting.results import RESULTS, Result
from bench.reporting.tables import LATEST, README, block_of, document, summary

WRITTEN = sorted(RESULTS.glob("*.json"))


def test_before_anything_was_measured_nothing_is_claimed() -> None:
    if not LATEST.exists():
        assert WRITTEN == []
        assert block_of(README.read_text()) == ""


def test_the_latest_tables_are_made_from_the_samples_that_they_name() -> None:
    if not LATEST.exists():
        return
    text = LATEST.read_text()
    name = re.search(r"From `([^`]+)`", text)
    assert name is not None
    made = document(Result.load((RESULTS / name[1]).read_text()))
    assert text.partition("## Since the last")[0].rstrip("\n") == made.rstrip("\n")


def test_the_readme_shows_the_latest_figures() -> None:
    said = block_of(README.read_text())
    assert said == (block_of(LATEST.read_text()) if LATEST.exists() else "")


def test_every_result_can_be_read_and_names_its_conditions() -> None:
    for path in WRITTEN:
        found = Result.load(path.read_text())
        assert {"commit", "date", "cpu", "cores", "kernel", "python"} <= found.machine.keys(), path.name
        assert {"device", "filesystem", "fdatasync_ms"} <= found.disk.keys(), path.name
        assert "full" in found.conditions["size"], path.name
        assert found.rows, path.name
        assert summary(found), path.name


def test_a_result_was_made_of_committed_sources() -> None:
    assert [path.name for path in WRITTEN if "+" in path.name] == []
