"""What is not a database of ours, not of this version, or damaged is refused with a sentence, and left as it was."""

import asyncio
import hashlib
import re
import sqlite3
import stat
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from tests.contracts.journal import Opened, decided, write
from tests.contracts.store import ADA, ALL, BO, BOT, GIT, IDLE, KEY, ORDERS, PLAIN, SUPPORT, TOKEN
from tests.storage.databases import NEWEST, opened, tampered

from gatepass.access import Instant, RunId
from gatepass.audit import Query
from gatepass.errors import Error
from gatepass.registry import AgentLimits, Run
from gatepass.storage.sqlite.schema import metadata


def filled(path: Path, entries: int = 5) -> None:
    async def story() -> None:
        async with opened(path) as database:
            await database.store.commit(ALL)
            await write(Opened(database.journal, database.archive, database.store), *map(decided, range(entries)))

    asyncio.run(story())


def refused(path: Path) -> Error:
    async def story() -> None:
        async with opened(path):
            pass

    with pytest.raises(Error) as caught:
        asyncio.run(story())
    return caught.value


def test_every_file_in_the_folder_is_private_while_it_is_open(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path / "data") as database:
            await write(Opened(database.journal, database.archive, database.store), decided(1))
            await database.archive.search(Query())
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
            assert files == dict.fromkeys(["gatepass.lock", "gatepass.db", "gatepass.db-wal", "gatepass.db-shm"], 0o600)

    asyncio.run(story())


def test_a_database_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "gatepass.db").chmod(0o644)
    filled(tmp_path)
    assert stat.S_IMODE((tmp_path / "gatepass.db").stat().st_mode) == 0o600


def test_the_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    filled(tmp_path)
    with create_engine(f"sqlite:///{tmp_path}/gatepass.db").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").scalars().all()
    with create_engine("sqlite://").connect() as connection:
        metadata.create_all(connection)
        meant = connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").scalars().all()
    assert parts(made) - parts(meant) == parts([sql for sql in made if "alembic_version" in sql])
    assert parts(meant) <= parts(made)


def parts(statements: Iterable[str]) -> set[tuple[str, frozenset[str], str]]:
    """Each statement's head, what stands in its parentheses, and its tail. A column that was added stands last."""
    return {(head, frozenset(re.split(r",(?![^(]*\))", inner)), tail) for head, inner, tail in map(split, statements)}


def split(sql: str) -> tuple[str, str, str]:
    plain = "".join(sql.split()).replace('"', "").lower()
    head, _, rest = plain.partition("(")
    inner, _, tail = rest.rpartition(")")
    return head, inner, tail


def test_a_database_of_the_first_revision_keeps_everything(tmp_path: Path) -> None:
    """Written by the version that had no other; the records are those of the contract, as they were then."""
    tmp_path.chmod(0o700)
    with sqlite3.connect(tmp_path / "gatepass.db") as connection:
        connection.executescript((Path(__file__).parent / "revisions" / "0001.sql").read_text())
    connection.close()

    async def story() -> None:
        async with opened(tmp_path) as database:
            kept = await database.store.load()
            assert kept.people == (ADA, replace(BO, fence=None))
            assert (kept.secrets, kept.tokens, kept.issued, kept.signing) == ((KEY,), (TOKEN, PLAIN), (), ())
            assert kept.agents == (replace(BOT, limits=AgentLimits(), managed=False, fence=None),)
            assert kept.roles == (
                replace(
                    SUPPORT,
                    managed=False,
                    bearer_until=None,
                    bearer_because=None,
                    default_scopes=(),
                    longest_token=None,
                ),
            )
            assert kept.upstreams == (replace(ORDERS, allow_private=False, managed=False), GIT)
            of_its_token = Run(
                id=RunId("run_1"), agent=BOT.id, opened=TOKEN.issued, opened_by=ADA.id, closes=TOKEN.expires
            )
            assert kept.runs == (of_its_token,)
            assert (await database.archive.verify()).intact
            await database.store.commit(ALL)
        async with opened(tmp_path) as database:
            assert (await database.store.load()).agents == (BOT, IDLE)

    asyncio.run(story())


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    filled(tmp_path)
    tampered(tmp_path, "UPDATE alembic_version SET version_num = '0042'")
    before = hashlib.sha256((tmp_path / "gatepass.db").read_bytes()).digest()
    error = refused(tmp_path)
    assert (error.code, str(error)) == (
        "store_newer",
        f"the store is at revision `0042`, and this version of Gatepass knows none after `{NEWEST}`",
    )
    assert hashlib.sha256((tmp_path / "gatepass.db").read_bytes()).digest() == before


