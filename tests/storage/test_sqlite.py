"""The database keeps to what every journal and every store keeps to, over restarts, and stays private."""

import asyncio
import itertools
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection
from tests.contracts.journal import DAY, NOON, JournalContract, Opened, decided, finished, quota, total, write
from tests.contracts.store import ADA, ALL, BOT, PLAIN, TOKEN, OpenedStore, StoreContract
from tests.storage.databases import NEWEST, opened, tampered, until_accepted

from gatepass.access import CredentialId, Instant, Outcome
from gatepass.audit import Query
from gatepass.errors import Conflict, Malformed, Unavailable
from gatepass.limits import Spent
from gatepass.storage.lines import line_for
from gatepass.storage.sqlite.reading import reader
from gatepass.storage.sqlite.reading.queries import page_queries
from gatepass.storage.sqlite.writing import Job, Transaction


class TestSqliteJournal(JournalContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "data"

    def open(self) -> AbstractAsyncContextManager[Opened]:
        @asynccontextmanager
        async def house() -> AsyncIterator[Opened]:
            async with opened(self.path) as database:
                yield Opened(database.journal, database.archive, database.store)

        return house()


class TestSqliteJournalIndexedByTwos(JournalContract):
    """The same, where nearly every question is asked of entries that are indexed and of some that are not."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "data"

    def open(self) -> AbstractAsyncContextManager[Opened]:
        @asynccontextmanager
        async def house() -> AsyncIterator[Opened]:
            async with opened(self.path, label_each=2) as database:
                yield Opened(database.journal, database.archive, database.store)

        return house()


class TestSqliteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "data"

    def open(self) -> AbstractAsyncContextManager[OpenedStore]:
        @asynccontextmanager
        async def house() -> AsyncIterator[OpenedStore]:
            async with opened(self.path) as database:
                yield OpenedStore(database.store, database.archive)

        return house()


# -- over a restart


def test_everything_is_there_after_a_restart_and_the_chain_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        heads = []
        for start in range(4):
            async with opened(tmp_path) as database:
                await database.store.commit(ALL)
                await write(Opened(database.journal, database.archive, database.store), decided(start))
                heads.append(await database.archive.head())
        async with opened(tmp_path) as database:
            report = await database.archive.verify(heads)
            assert (report.intact, report.entries) == (True, 1 + 4 * 3)
            assert len({head.writer for head in heads}) == 4
            assert len((await database.store.load()).tokens) == 2
            first, *rest = reversed((await database.archive.search(Query(event="journal.opened"))).entries)
            assert "after_seq" not in first.members["details"]  # type: ignore[operator]
            for head, found in zip(heads, rest, strict=True):
                details = found.members["details"]
                assert details == {
                    "after_hash": found.row.prev.hex(),
                    "after_seq": str(found.seq - 1),
                    "after_writer": head.writer,
                    "schema": NEWEST,
                    "writer": found.row.writer,
                }

    asyncio.run(story())


def test_an_orderly_end_is_an_entry(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path):
            pass
        async with opened(tmp_path) as database:
            events = [found.labels.event for found in (await database.archive.search(Query())).entries]
            assert events == ["journal.opened", "journal.closed", "journal.opened"]

    asyncio.run(story())


def test_meters_are_rebuilt_from_what_is_stored(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            house = Opened(database.journal, database.archive, database.store)
            await write(house, decided(1, reservations=(total(cost="12.5"), quota())))
            await write(house, decided(2, reservations=(total(cost="12.5"), quota())))
            await write(house, finished(2, reservations=(total(cost="12.5"),)))
        async with opened(tmp_path) as database:
            assert set(await database.store.load_spent(NOON)) == {
                Spent("crd_bot/spending", Decimal("12.5")),
                Spent("crd_bot/requests", Decimal(2), DAY, NOON - NOON % DAY),
            }

    asyncio.run(story())


def test_tokens_that_are_long_over_are_forgotten_with_their_totals_and_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            house = Opened(database.journal, database.archive, database.store)
            old = replace(PLAIN, expires=NOON, meters=CredentialId("crd_line"))
            live = replace(TOKEN, expires=Instant(NOON + 40 * DAY), meters=CredentialId("crd_first"))
            await database.store.commit((ADA, BOT, old, live))
            meters = ("crd_plain/a", "crd_line/a", "crd_bot/a", "crd_first/a")
            await write(house, decided(1, reservations=tuple(total(meter) for meter in meters)))
            await database.store.tidy(Instant(NOON + 30 * DAY))
            assert len((await database.store.load()).tokens) == 2
            await database.store.tidy(Instant(NOON + 30 * DAY + 1))
            assert (await database.store.load()).tokens == (live,)
            spent = await database.store.load_spent(Instant(NOON + 31 * DAY))
            assert {one.meter for one in spent} == {"crd_bot/a", "crd_first/a"}

    asyncio.run(story())


def test_tidying_goes_on_until_all_is_tidy(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            house = Opened(database.journal, database.archive, database.store)
            for start in range(0, 12_000, 4_000):
                numbers = range(start, start + 4_000)
                await write(house, *(decided(number, reservations=(total(), quota())) for number in numbers))
            later = Instant(NOON + DAY)
            await database.store.tidy(later)
            assert await database.store.load_spent(later) == (Spent("crd_bot/spending", Decimal(12_000)),)

        with sqlite3.connect(tmp_path / "gatepass.db") as connection:
            assert connection.execute("SELECT count(*) FROM draws").fetchone() == (0,)
            assert connection.execute("SELECT meter, used FROM spent").fetchall() == [("crd_bot/spending", "12000")]
        connection.close()

    asyncio.run(story())


def test_what_waits_when_it_is_closed_is_written_and_what_comes_later_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            tickets = [database.journal.append(decided(number)) for number in range(3000)]
        for ticket in tickets:
            await ticket.durable()
        with pytest.raises(Unavailable) as caught:
            database.journal.append(decided(9999))
        assert (caught.value.code, str(caught.value)) == (
            "journal_unavailable",
            "the journal cannot be written: it is closed",
        )
        async with opened(tmp_path) as database:
            assert (await database.archive.verify()).entries == 3003

    asyncio.run(story())


# -- bounds


def test_a_queue_that_is_full_refuses_and_what_it_holds_is_written(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            go_on = threading.Event()
            begun = threading.Event()

            def wait(_: Transaction) -> bool:
                begun.set()
                return go_on.wait(30)

            busy = database._writer.submit(wait)
            await asyncio.to_thread(begun.wait)
            taken = [database.journal.append(decided(number)) for number in range(10_000)]
            with pytest.raises(Unavailable) as caught:
                database.journal.append(decided(10_000))
            assert str(caught.value) == "the journal cannot be written: more is being written than the disk takes"
            go_on.set()
            assert await busy.result()
            for ticket in taken:
                await ticket.durable()
            await database.journal.append(decided(10_001)).durable()
            assert (await database.archive.verify()).entries == 10_002

    asyncio.run(story())


def test_a_queue_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            go_on = threading.Event()
            database._writer.submit(lambda _: go_on.wait(30))
            large = decided(1, details={f"d{number}": "x" * 1000 for number in range(14)})

            def flood() -> None:
                for _ in range(10_000):
                    database.journal.append(large)

            with pytest.raises(Unavailable):
                flood()
            assert database._writer._bytes < 33 * 1024 * 1024
            go_on.set()

    asyncio.run(story())


# -- what others do to it


def test_an_entry_that_somebody_else_wrote_meanwhile_stops_us_and_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            house = Opened(database.journal, database.archive, database.store)
            await write(house, decided(1))
            tampered(
                tmp_path,
                "INSERT INTO journal SELECT seq + 1, writer, prev, hash, at, event, decision, outcome, credential,"
                " agent, run, subject, body FROM journal WHERE seq = 2",
            )
            with pytest.raises(Unavailable) as caught:
                await database.journal.append(decided(2)).durable()
            assert str(caught.value) == "the journal cannot be written: the database reports an error"
            await until_accepted(database)
            faults = [str(fault) for fault in (await database.archive.verify()).faults]
            assert faults == ["entry 2 now stands at 3"]

    asyncio.run(story())


def test_a_database_file_that_was_taken_away_is_noticed(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            (tmp_path / "gatepass.db").rename(tmp_path / "elsewhere.db")
            for _ in range(40):
                await asyncio.sleep(0.1)
                if database.trouble is not None:
                    break
            with pytest.raises(Unavailable) as caught:
                database.journal.append(decided(1))
            assert str(caught.value) == "the journal cannot be written: the database file was taken away"

    asyncio.run(story())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_writer_that_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our own in the thread: loud, and never a silence."""

    async def story() -> None:
        async with opened(tmp_path) as database:
            monkeypatch.setattr(database._writer, "_commit", broken)
            ticket = database.journal.append(decided(1))
            with pytest.raises(Unavailable) as caught:
                await ticket.durable()
            assert str(caught.value) == "the journal cannot be written: the writer has failed"
            with pytest.raises(Unavailable):
                database.journal.append(decided(2))

    def broken(*_: object) -> None:
        raise AssertionError("a fault of our own")

    asyncio.run(story())


def test_work_that_fails_takes_no_neighbour_along(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            go_on = threading.Event()
            database._writer.submit(lambda _: go_on.wait(30))

            def half(transaction: Transaction) -> None:
                row = "INSERT INTO roles (name, scopes, asks_person, created) VALUES ('half', '[]', '[]', 0)"
                transaction.connection.exec_driver_sql(row)
                transaction.append([line_for(decided(99))])
                raise Malformed("malformed_request", "no")

            first = database.journal.append(decided(1, reservations=(total(),)))
            failing = database._writer.submit(half)
            twice = database.journal.append(decided(1, reservations=(total(),)))
            last = database.journal.append(decided(2, reservations=(total(),)))
            go_on.set()
            await first.durable()
            await last.durable()
            with pytest.raises(Malformed):
                await failing.result()
            with pytest.raises(Conflict):
                await twice.durable()
            page = await database.archive.search(Query())
            assert [found.members.get("resource") for found in page.entries] == ["order-2", "order-1", None]
            assert (await database.store.load()).roles == ()
            assert (await database.archive.verify()).intact

    asyncio.run(story())


# -- looking


def test_a_search_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(3000)))

            def endless(connection: Connection) -> None:
                connection.exec_driver_sql(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
                ).fetchall()

            with pytest.raises(Unavailable) as caught:
                await database.archive._reader.run(endless, patience=0.2)
            assert (caught.value.code, str(caught.value)) == (
                "search_unfinished",
                "nothing was found within 0.2 seconds",
            )
            assert len((await database.archive.search(Query())).entries) == 100

    asyncio.run(story())


