"""The database keeps to what every journal and every store keeps to, over restarts, and stays private."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.contracts.journal import NOON, JournalContract, Opened, decided, finished, quota, total, write
from tests.contracts.store import ALL, OpenedStore, StoreContract
from tests.storage.databases import opened

from gatepass.access import CredentialId
from gatepass.audit import Query, Ticket
from gatepass.errors import Unavailable
from gatepass.limits import Spent
from gatepass.storage.sqlite.reading.queries import page_queries


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
                    "schema": "0001",
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
                Spent("crd_bot/requests", Decimal(2), 86_400_000, NOON - NOON % 86_400_000),
            }

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


def test_a_queue_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as database:
            taken: list[Ticket] = []

            def flood() -> None:
                """The loop never gets a turn, so nobody is told; the thread cannot keep up with this for ever."""
                while len(taken) < 1_000_000:
                    taken.append(database.journal.append(decided(len(taken))))

            with pytest.raises(Unavailable) as caught:
                flood()
            assert str(caught.value) == "the journal cannot be written: more is being written than the disk takes"
            for ticket in taken:
                await ticket.durable()
            assert (await database.archive.verify()).entries == len(taken) + 1

    asyncio.run(story())


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


def test_every_filter_is_answered_by_an_index(tmp_path: Path) -> None:
    """Found by an index or by number; never a scan of everything, never a sort."""

    async def story() -> None:
        async with opened(tmp_path) as database:
            for asked in (
                Query(),
                Query(credential=CredentialId("crd_a")),
                Query(agent="agt_a", event="call.decided"),
                Query(event="token.issued"),
                Query(since=NOON, until=NOON),
                Query(credential=CredentialId("crd_a"), agent="agt_a", since=NOON),
            ):
                for plan in await database.archive._reader.run(partial(_plans, query=asked)):
                    assert "TEMP B-TREE" not in plan
                    assert plan.startswith("SEARCH journal USING")

    asyncio.run(story())


def _plans(connection: Connection, query: Query) -> list[str]:
    found = []
    for sql, values in page_queries(query, 1, 10**9):
        found += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    return found
