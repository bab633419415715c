"""What somebody does to the database file behind our back is found and named, through the store that we really use."""

import asyncio
from pathlib import Path

import pytest
from tests.contracts.journal import Opened, collected, decided, write
from tests.storage.databases import opened, tampered

from gatepass.audit import Head, Query
from gatepass.errors import Error

COLUMNS = "writer, prev, hash, at, event, decision, outcome, credential, agent, run, subject, body"


@pytest.fixture
def journal(tmp_path: Path) -> tuple[Path, Head]:
    """Entry 1 opens the journal, 2 to 51 are decisions, 52 closes it. The head that was kept is that of entry 51."""

    async def story() -> Head:
        async with opened(tmp_path / "data") as database:
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(50)))
            return await database.archive.head()

    return tmp_path / "data", asyncio.run(story())


def faults(path: Path, *saved: Head) -> list[str]:
    async def story() -> list[str]:
        async with opened(path) as database:
            return [str(fault) for fault in (await database.archive.verify(saved)).faults]

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        ([], []),
        (
            ["UPDATE journal SET body = replace(body, 'order-10', 'order-99') WHERE seq = 12"],
            ["entry 12 was changed"],
        ),
        (
            ["UPDATE journal SET body = CAST(replace(body, 'order-10', 'order-99') AS BLOB) WHERE seq = 12"],
            ["entry 12 was changed"],
        ),
        (["UPDATE journal SET hash = zeroblob(32) WHERE seq = 12"], ["entry 12 was changed"]),
        (["UPDATE journal SET hash = NULL WHERE 0"], []),
        (["DELETE FROM journal WHERE seq = 12"], ["entry 12 is missing"]),
        (["DELETE FROM journal WHERE seq BETWEEN 12 AND 20"], ["entries 12 to 20 are missing"]),
        (
            ["DELETE FROM journal WHERE seq = 12", "UPDATE journal SET seq = seq - 1 WHERE seq > 12"],
            ["entry 12 is missing", "entries 13 to 52 now begin at 12"],
        ),
        (
            [
                "UPDATE journal SET seq = 1000 WHERE seq = 12",
                "UPDATE journal SET seq = 12 WHERE seq = 30",
                "UPDATE journal SET seq = 30 WHERE seq = 1000",
            ],
            ["entry 30 now stands at 12", "entry 12 now stands at 30"],
        ),
        (
            [
                "UPDATE journal SET seq = -seq - 1 WHERE seq >= 12",
                "UPDATE journal SET seq = -seq WHERE seq < 0",
                f"INSERT INTO journal (seq, {COLUMNS}) SELECT 12, {COLUMNS} FROM journal WHERE seq = 5",  # noqa: S608  our own columns
            ],
            ["entry 5 now stands at 12", "entries 12 to 52 now begin at 13"],
        ),
        (["UPDATE journal SET credential = 'crd_else' WHERE seq = 12"], ["entry 12 is indexed under what it says not"]),
        (["UPDATE journal SET outcome = 'deny' WHERE seq = 12"], ["entry 12 is indexed under what it says not"]),
        (["UPDATE journal SET at = 1 WHERE seq = 12"], ["entry 12 is indexed under what it says not"]),
        (
            ["UPDATE journal SET agent = CAST(x'ff' AS TEXT) WHERE seq = 12"],
            ["entry 12 is indexed under what it says not"],
        ),
        (["UPDATE journal SET writer = CAST(x'fffe' AS TEXT) WHERE seq = 12"], ["entry 12 was changed"]),
        (["UPDATE journal SET body = zeroblob(1000000) WHERE seq = 12"], ["entry 12 was changed"]),
    ],
)
def test_what_was_done_is_named(journal: tuple[Path, Head], statements: list[str], named: list[str]) -> None:
    path, head = journal
    tampered(path, *statements)
    assert faults(path, head) == named


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DELETE FROM labels WHERE seq = 12", ["entry 12 is indexed under what it says not"]),
        ("DELETE FROM labels WHERE seq BETWEEN 12 AND 20", ["entries 12 to 20 are indexed under what they say not"]),
        ("UPDATE labels SET credential = 'crd_else' WHERE seq = 12", ["entry 12 is indexed under what it says not"]),
        ("UPDATE labels SET run = NULL WHERE seq = 12", ["entry 12 is indexed under what it says not"]),
        ("UPDATE labels SET at = at + 1 WHERE seq = 12", ["entry 12 is indexed under what it says not"]),
        (
            "UPDATE labels SET event = CAST(x'ff' AS TEXT) WHERE seq = 12",
            ["entry 12 is indexed under what it says not"],
        ),
    ],
)
def test_an_index_that_hides_or_misnames_an_entry_is_named(tmp_path: Path, statement: str, named: list[str]) -> None:
    async def story() -> None:
        async with opened(tmp_path / "data", label_each=50) as database:
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(50)))
            await write(Opened(database.journal, database.archive, database.store), decided(50))

    asyncio.run(story())
    assert faults(tmp_path / "data") == []
    tampered(tmp_path / "data", statement)
    assert faults(tmp_path / "data") == named


def test_an_index_that_claims_what_it_does_not_have_is_named(journal: tuple[Path, Head]) -> None:
    """Entries after the last one that is indexed are looked through: an index must not say that there are none."""
    path, _ = journal
    tampered(path, "INSERT INTO labels (seq, at, event) VALUES (1000000, 1, 'x')")
    assert faults(path) == ["entries 1 to 53 are indexed under what they say not"]


def test_a_tail_that_was_cut_off_is_found_by_a_head_that_was_kept_and_not_without(journal: tuple[Path, Head]) -> None:
    path, head = journal
    tampered(path, "DELETE FROM journal WHERE seq > 40")
    assert faults(path) == []
    assert faults(path, head) == ["entries 41 to 51 were cut off"]


def test_an_entry_of_another_journal_is_named(journal: tuple[Path, Head], tmp_path: Path) -> None:
    path, _ = journal

    async def story() -> None:
        async with opened(tmp_path / "other") as database:
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(50)))

    asyncio.run(story())
    tampered(
        path,
        f"ATTACH '{tmp_path}/other/gatepass.db' AS other",
        f"INSERT OR REPLACE INTO journal (seq, {COLUMNS}) SELECT seq, {COLUMNS} FROM other.journal WHERE seq = 12",  # noqa: S608  our own columns
    )
    assert faults(path) == ["entry 12 was put in by somebody else"]


def test_a_damaged_entry_is_not_shown_as_if_it_were_one(journal: tuple[Path, Head]) -> None:
    path, _ = journal
    tampered(path, "UPDATE journal SET body = 7 WHERE seq = 12")

    async def story() -> None:
        async with opened(path) as database:
            for read in (database.archive.search(Query()), collected(database.archive.export())):
                with pytest.raises(Error) as caught:
                    await read
                assert (caught.value.code, str(caught.value)) == (
                    "journal_damaged",
                    "entry 12 of the journal cannot be read",
                )

    asyncio.run(story())