def test_a_start_takes_as_long_as_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock finds that an hour has passed; a search is stopped, and what a start reads is not."""
    hours = itertools.count(step=3600)

    async def story() -> None:
        async with opened(tmp_path) as database:
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(300)))
            monkeypatch.setattr(reader, "_OPERATIONS", 1)
            monkeypatch.setattr(reader, "time", SimpleNamespace(monotonic=lambda: float(next(hours))))
            assert (await database.store.load()).roles == ()
            assert await database.store.load_spent(NOON) == ()
            with pytest.raises(Unavailable) as caught:
                await database.archive._reader.run(
                    lambda connection: connection.exec_driver_sql("SELECT * FROM journal")
                )
            assert caught.value.code == "search_unfinished"

    asyncio.run(story())


def test_every_filter_is_answered_by_an_index(tmp_path: Path) -> None:
    """Found by an index or by number; never a scan of everything, never a sort."""

    async def story() -> None:
        async with opened(tmp_path) as database:
            for asked in (
                Query(),
                Query(credential=CredentialId("crd_a")),
                Query(agent="agt_a", event="call.decided"),
                Query(event="token.issued"),
                Query(outcome=Outcome.DENY, agent="agt_a"),
                Query(outcome=Outcome.DENY),
                Query(since=NOON, until=NOON),
                Query(credential=CredentialId("crd_a"), agent="agt_a", since=NOON),
            ):
                for plan in await database.archive._reader.run(partial(_plans, query=asked)):
                    assert "TEMP B-TREE" not in plan
                    assert plan.startswith(("SEARCH journal USING", "SEARCH labels USING"))

    asyncio.run(story())


def _plans(connection: Connection, query: Query) -> list[str]:
    found = []
    for sql, values in page_queries(query, 1, 10**9, 10**6):
        found += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    return found


# -- when the writing thread is woken


def test_what_nobody_waits_for_is_written_all_the_same(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            written = asyncio.Event()
            loop, write_ = asyncio.get_running_loop(), database._writer._write

            def noted(connection: Connection, batch: list[Job]) -> None:
                write_(connection, batch)
                loop.call_soon_threadsafe(written.set)

            database._writer._write = noted  # type: ignore[method-assign]
            database.journal.append(decided(1))
            await asyncio.wait_for(written.wait(), 20)

    asyncio.run(story())


def test_whoever_reads_finds_what_was_appended_before(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            for number in range(20):
                database.journal.append(decided(number))
                found = await database.archive.search(Query(event="call.decided"))
                assert len(found.entries) == number + 1

    asyncio.run(story())


def test_what_is_waited_for_takes_along_what_nobody_waits_for(tmp_path: Path) -> None:
    """An intent that nobody waits for, and the outcome that somebody does: one commit, not two."""

    async def story() -> None:
        commits: list[int] = []
        async with opened(tmp_path) as database:
            write_ = database._writer._write

            def noted(connection: Connection, batch: list[Job]) -> None:
                commits.append(len(batch))
                write_(connection, batch)

            database._writer._write = noted  # type: ignore[method-assign]
            for number in range(5):
                database.journal.append(decided(number))
                await asyncio.sleep(0)
                await database.journal.append(finished(number)).durable()
        assert sum(commits) == 11
        assert len(commits) < 10

    asyncio.run(story())
