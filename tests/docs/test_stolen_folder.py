"""Whoever has the whole data folder, taken from a running server, has no token, no secret and no password."""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.place import KEY, PASSWORD, Line, founder, furnished, running, signed_in, token_for, upstream

from gatepass.client import Management, Transport


async def worked(folder: Path) -> list[str]:
    """Do everything that brings something secret into the house, end it with `kill -9`, and say what was secret."""
    async with upstream() as noting:
        with running(folder) as place:
            management = await asyncio.to_thread(signed_in, place)
            await asyncio.to_thread(furnished, management, noting.port)
            token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
            rotated = str((await asyncio.to_thread(management.act, "tokens", "one", "rotate"))["token"])
            line = Line(place.agents_port)
            assert (await line.rest(rotated, "one", method="POST"))[0] == 200
            assert (await line.rest(token, "one"))[0] == 401
            assert (await line.ask("GET", f"/u/things/things/{rotated}", rotated, b""))[0] == 403
            line.close()
            with Transport(place.people_url) as stranger:
                session = Management(stranger).sign_in({"name": founder(), "password": PASSWORD})
            place.kill()
    assert place.code is not None
    return [token, rotated, str(session["token"]), place.code]


def spellings(secret: str) -> Iterator[bytes]:
    plain = secret.encode()
    yield from (plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"="), plain.replace(b"-", b""))


@dataclass(frozen=True)
class Stolen:
    """What was taken, and what should not be in it: two tokens, a session, a code."""

    folder: Path
    tokens: tuple[str, str]
    session: str
    code: str


@pytest.fixture(scope="module")
def stolen(tmp_path_factory: pytest.TempPathFactory) -> Stolen:
    folder = tmp_path_factory.mktemp("stolen")
    token, rotated, session, code = asyncio.run(worked(folder))
    return Stolen(folder, (token, rotated), session, code)


def test_the_folder_holds_no_token_no_secret_and_no_password(stolen: Stolen) -> None:
    files = [path for path in (stolen.folder / "data").rglob("*") if path.is_file()]
    assert {"gatepass.db", "gatepass.db-wal", "sealing.key"} <= {path.name for path in files}
    found = b"\0".join(path.read_bytes() for path in (*files, stolen.folder / "up.log"))
    texts = (*stolen.tokens, stolen.session)
    for known in (*(text.rpartition("_")[2][:10] for text in texts), "things:take:one", founder()):
        assert known.encode() in found, "the search finds what is there"
    for secret in (KEY, PASSWORD, stolen.code, *(text.rpartition("_")[2][10:] for text in texts)):
        assert not [spelt for spelt in spellings(secret) if spelt in found]


def test_every_token_is_a_hash_and_every_secret_is_sealed(stolen: Stolen) -> None:
    with closing(sqlite3.connect(stolen.folder / "data" / "gatepass.db")) as database:
        hashes = [hash_ for (hash_,) in database.execute("SELECT hash FROM tokens")]
        passwords = [text for (text,) in database.execute("SELECT password_hash FROM people")]
        keys = {key for (key,) in database.execute("SELECT key_id FROM secrets")}
        names = [name for (name,) in database.execute("SELECT name FROM secrets")]
    assert {len(hash_) for hash_ in hashes} == {32}
    assert all(text.startswith("$argon2id$") for text in passwords)
    assert len(passwords) == 1
    assert keys == {(stolen.folder / "data" / "sealing.key").read_text().split()[2]}
    assert sorted(names) == ["things-key", "tools-key"]
