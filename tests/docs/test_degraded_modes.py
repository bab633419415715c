"""Degraded modes, tried on a whole server: what is refused, what goes on, and how it ends."""

import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.place import Line, Place, environment, furnished, running, signed_in, token_for, upstream

from gatepass.client import Transport
from gatepass.errors import Unavailable


def readiness(place: Place) -> str | None:
    with Transport(place.people_url) as stranger:
        return stranger.health().refusal


async def asked(line: Line, token: str, method: str = "GET") -> tuple[int, str]:
    """Status, and code where there is one."""
    status, content = await line.rest(token, "one", method=method)
    said: Any = json.loads(content)
    return status, str(said.get("code", ""))


def may_grow_to(place: Place, size: int) -> None:
    """The most that the server may write into any file: what a full disk is to it."""
    _, most = resource.prlimit(place.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(place.process.pid, resource.RLIMIT_FSIZE, (size, most))


def test_what_cannot_be_recorded_is_not_done_and_it_mends_itself(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
                line = Line(place.agents_port)
                assert await asked(line, token, "POST") == (200, "")
                touched = len(noting.touched)

                may_grow_to(place, 4096)
                for method in ("POST", "POST", "GET"):
                    assert await asked(line, token, method) == (503, "journal_unavailable")
                assert len(noting.touched) == touched, "nothing left the house"
                assert await asyncio.to_thread(readiness, place) == "the disk reports an error"
                assert await asyncio.to_thread(management.listed, "agents"), "looking goes on"
                assert (await asyncio.to_thread(management.journal))[0], "searching goes on"
                with pytest.raises(Unavailable) as told:
                    await asyncio.to_thread(token_for, management, "two")
                assert told.value.code == "storage_unavailable"
                with pytest.raises(Unavailable) as told:
                    await asyncio.to_thread(management.act, "tokens", "one", "revoke")
                assert "refused all the same" in told.value.message
                assert await asked(line, token) == (401, "credential_invalid")

                may_grow_to(place, resource.RLIM_INFINITY)
                end = time.monotonic() + 10
                while await asyncio.to_thread(readiness, place) is not None:
                    assert time.monotonic() < end
                    await asyncio.sleep(0.05)
                assert await asked(line, token) == (401, "credential_invalid")
                other = str((await asyncio.to_thread(token_for, management, "one-again"))["token"])
                assert (await line.rest(other, "one-again", method="POST"))[0] == 200
                entries, _ = await asyncio.to_thread(lambda: management.journal(event="journal.recovered"))
                assert len(entries) >= 1
                line.close()

    asyncio.run(story())


def test_without_its_key_file_it_does_not_start_until_the_file_is_back(tmp_path: Path) -> None:
    key = tmp_path / "data" / "sealing.key"
    kept = tmp_path / "kept.key"

    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
                key.rename(kept)
                line = Line(place.agents_port)
                assert await asked(line, token) == (200, ""), "a running server has its keys in memory"
                line.close()
            noting.touched.clear()
            with pytest.raises(AssertionError), running(tmp_path):
                pass
            assert f"the key file `{key}` cannot be used: it is gone" in (tmp_path / "up.log").read_text()
            assert not key.exists(), "no new key in the place of the one that everything was sealed with"
            assert noting.touched == []
            kept.replace(key)
            with running(tmp_path) as place:
                line = Line(place.agents_port)
                assert await asked(line, token) == (200, "")
                line.close()

    asyncio.run(story())


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "gatepass",
            "up",
            "--json",
            "--data",
            str(tmp_path / "data"),
            "--port",
            str(port),
        ]
        ended = subprocess.run(command, env=environment(tmp_path), capture_output=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert json.loads(ended.stderr)["error"]["code"] == "port_unusable"


def test_a_call_under_way_is_finished_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
                line = Line(place.agents_port)
                noting.pause = 1.0
                call = asyncio.create_task(asked(line, token, "POST"))
                while not noting.touched:  # noqa: ASYNC110 - it is the upstream's list, which tells nobody
                    await asyncio.sleep(0.01)
                place.process.send_signal(signal.SIGTERM)
                assert await call == (200, "")
                assert await asyncio.to_thread(place.process.wait, 20) == 0
                line.close()

    asyncio.run(story())
