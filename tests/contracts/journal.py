"""What every journal keeps to: `audit.Journal` and `audit.Archive` in full, and what entries do to meters.

An implementation inherits and says how one is opened.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import pytest

from gatepass.access import (
    AgentId,
    CredentialId,
    DecisionId,
    Instant,
    MeterKind,
    Outcome,
    PersonId,
    Reservation,
    RunId,
)
from gatepass.audit import ISSUED, Archive, Counted, Entry, Found, Head, Journal, Query, Verifier, WriterId, read_line
from gatepass.audit.search import MOST_STORY
from gatepass.errors import Conflict, Malformed
from gatepass.limits import Spent

T = TypeVar("T")

MINUTE = 60_000
DAY = 86_400_000
NOON = Instant(1_800_000_000_000 - 1_800_000_000_000 % DAY + DAY // 2)


class Meters(Protocol):
    async def load_spent(self, now: Instant) -> tuple[Spent, ...]: ...

    async def tidy(self, now: Instant) -> int: ...


@dataclass(frozen=True)
class Opened:
    journal: Journal
    archive: Archive
    meters: Meters


def decided(number: int, **members: Any) -> Entry:
    return Entry(
        at=Instant(NOON + number),
        event="call.decided",
        decision=DecisionId(f"dec_{number:09}"),
        outcome=Outcome.PERMIT,
        code="ok",
        credential=CredentialId("crd_bot"),
        agent=AgentId("agt_bot"),
        run=RunId("run_1"),
        action="orders:refund",
        resource=f"order-{number}",
    ).amended(**members)


def finished(number: int, **members: Any) -> Entry:
    return decided(number).amended(event="call.finished", outcome=None, status=200, **members)


def total(meter: str = "crd_bot/spending", cost: object = 1) -> Reservation:
    return Reservation(meter, MeterKind.TOTAL, Decimal(10**6), Decimal(str(cost)))


def quota(meter: str = "crd_bot/requests", cost: object = 1, period: int = DAY) -> Reservation:
    return Reservation(meter, MeterKind.QUOTA, Decimal(10**6), Decimal(str(cost)), period)


def rate(meter: str = "crd_bot/calls") -> Reservation:
    return Reservation(meter, MeterKind.RATE, Decimal(60), period=MINUTE)


def resources(found: tuple[Found, ...]) -> list[object]:
    return [one.members.get("resource") for one in found]


async def write(opened: Opened, *entries: Entry) -> None:
    for ticket in [opened.journal.append(entry) for entry in entries]:
        await ticket.durable()


async def lines_of(archive: Archive, after: int = 0) -> list[bytes]:
    text = b"".join([piece async for piece in archive.export(after)])
    return text.splitlines(keepends=True)


class JournalContract:
    """Every story runs in an event loop of its own, on a journal of its own."""

    def open(self) -> AbstractAsyncContextManager[Opened]:
        raise NotImplementedError

    def run(self, story: Callable[[Opened], Awaitable[T]]) -> T:
        async def told() -> T:
            async with self.open() as opened:
                return await story(opened)

        return asyncio.run(told())

    # -- order and durability

    def test_it_begins_with_the_entry_that_opens_it(self) -> None:
        async def story(opened: Opened) -> None:
            (first,) = (await opened.archive.search(Query())).entries
            assert (first.seq, first.labels.event) == (1, "journal.opened")
            assert await opened.archive.head() == Head(first.row.writer, 1, first.row.hash)

        self.run(story)

    def test_entries_keep_the_order_in_which_they_were_appended(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, *(decided(number) for number in range(300)))
            page = await opened.archive.search(Query(limit=300))
            assert resources(page.entries) == [f"order-{number}" for number in reversed(range(300))]
            assert [found.seq for found in page.entries] == list(range(301, 1, -1))

        self.run(story)

    def test_the_order_is_that_of_the_appends_and_not_of_the_clock(self) -> None:
        """The clock jumps back a day, and forward a year."""

        async def story(opened: Opened) -> None:
            for number, at in enumerate([NOON, NOON - DAY, NOON + 365 * DAY, NOON + 1]):
                await write(opened, decided(number, at=Instant(at)))
            page = await opened.archive.search(Query(run=RunId("run_1")))
            assert resources(page.entries) == ["order-3", "order-2", "order-1", "order-0"]
            for number, at in enumerate([NOON, NOON - DAY, NOON + 365 * DAY]):
                then = await opened.archive.search(Query(since=Instant(at), until=Instant(at + 1), run=RunId("run_1")))
                assert resources(then.entries) == [f"order-{number}"]
            assert (await opened.archive.verify()).intact

        self.run(story)

    def test_when_one_entry_is_durable_all_before_it_are(self) -> None:
        async def story(opened: Opened) -> None:
            for number in range(50):
                opened.journal.append(decided(number))
            await opened.journal.append(decided(50)).durable()
            assert len((await opened.archive.search(Query(limit=500))).entries) == 52

        self.run(story)

    def test_a_receipt_can_be_asked_again_and_by_many(self) -> None:
        async def story(opened: Opened) -> None:
            ticket = opened.journal.append(decided(1))
            await asyncio.gather(*(ticket.durable() for _ in range(5)))
            await ticket.durable()

        self.run(story)

    def test_one_who_gives_up_waiting_takes_nobody_along(self) -> None:
        async def story(opened: Opened) -> None:
            ticket = opened.journal.append(decided(1))
            impatient = asyncio.ensure_future(ticket.durable())
            await asyncio.sleep(0)
            impatient.cancel()
            await ticket.durable()
            assert len((await opened.archive.search(Query(decision=DecisionId("dec_000000001")))).entries) == 1

        self.run(story)

    def test_an_entry_that_is_too_large_is_refused_and_leaves_no_trace(self) -> None:
        async def story(opened: Opened) -> None:
            with pytest.raises(Malformed) as caught:
                opened.journal.append(decided(1, reservations=tuple(total(f"m{number}") for number in range(2000))))
            assert caught.value.code == "too_large"
            await write(opened, decided(2))
            report = await opened.archive.verify()
            assert (report.intact, report.entries) == (True, 2)

        self.run(story)

    # -- looking

    def test_a_page_is_continued_where_it_ended(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, *(decided(number) for number in range(25)))
            seen: list[object] = []
            query = Query(run=RunId("run_1"), limit=10)
            sizes = []
            while True:
                page = await opened.archive.search(query)
                seen += resources(page.entries)
                sizes.append(len(page.entries))
                if page.next is None:
                    break
                await write(opened, decided(100 + len(seen)))  # what is added meanwhile does not shift the pages
                query = replace(query, before=page.next)
            assert seen == [f"order-{number}" for number in reversed(range(25))]
            assert sizes == [10, 10, 5]

        self.run(story)

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({"credential": "crd_a"}, [9, 6, 3, 0]),
            ({"credential": "crd_issued"}, [10]),
            ({"agent": "agt_1"}, [9, 7, 5, 3, 1]),
            ({"run": "run_2"}, [8, 7, 6, 5]),
            ({"decision": "dec_000000004"}, [4]),
            ({"event": "token.issued"}, [10]),
            ({"event": "call.decided", "credential": "crd_a"}, [9, 6, 3, 0]),
            ({"outcome": Outcome.DENY}, [9, 8, 7, 6, 5]),
            ({"outcome": Outcome.PERMIT, "agent": "agt_1"}, [3, 1]),
            ({"outcome": Outcome.STEP_UP}, []),
            ({"outcome": Outcome.DENY, "credential": "crd_a", "agent": "agt_1"}, [9]),
            ({"since": NOON + 3, "until": NOON + 6}, [5, 4, 3]),
            ({"since": NOON + 8, "run": "run_2"}, [8]),
            ({"until": NOON + 1}, [0]),
            ({"since": NOON + 10**9}, []),
            ({"credential": "crd_nobody"}, []),
            ({"upstream": "orders"}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
            ({"upstream": "orders", "credential": "crd_a"}, [9, 6, 3, 0]),
            ({"upstream": "orders", "outcome": Outcome.DENY, "agent": "agt_1"}, [9, 7, 5]),
            ({"upstream": "order"}, []),
            ({"surface": "mcp"}, [8, 6, 4, 2, 0]),
            ({"action": "orders:refund", "surface": "mcp", "since": NOON + 3}, [8, 6, 4]),
            ({"action": "orders:refund", "resource": "order-1"}, [1]),
            ({"resource": "order-1"}, [10, 1]),
            ({"resource": '"'}, []),
            ({"credential": "crd_a' OR 1=1 --"}, []),
        ],
    )
    def test_a_search_finds_what_says_all_that_was_asked(self, asked: dict[str, Any], expected: list[int]) -> None:
        async def story(opened: Opened) -> None:
            for number in range(10):
                entry = decided(
                    number,
                    credential=CredentialId(f"crd_{'abc'[number % 3]}"),
                    agent=AgentId(f"agt_{number % 2}"),
                    run=RunId(f"run_{1 if number < 5 else 2 if number < 9 else 3}"),
                    outcome=Outcome.PERMIT if number < 5 else Outcome.DENY,
                    upstream="orders",
                    surface="mcp" if number % 2 == 0 else "rest",
                    purpose='"upstream":"order"',
                )
                await write(opened, entry)
            issued = Entry(at=Instant(NOON + 10), event="token.issued", subject="crd_issued", resource="order-10")
            await write(opened, issued)
            page = await opened.archive.search(Query(**asked))
            found = [number for number in resources(page.entries) if number is not None]  # but for the opening entry
            assert found == [f"order-{number}" for number in expected]

        self.run(story)

    def test_pages_of_what_no_index_bears_join_up(self) -> None:
        async def story(opened: Opened) -> None:
            for number in range(30):
                await write(opened, decided(number, upstream="orders" if number % 3 else "docs"))
            seen: list[Any] = []
            query = Query(upstream="orders", limit=7)
            while (page := await opened.archive.search(query)).next is not None:
                seen += resources(page.entries)
                query = replace(query, before=page.next)
            seen += resources(page.entries)
            assert seen == [f"order-{number}" for number in reversed(range(30)) if number % 3]

        self.run(story)

    # -- counts

    def test_decisions_are_counted_by_minute_and_by_whose_they_are(self) -> None:
        async def story(opened: Opened) -> None:
            other: dict[str, Any] = {"credential": CredentialId("crd_other"), "agent": None}
            await write(
                opened,
                decided(1),
                finished(1),
                decided(2, outcome=Outcome.DENY),
                decided(3, outcome=Outcome.STEP_UP),
                decided(MINUTE + 1),
                decided(MINUTE + 2, **other),
                Entry(at=NOON, event="token.issued", credential=CredentialId("crd_bot"), subject="crd_bot"),
            )
            last = (await opened.archive.head()).seq
            counted = await opened.archive.counts(2, last)
            assert counted.earliest == NOON + 1
            assert sorted(counted.cells) == [
                (NOON, "crd_bot", "agt_bot", 1, 2),
                (NOON + MINUTE, "crd_bot", "agt_bot", 1, 0),
                (NOON + MINUTE, "crd_other", None, 1, 0),
            ]
            part = await opened.archive.counts(3, 4)  # the outcome, and the denial
            assert [tuple(cell) for cell in part.cells] == [(NOON, "crd_bot", "agt_bot", 0, 1)]
            assert await opened.archive.counts(last + 1, last + 9) == Counted((), None)

        self.run(story)

    def test_a_credentials_last_call_is_found_and_nothing_else_counts_as_one(self) -> None:
        async def story(opened: Opened) -> None:
            await write(
                opened,
                decided(1),
                decided(2, outcome=Outcome.DENY),
                finished(9),
                Entry(at=NOON, event="token.issued", credential=CredentialId("crd_idle"), subject="crd_idle"),
            )
            asked = [CredentialId(name) for name in ("crd_bot", "crd_idle", "crd_nobody")]
            assert await opened.archive.last_calls(asked) == {"crd_bot": NOON + 2}
            assert await opened.archive.last_calls([]) == {}

        self.run(story)

    def test_time_is_searched_rightly_though_the_clock_jumped(self) -> None:
        async def story(opened: Opened) -> None:
            instants = [NOON + 365 * DAY if 1000 <= number < 1100 else NOON + number for number in range(3000)]
            await write(opened, *(decided(number, at=Instant(at)) for number, at in enumerate(instants)))
            future = await opened.archive.search(Query(since=Instant(NOON + DAY), limit=500))
            assert resources(future.entries) == [f"order-{number}" for number in range(1099, 999, -1)]
            past = await opened.archive.search(Query(since=Instant(NOON + 990), until=Instant(NOON + 1110)))
            assert resources(past.entries) == [
                f"order-{number}" for number in [*range(1109, 1099, -1), *range(999, 989, -1)]
            ]

        self.run(story)

    # -- stories

    def test_the_story_of_a_run_joins_issuance_decisions_and_outcomes(self) -> None:
        async def story(opened: Opened) -> None:
            bot, other = CredentialId("crd_bot"), CredentialId("crd_other")
            await write(
                opened,
                Entry(at=NOON, event="token.issued", subject=bot, actor="per_ada", owner=PersonId("per_ada")),
                Entry(at=NOON, event="token.issued", subject=other),
                decided(1),
                decided(2, outcome=Outcome.DENY, code="scope_missing"),
                decided(3, credential=other, run=RunId("run_other")),
                finished(1, run=None),
                finished(3, credential=other, run=RunId("run_other")),
                Entry(at=NOON, event="token.revoked", subject=bot, actor="per_ada"),
            )
            told = await opened.archive.story(RunId("run_1"))
            assert [found.labels.event for found in told.entries] == [
                "token.issued",
                "call.decided",
                "call.decided",
                "call.finished",
                "token.revoked",
            ]
            assert told.credentials == ("crd_bot",)
            assert [found.members["actor"] for found in told.changes] == ["per_ada", "per_ada"]
            one, two = told.calls
            assert (one.decision, one.finished is not None) == ("dec_000000001", True)
            assert (two.decision, two.finished is not None) == ("dec_000000002", False)
            assert told.whole

        self.run(story)

    def test_the_story_of_a_credential_has_the_same_and_what_was_done_to_it(self) -> None:
        async def story(opened: Opened) -> None:
            bot = CredentialId("crd_bot")
            await write(
                opened,
                Entry(at=NOON, event="token.issued", subject=bot),
                decided(1, run=None),
                finished(1, run=None),
                decided(2, credential=CredentialId("crd_other")),
                Entry(at=NOON, event="token.rotated", subject=bot, details={"to": "crd_next"}),
            )
            told = await opened.archive.story(bot)
            assert [found.labels.event for found in told.changes] == ["token.issued", "token.rotated"]
            assert len(told.calls) == 1
            assert len(told.entries) == 4

        self.run(story)

    def test_the_story_of_a_credential_has_what_was_exchanged_from_it_again_and_again(self) -> None:
        async def story(opened: Opened) -> None:
            root, short, call, other = (CredentialId(f"crd_{name}") for name in ("root", "short", "call", "other"))
            await write(
                opened,
                Entry(at=NOON, event="token.issued", credential=root, subject=root),
                Entry(at=NOON, event=ISSUED, credential=short, subject=root),
                Entry(at=NOON, event=ISSUED, credential=call, subject=short),
                Entry(at=NOON, event=ISSUED, credential=other, subject=CredentialId("crd_elsewhere")),
                decided(1, credential=short, run=None),
                decided(2, credential=call, run=None),
                decided(3, credential=other, run=None),
                finished(2, credential=call, run=None),
                Entry(at=NOON, event="credential.revoked", credential=call, subject=call),
            )
            told = await opened.archive.story(root)
            assert told.credentials == (root, short, call)
            assert [found.labels.event for found in told.changes] == [
                "token.issued",
                ISSUED,
                ISSUED,
                "credential.revoked",
            ]
            assert [found.decision for found in told.calls] == ["dec_000000001", "dec_000000002"]
            assert (await opened.archive.story(short)).credentials == (short, call)
            assert (await opened.archive.story(call)).credentials == (call,)

        self.run(story)

    def test_a_story_that_is_too_long_says_that_it_is_not_whole(self) -> None:
        async def story(opened: Opened) -> None:
            for start in range(0, MOST_STORY + 1, 5_000):
                await write(opened, *(decided(number) for number in range(start, min(start + 5_000, MOST_STORY))))
            assert (await opened.archive.story(RunId("run_1"))).whole
            await write(opened, decided(MOST_STORY))
            told = await opened.archive.story(RunId("run_1"))
            assert (told.whole, len(told.entries)) == (False, MOST_STORY)

        self.run(story)

    def test_a_story_of_nothing_is_empty_and_one_of_something_else_is_refused(self) -> None:
        async def story(opened: Opened) -> None:
            assert (await opened.archive.story(RunId("run_none"))).entries == ()
            with pytest.raises(Malformed) as caught:
                await opened.archive.story(RunId("agt_1"))
            assert str(caught.value) == "a story is of a run (`run_...`) or of a credential (`crd_...`)"

        self.run(story)

    # -- proof

    def test_it_verifies_and_holds_every_head_that_it_ever_had(self) -> None:
        async def story(opened: Opened) -> None:
            heads = []
            for number in range(20):
                await write(opened, decided(number))
                heads.append(await opened.archive.head())
            report = await opened.archive.verify(heads)
            assert (report.intact, report.entries, report.head) == (True, 21, heads[-1])

        self.run(story)

    def test_a_head_that_it_never_had_is_a_fault(self) -> None:
        async def story(opened: Opened) -> None:
            head = await opened.archive.head()
            beyond = Head(head.writer, 12, bytes(32))
            assert [str(fault) for fault in (await opened.archive.verify([beyond])).faults] == [
                "entries 2 to 12 were cut off"
            ]
            assert not (await opened.archive.verify([Head(WriterId("wrt_x"), 1, head.hash)])).intact

        self.run(story)

    def test_an_export_is_every_entry_and_verifies_by_itself(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, *(decided(number, properties={"note": "ü\n\u2028"}) for number in range(30)))
            lines = await lines_of(opened.archive)
            rows = [read_line(line) for line in lines]
            verifier = Verifier([await opened.archive.head()])
            verifier.see(rows)
            report = verifier.finish()
            assert (report.intact, report.entries) == (True, 31)
            assert await lines_of(opened.archive, after=20) == lines[20:]
            assert await lines_of(opened.archive, after=31) == []

        self.run(story)

    # -- meters

    def test_a_permit_draws_its_totals_and_quotas_and_no_rate(self) -> None:
        async def story(opened: Opened) -> None:
            await write(
                opened,
                decided(1, reservations=(rate(), total(cost="49.50"), quota())),
                decided(2, reservations=(rate(), total(cost="0.50"), quota())),
            )
            assert set(await opened.meters.load_spent(NOON)) == {
                Spent("crd_bot/spending", Decimal("50.00")),
                Spent("crd_bot/requests", Decimal(2), DAY, NOON - NOON % DAY),
            }

        self.run(story)

    def test_a_refusal_and_an_outcome_draw_nothing(self) -> None:
        async def story(opened: Opened) -> None:
            await write(
                opened,
                decided(1, outcome=Outcome.DENY, reservations=(total(),)),
                decided(2, outcome=Outcome.STEP_UP, reservations=(total(),)),
                finished(3, reservations=(total(),)),
                decided(4, decision=None, reservations=(total(),)),
            )
            assert await opened.meters.load_spent(NOON) == ()

        self.run(story)

    def test_an_outcome_gives_back_what_it_names_and_no_more(self) -> None:
        async def story(opened: Opened) -> None:
            drawn = (total(), quota(), total("crd_bot/other"))
            await write(opened, decided(1, reservations=drawn), decided(2, reservations=drawn))
            await write(opened, finished(1, reservations=drawn[:2]), finished(2))
            assert set(await opened.meters.load_spent(NOON)) == {
                Spent("crd_bot/spending", Decimal(1)),
                Spent("crd_bot/requests", Decimal(1), DAY, NOON - NOON % DAY),
                Spent("crd_bot/other", Decimal(2)),
            }

        self.run(story)

    def test_giving_back_twice_gives_back_once(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, decided(1, reservations=(total(),)), decided(2, reservations=(total(),)))
            await write(opened, finished(1, reservations=(total(),)), finished(1, reservations=(total(),)))
            assert await opened.meters.load_spent(NOON) == (Spent("crd_bot/spending", Decimal(1)),)

        self.run(story)

    def test_what_one_call_draws_twice_is_drawn_twice_and_exactly(self) -> None:
        async def story(opened: Opened) -> None:
            small, large = "0.000000000000000001", "999999999999999999"
            await write(opened, decided(1, reservations=(total(cost=small), total(cost=large))))
            await write(opened, decided(2, reservations=(total(cost=small),)))
            (spent,) = await opened.meters.load_spent(NOON)
            assert spent.used == Decimal("999999999999999999.000000000000000002")

        self.run(story)

    def test_a_decision_draws_once_however_often_it_is_journalled(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, decided(1, reservations=(total(),)))
            with pytest.raises(Conflict) as caught:
                await opened.journal.append(decided(1, reservations=(total(),))).durable()
            assert str(caught.value) == "the decision has been journalled before"
            await write(opened, decided(2, reservations=(total(),)))
            assert await opened.meters.load_spent(NOON) == (Spent("crd_bot/spending", Decimal(2)),)
            report = await opened.archive.verify()
            assert (report.intact, report.entries) == (True, 3)

        self.run(story)

    def test_a_quota_whose_window_is_over_is_forgotten_and_a_total_never(self) -> None:
        async def story(opened: Opened) -> None:
            minute = quota("crd_bot/writes", period=MINUTE)
            await write(opened, decided(1, reservations=(total(), quota(), minute)))
            assert len(await opened.meters.load_spent(NOON)) == 3
            assert len(await opened.meters.load_spent(Instant(NOON + MINUTE))) == 2
            later = Instant(NOON + 40 * DAY)
            await opened.meters.tidy(later)
            assert await opened.meters.load_spent(later) == (Spent("crd_bot/spending", Decimal(1)),)

        self.run(story)

    def test_tidying_leaves_what_a_call_under_way_may_still_give_back(self) -> None:
        async def story(opened: Opened) -> None:
            await write(opened, decided(1, reservations=(total(), quota())))
            await opened.meters.tidy(Instant(NOON + MINUTE))
            await write(opened, finished(1, reservations=(total(), quota())))
            assert await opened.meters.load_spent(NOON) == ()

        self.run(story)

    def test_tidying_changes_no_sum(self) -> None:
        async def story(opened: Opened) -> None:
            for number in range(20):
                await write(opened, decided(number, reservations=(total(cost="0.1"), quota())))
            before = set(await opened.meters.load_spent(NOON))
            soon = Instant(NOON + 3 * 3_600_000)
            await opened.meters.tidy(soon)
            await write(opened, decided(50, at=soon, reservations=(total(cost="0.1"), quota())))
            await opened.meters.tidy(soon)
            await opened.meters.tidy(Instant(soon + 3_600_000))
            assert {(spent.meter, spent.used) for spent in before} == {
                ("crd_bot/spending", Decimal("2.0")),
                ("crd_bot/requests", Decimal(20)),
            }
            assert {(spent.meter, spent.used) for spent in await opened.meters.load_spent(soon)} == {
                ("crd_bot/spending", Decimal("2.1")),
                ("crd_bot/requests", Decimal(21)),
            }

        self.run(story)


async def collected(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