def test_a_database_of_somebody_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with sqlite3.connect(tmp_path / "gatepass.db") as connection:
        connection.execute("CREATE TABLE journal (letters TEXT)")
    connection.close()
    error = refused(tmp_path)
    assert (error.code, str(error)) == ("store_damaged", "the file is not a database of ours")
    with sqlite3.connect(tmp_path / "gatepass.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("journal",)]
    connection.close()


@pytest.mark.parametrize("garbage", [b"dear ada, " * 1000, b"\x00" * 4096, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, garbage: bytes) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "gatepass.db").write_bytes(garbage)
    error = refused(tmp_path)
    assert error.code == "store_damaged"
    assert str(error) in {"the file is not a database of ours", "the database is damaged"}
    assert (tmp_path / "gatepass.db").read_bytes()[:100] == garbage[:100]


def test_damage_in_the_middle_is_reported_by_whatever_meets_it(tmp_path: Path) -> None:
    filled(tmp_path, 3000)
    file = tmp_path / "gatepass.db"
    content = bytearray(file.read_bytes())
    for page in range(20, len(content) // 4096 - 1):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    file.write_bytes(content)

    async def story() -> list[str]:
        codes = []
        async with opened(tmp_path) as database:
            for read in (database.archive.verify(), database.archive.search(Query(until=Instant(0)))):
                try:
                    await read
                except Error as error:
                    codes.append(error.code)
        return codes

    try:
        assert "store_damaged" in asyncio.run(story())
    except Error as error:
        assert error.code == "store_damaged"  # noqa: PT017  it may be met as early as at the opening


def test_a_record_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    filled(tmp_path)
    tampered(tmp_path, "UPDATE tokens SET kind = 'root' WHERE id = 'crd_bot'")

    async def story() -> None:
        async with opened(tmp_path) as database:
            await database.store.load()

    with pytest.raises(Error) as caught:
        asyncio.run(story())
    assert (caught.value.code, str(caught.value)) == ("store_damaged", "a row of the table `tokens` cannot be read")


def test_an_amount_that_cannot_be_read_is_not_taken_for_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    tampered(tmp_path, "INSERT INTO draws VALUES ('dec_x', 'crd_bot/spending', 0, 0, 'much', 1)")

    async def story() -> None:
        async with opened(tmp_path) as database:
            await database.store.load_spent(Instant(1))

    with pytest.raises(Error) as caught:
        asyncio.run(story())
    assert (caught.value.code, str(caught.value)) == (
        "store_damaged",
        "what was spent of a meter cannot be read",
    )


def test_a_last_entry_that_nothing_can_follow_on_is_damage(tmp_path: Path) -> None:
    filled(tmp_path)
    tampered(tmp_path, "UPDATE journal SET hash = 'x' WHERE seq = (SELECT max(seq) FROM journal)")
    error = refused(tmp_path)
    assert (error.code, str(error)) == ("store_damaged", "entry 7 of the journal is damaged")


def test_opening_for_the_second_time_in_one_process_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path), opened(tmp_path):
            pass

    with pytest.raises(Error) as caught:
        asyncio.run(story())
    assert caught.value.code == "folder_in_use"
