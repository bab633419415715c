"""The journal and the store in memory keep to what those on disk keep to, and can be made to fail by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from tests.contracts.journal import JournalContract, Opened, decided
from tests.contracts.store import ADA, OpenedStore, StoreContract

from gatepass.audit import Query
from gatepass.errors import Unavailable
from gatepass.storage import MemoryJournal, MemoryStore


class TestMemoryJournal(JournalContract):
    def open(self) -> AbstractAsyncContextManager[Opened]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Opened]:
            journal = MemoryJournal()
            yield Opened(journal, journal, MemoryStore(journal))

        return opened()


class TestMemoryStore(StoreContract):
    def open(self) -> AbstractAsyncContextManager[OpenedStore]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[OpenedStore]:
            journal = MemoryJournal()
            yield OpenedStore(MemoryStore(journal), journal)

        return opened()


def test_what_is_held_is_not_durable_until_it_is_released() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        journal.hold()
        waiting = asyncio.ensure_future(journal.append(decided(1)).durable())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert len((await journal.search(Query())).entries) == 1
        journal.release()
        await waiting
        assert len((await journal.search(Query())).entries) == 2

    asyncio.run(story())


def test_what_fails_is_lost_and_refused_until_it_is_mended() -> None:
    async def story() -> None:
        journal = MemoryJournal()
        store = MemoryStore(journal)
        journal.hold()
        held = journal.append(decided(1))
        journal.fail()
        for refused in (held.durable(), store.commit((ADA,), entries=(decided(2),))):
            with pytest.raises(Unavailable) as caught:
                await refused
            assert str(caught.value) == "the journal cannot be written: the disk is full"
        with pytest.raises(Unavailable):
            journal.append(decided(3))
        journal.mend()
        await journal.append(decided(4)).durable()
        assert [found.members.get("resource") for found in journal.entries] == [None, "order-4"]
        assert (await store.load()).people == ()

    asyncio.run(story())
