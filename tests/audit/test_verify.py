"""What is done to a journal behind our back is found, and named exactly."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.chains import WRITER, body, chained, check, continued, genuine, head, labelled, named, opening, said

from gatepass.access import CredentialId, Instant
from gatepass.audit import ORIGIN, Entry, Head, Row, Verifier, WriterId, link, write_body

FORGED = write_body(Entry(at=Instant(7), event="call.decided", credential=CredentialId("crd_forged")))[0]


def test_a_genuine_journal_is_intact() -> None:
    rows = genuine(1000)
    report = check(rows, [head(rows[0]), head(rows[500]), head(rows[-1])])
    assert (report.intact, report.entries, report.head) == (True, 1000, head(rows[-1]))


def test_an_empty_journal_is_intact_and_has_no_head() -> None:
    report = check([])
    assert (report.intact, report.entries, report.head) == (True, 0, None)


def test_writers_follow_each_other_through_their_opening_entries() -> None:
    rows = continued(continued(genuine(5), 1, WriterId("wrt_second")), 7, WriterId("wrt_third"))
    assert check(rows, [head(row) for row in rows]).intact


# -- changed


def test_a_changed_body_is_named() -> None:
    rows = genuine()
    rows[11] = rows[11]._replace(body=rows[11].body.replace(b"permit", b"deny"))
    assert said(check(rows)) == ["entry 12 was changed"]


def test_a_changed_hash_is_named() -> None:
    rows = genuine()
    rows[11] = rows[11]._replace(hash=bytes(32))
    assert said(check(rows)) == ["entry 12 was changed"]


def test_a_changed_link_is_named() -> None:
    rows = genuine()
    rows[11] = rows[11]._replace(prev=bytes(32))
    assert named(check(rows)) == [("foreign", 12, 12)]


def test_a_changed_entry_whose_hash_was_computed_anew_is_named() -> None:
    rows = genuine()
    rows[11] = chained([FORGED], seq=12, prev=rows[10].hash)[0]
    assert said(check(rows)) == ["entry 12 was changed"]


def test_a_stretch_written_anew_is_noticed_where_it_ends() -> None:
    rows = genuine()
    rows[11:20] = chained([FORGED] * 9, seq=12, prev=rows[10].hash)
    assert named(check(rows)) == [("changed", 20, 20)]


def test_everything_written_anew_to_the_end_is_found_by_a_head_that_was_kept() -> None:
    rows = genuine()
    kept = [head(rows[5]), head(rows[30])]
    rows[11:] = chained([FORGED] * 29, seq=12, prev=rows[10].hash)
    assert check(rows).intact
    assert said(check(rows, kept)) == ["entry 31 was changed"]


def test_the_first_and_the_last_entry_are_guarded_too() -> None:
    rows = genuine()
    assert said(check([rows[0]._replace(body=FORGED), *rows[1:]])) == ["entry 1 was changed"]
    assert said(check([*rows[:-1], rows[-1]._replace(body=FORGED)])) == ["entry 40 was changed"]


def test_several_changes_are_named_one_by_one_and_neighbours_together() -> None:
    rows = genuine()
    for index in (4, 5, 6, 20):
        rows[index] = rows[index]._replace(body=FORGED)
    assert said(check(rows)) == ["entries 5 to 7 were changed", "entry 21 was changed"]


# -- missing


def test_a_dropped_entry_is_named() -> None:
    rows = genuine()
    del rows[11]
    assert said(check(rows)) == ["entry 12 is missing"]


def test_dropped_entries_are_named() -> None:
    rows = genuine()
    del rows[11:15]
    assert said(check(rows)) == ["entries 12 to 15 are missing"]


def test_a_dropped_beginning_is_named() -> None:
    assert said(check(genuine()[3:])) == ["entries 1 to 3 are missing"]


@pytest.mark.parametrize("first", [2, 12, 39])
def test_a_dropped_entry_is_named_even_when_the_rest_was_renumbered(first: int) -> None:
    rows = genuine()
    kept = [*rows[: first - 1], *(row._replace(seq=row.seq - 1) for row in rows[first:])]
    assert ("missing", first, first) in named(check(kept))
    assert ("moved", first + 1, 40) in named(check(kept))
    assert len(check(kept).faults) == 2


def test_an_entry_beside_a_gap_is_still_checked() -> None:
    rows = genuine()
    rows[12] = rows[12]._replace(body=FORGED)
    del rows[11]
    assert said(check(rows)) == ["entry 12 is missing", "entry 13 was changed"]


def test_a_dropped_entry_is_named_even_when_all_hashes_after_it_were_computed_anew() -> None:
    rows = genuine()
    anew = chained([row.body for row in rows[12:]], seq=13, prev=rows[10].hash)
    assert said(check([*rows[:11], *anew])) == ["entry 12 is missing"]


def test_the_opening_entry_of_a_writer_dropped_is_named_and_nothing_else() -> None:
    rows = continued(genuine(5), 5, WriterId("wrt_second"))
    del rows[5]
    assert said(check(rows)) == ["entry 6 is missing"]


# -- moved


def exchanged(rows: list[Row], one: int, other: int) -> list[Row]:
    rows = list(rows)
    first, second = rows[one - 1], rows[other - 1]
    rows[one - 1], rows[other - 1] = second._replace(seq=one), first._replace(seq=other)
    return rows


@pytest.mark.parametrize(("one", "other"), [(12, 13), (12, 14), (5, 20), (2, 40), (39, 40)])
def test_two_entries_that_changed_places_are_named(one: int, other: int) -> None:
    report = check(exchanged(genuine(), one, other))
    assert said(report) == [f"entry {other} now stands at {one}", f"entry {one} now stands at {other}"]


def test_two_entries_that_changed_places_far_apart_are_named() -> None:
    report = check(exchanged(genuine(3000), 12, 2800))
    assert said(report) == ["entry 2800 now stands at 12", "entry 12 now stands at 2800"]


def test_a_copy_in_another_entrys_place_is_named() -> None:
    rows = genuine()
    rows[11] = rows[9]._replace(seq=12)
    assert named(check(rows)) == [("missing", 12, 12), ("moved", 10, 10)]


def test_lines_of_an_export_out_of_order_are_named() -> None:
    rows = genuine()
    rows.insert(20, rows.pop(5))
    assert ("moved", 6, 6) in named(check(rows))


# -- foreign


def test_an_inserted_entry_is_named_even_when_the_rest_was_renumbered() -> None:
    rows = genuine()
    put_in = chained([FORGED], seq=12, prev=rows[10].hash)
    kept = [*rows[:11], *put_in, *(row._replace(seq=row.seq + 1) for row in rows[11:])]
    assert said(check(kept)) == ["entry 12 was put in by somebody else", "entries 12 to 40 now begin at 13"]


def test_inserted_entries_are_named_even_when_the_rest_was_renumbered() -> None:
    rows = genuine()
    put_in = chained([FORGED] * 3, seq=12, prev=rows[10].hash)
    kept = [*rows[:11], *put_in, *(row._replace(seq=row.seq + 3) for row in rows[11:])]
    assert said(check(kept)) == ["entries 12 to 14 were put in by somebody else", "entries 12 to 40 now begin at 15"]


def test_an_entry_of_another_journal_is_named() -> None:
    rows = genuine()
    other = chained([opening(1), *(body(number + 100) for number in range(2, 41))], writer=WriterId("wrt_other"))
    rows[11] = other[11]
    assert said(check(rows)) == ["entry 12 was put in by somebody else"]


def test_an_entry_appended_by_another_hand_is_named() -> None:
    rows = genuine()
    other = chained([FORGED], seq=41, prev=rows[-1].hash, writer=WriterId("wrt_other"))
    assert said(check(rows + other)) == ["entry 41 was put in by somebody else"]


# -- cut off


def test_a_tail_that_was_cut_off_is_named_by_a_head_that_was_kept() -> None:
    rows = genuine()
    kept = head(rows[-1])
    assert check(rows[:30]).intact
    assert said(check(rows[:30], [kept])) == ["entries 31 to 40 were cut off"]
    assert said(check(rows[:39], [kept])) == ["entry 40 was cut off"]
    assert said(check([], [kept])) == ["entries 1 to 40 were cut off"]


def test_a_tail_that_was_cut_off_and_written_over_by_a_later_process_is_named() -> None:
    """A backup was put back, and the journal went on from there."""
    rows = genuine()
    kept = head(rows[-1])
    restored = continued(rows[:30], 25, WriterId("wrt_second"))
    assert check(restored).intact
    assert said(check(restored, [kept])) == ["entries 31 to 40 were cut off"]
    shorter = continued(rows[:30], 5, WriterId("wrt_second"))
    assert said(check(shorter, [kept])) == ["entries 31 to 40 were cut off"]


def test_the_head_of_another_journal_does_not_fit() -> None:
    rows = genuine()
    assert not check(rows, [Head(WriterId("wrt_other"), 12, bytes(32))]).intact


# -- labels


def test_an_entry_indexed_under_what_it_does_not_say_is_named() -> None:
    lines = labelled(genuine())
    lines[11] = (*lines[11][:9], "crd_somebody_else", *lines[11][10:])
    verifier = Verifier()
    verifier.see(lines)
    assert said(verifier.finish()) == ["entry 12 is indexed under what it says not"]


def test_what_follows_a_changed_entry_is_checked_no_less() -> None:
    lines = labelled(genuine())
    lines[11] = (*lines[11][:4], FORGED, *lines[11][5:])
    lines[19] = (*lines[19][:9], "crd_somebody_else", *lines[19][10:])
    verifier = Verifier()
    verifier.see(lines)
    assert said(verifier.finish()) == ["entry 12 was changed", "entry 20 is indexed under what it says not"]


# -- nothing raises, nothing grows


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row._replace(body=None),
        lambda row: row._replace(body="text"),
        lambda row: row._replace(hash=b""),
        lambda row: row._replace(prev=7),
        lambda row: row._replace(writer=None),
        lambda row: row._replace(writer="\udcff"),
        lambda row: row._replace(body=b"\xff\xfe"),
        lambda row: row._replace(body=b"[" * 100_000),
    ],
)
def test_no_row_can_make_it_raise(spoil: Callable[[Row], Row]) -> None:
    rows = genuine()
    rows[11] = spoil(rows[11])
    report = check(rows)
    assert not report.intact
    assert {12} >= {number for fault in report.faults for number in (fault.first, fault.last)}


def test_a_journal_of_nothing_but_damage_is_reported_in_bounds() -> None:
    rows = [row._replace(body=FORGED) if row.seq % 2 else row for row in genuine(3000)]
    report = check(rows)
    assert len(report.faults) == 100
    assert report.unnamed == 1400
    assert report.entries == 3000


TAMPERING = st.sampled_from(["body", "hash", "prev", "drop", "swap", "duplicate", "rewrite", "writer"])


@given(count=st.integers(3, 60), data=st.data(), how=TAMPERING)
def test_whatever_is_done_to_one_entry_is_found(count: int, data: st.DataObject, how: str) -> None:
    rows = genuine(count)
    kept = head(rows[-1])
    index = data.draw(st.integers(0, count - 1))
    other = data.draw(st.integers(0, count - 1).filter(lambda number: number != index))
    row = rows[index]
    match how:
        case "body":
            rows[index] = row._replace(body=row.body[:-1] + b' ,"x":1}')
        case "hash":
            rows[index] = row._replace(hash=bytes(31) + b"\x01")
        case "prev":
            rows[index] = row._replace(prev=bytes(31) + b"\x01")
        case "drop":
            del rows[index]
        case "swap":
            rows = exchanged(rows, index + 1, other + 1)
        case "duplicate":
            rows[index] = rows[other]._replace(seq=index + 1)
        case "rewrite":
            rows[index] = row._replace(body=FORGED, hash=link(WRITER, row.seq, row.prev, FORGED))
        case _:
            rows[index] = row._replace(writer=WriterId("wrt_x"))
    report = check(rows, [kept])
    assert not report.intact
    touched = {index + 1, other + 1} if how in {"swap", "duplicate"} else {index + 1}
    numbers = {number for fault in report.faults for number in range(fault.first, fault.last + 1)}
    assert touched & numbers, said(report)
    assert numbers <= touched, said(report)


def test_the_preimage_is_as_documented() -> None:
    """Whoever changes this breaks every journal ever written."""
    assert link("wrt_a", 1, ORIGIN, b"{}").hex() == "eaaf91b4cc90d2e2b0e8a7e8197f48f631433bfd96993b5d4be40d99909541bb"
