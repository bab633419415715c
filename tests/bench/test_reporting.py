"""From samples to tables: medians within rounds, goals that are met or not, what got worse, who is absent and why."""

from pathlib import Path

import pytest
from bench.reporting.comparing import changes, worse
from bench.reporting.results import Result
from bench.reporting.statistics import How, combined, middle
from bench.reporting.tables import BEGIN, END, block_of, document, number, put_into_readme, summary
from tests.bench.samples import ADDED, CPU, FASTER, result, row


def test_the_middle_is_the_median_and_the_quartiles() -> None:
    found = middle([4.0, 1.0, 3.0, 2.0, 100.0])
    assert (found.median, found.low, found.high, found.rounds) == (3.0, 2.0, 4.0, 5)
    assert found.spread == pytest.approx(2 / 3)
    assert middle([7.0]).spread == 0


def test_ratios_are_taken_within_a_round_so_that_a_slow_round_falls_out() -> None:
    assert combined(How.RATIO, [10.0, 100.0, 10.0], [1.0, 10.0, 1.0]) == [10.0, 10.0, 10.0]
    assert combined(How.DIFFERENCE, [3.0, 5.0], [1.0, 1.0]) == [2.0, 4.0]
    assert combined(How.VALUE, [3.0], [1.0]) == [3.0]


@pytest.mark.parametrize(
    ("microseconds", "verdict"), [(200.0, "met"), (240.0, "met"), (270.0, "within 15 %"), (300.0, "missed")]
)
def test_a_goal_is_met_or_nearly_or_missed(microseconds: float, verdict: str) -> None:
    hop = next(row(*[microseconds] * 5).figures())
    assert (hop.goal, hop.verdict) == (CPU, verdict)


def test_a_goal_to_be_reached_from_below_is_judged_the_other_way() -> None:
    assert FASTER.holds(100) and not FASTER.holds(99) and FASTER.holds(90, 1.15)  # noqa: PT018 - one thought
    assert ADDED.holds(1) and not ADDED.holds(1.01)  # noqa: PT018


def test_whoever_did_not_run_has_a_reason_and_no_figure() -> None:
    one = row(200.0, 200.0, absent={"peer": "cannot be installed: <b>no|such</b>\nversion"})
    assert [figure.goal for figure in one.figures()] == [CPU, ADDED]
    text = document(result(one))
    assert "| 12 | calls against a peer |  |  | ≥ 100 x | no figure: cannot be installed" in text
    assert "- **peer: no figure.** cannot be installed: (b)no/such(/b) version" in text


def test_a_result_is_what_it_was_after_it_was_written(tmp_path: Path) -> None:
    before = result(row(200.0, 210.0, 220.0))
    before.save(tmp_path / "one.json")
    after = Result.load((tmp_path / "one.json").read_text())
    assert after == before
    assert document(after) == document(before)


def test_a_row_that_is_run_again_takes_the_place_of_what_it_was() -> None:
    found = result(row(200.0), row(1.0, name="mcp"))
    found.put(row(100.0), ("rest", "mcp"))
    assert [one.name for one in found.rows] == ["rest", "mcp"]
    assert next(found.rows[0].figures()).value.median == 5


def test_what_got_worse_by_more_than_the_noise_is_flagged() -> None:
    before = result(row(200.0, 200.0, 200.0), commit="before1")
    slower, same = result(row(220.0, 220.0, 220.0)), result(row(208.0, 208.0, 208.0))
    noisy = result(row(150.0, 190.0, 220.0, 260.0, 300.0))
    assert [change.goal for change in worse(list(changes(before, slower)))] == [CPU]
    assert worse(list(changes(before, same))) == []
    assert worse(list(changes(before, noisy))) == []
    assert "**worse**" in str(next(changes(before, slower)))
    assert list(changes(None, slower)) == []


def test_the_readme_holds_what_the_report_holds() -> None:
    found = result(row(200.0))
    text = put_into_readme(f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n", found)
    assert text.startswith("# Title\n")
    assert text.endswith("\n\nThe end.\n")
    assert block_of(text) == block_of(document(found)) == summary(found)
    with pytest.raises(ValueError, match="no place"):
        put_into_readme("# Title\n", found)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1,234"), (62_345, "62,300")],
)
def test_numbers_have_three_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text
