"""Nothing leaves the house before its intent is on the disk, and no crash gives anything back.

The first is read from a trace of the server's own system calls: the sync that covers the intent comes before
the first byte to the upstream. With syncing off the same reading finds the fault. The second is tried with
`kill -9` under load, again and again, against what the clients wrote down.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.e2e.place import Line, Place, furnished, running, signed_in, token_for, upstream

from gatepass.errors import Error

KILLS = 6
PER_DAY = 400
ROOM = {
    "GATEPASS_LIMITS__ACCOUNT": "900000/1s",
    "GATEPASS_LIMITS__ATTEMPTS": "1000000/1m",
    "GATEPASS_LIMITS__CALLS": "100000/1m",
}


def traced(folder: Path, *command: str) -> list[str]:
    """The system calls of a server that handles one mutating call: those that sync, and those that send."""
    assert shutil.which("strace"), "strace is needed: apt-get install strace"
    trace = folder / "trace"

    async def story() -> None:
        async with upstream() as noting:
            with running(folder, *command) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                token = str((await asyncio.to_thread(token_for, management, "one"))["token"])
                line = Line(place.agents_port)
                assert (await line.rest(token, "one"))[0] == 200, "a first call opens the way"
                await asyncio.sleep(0.3)
                calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg,pwrite64"
                tracer = await asyncio.create_subprocess_exec(
                    "strace", "-f", "-s", "512", "-e", calls, "-o", str(trace), "-p", str(place.process.pid),
                    stderr=subprocess.PIPE,
                )  # fmt: skip
                assert tracer.stderr is not None
                assert b"attached" in await tracer.stderr.readline()
                assert (await line.rest(token, "one", method="POST"))[0] == 200
                line.close()
                tracer.terminate()
                await tracer.communicate()

    asyncio.run(story())
    return trace.read_text().splitlines()


def synced_before_sent(trace: list[str]) -> bool:
    """Whether the first byte to the upstream comes after a finished sync that comes after the intent was written."""
    sent = next(place for place, line in enumerate(trace) if "POST /things/one" in line and "Bearer sk_live" in line)
    written = [place for place, line in enumerate(trace[:sent]) if "pwrite64(" in line]
    synced = [
        place
        for place, line in enumerate(trace[:sent])
        if re.search(r"(fdatasync|fsync)(\(\d+\)| resumed>\)) += 0", line)
    ]
    assert written, "the intent is written before anything is sent"
    return bool(synced) and synced[-1] > written[-1]


def test_the_intent_is_synced_before_the_first_byte_leaves(tmp_path: Path) -> None:
    assert synced_before_sent(traced(tmp_path))


def test_the_proof_fails_when_syncing_is_off(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("unsynced.py"))
    assert not synced_before_sent(traced(tmp_path, sys.executable, script))


class Clients:
    """What the clients wrote down of a token that may make so many calls a day."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.permitted: list[str] = []
        """Decision ids of the answers that came whole."""
        self.asked = 0
        self.exhausted = False

    async def run(self, place: Place, method: str) -> None:
        """Ask until the server is gone or says that the day is used up."""
        line = Line(place.agents_port)
        try:
            while not self.exhausted:
                self.asked += 1
                status, content = await line.rest(self.token, "one", method=method)
                if status == 429:
                    self.exhausted = True
                elif status == 200:
                    self.permitted.append(line.decision)
                else:
                    raise AssertionError(content)
        except (ConnectionError, OSError):
            return
        finally:
            line.close()


def test_kill_9_under_load_loses_no_permitted_call_and_gives_nothing_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstream() as noting:
            clients = None
            for number in range(KILLS):
                with running(tmp_path, **ROOM) as place:
                    management = await asyncio.to_thread(signed_in, place)
                    if clients is None:
                        await asyncio.to_thread(furnished, management, noting.port)
                        made = await asyncio.to_thread(token_for, management, "one", requests_per_day=Decimal(PER_DAY))
                        clients = Clients(str(made["token"]))
                    before = len(clients.permitted)
                    lines = [asyncio.ensure_future(clients.run(place, method)) for method in ("POST", "GET") * 4]
                    while len(clients.permitted) - before < PER_DAY // KILLS // 2 and not clients.exhausted:  # noqa: ASYNC110 - nobody tells
                        await asyncio.sleep(0.005)
                    if number < KILLS - 1:
                        place.kill()
                    await asyncio.gather(*lines)
                    if number == KILLS - 1:
                        await asyncio.to_thread(judged, place, clients)
            assert clients is not None
            assert clients.exhausted, "the day was used up"
            assert len(noting.touched) <= PER_DAY, "more calls reached the upstream than a day allows"
            assert len(clients.permitted) <= PER_DAY

    asyncio.run(story())


def judged(place: Place, clients: Clients) -> None:
    """The journal against the clients' own record."""
    management = signed_in(place)
    assert management.verify()["intact"] is True
    with management.export() as lines:
        entries = [json.loads(line)["entry"] for line in lines]
    permitted = {entry.get("decision") for entry in entries if entry.get("outcome") == "permit"}
    missing = [decision for decision in clients.permitted if decision not in permitted]
    assert len(clients.permitted) > KILLS
    assert missing == [], "answered as permitted, and not in the journal"


def test_a_second_process_on_the_folder_is_refused_and_named(tmp_path: Path) -> None:
    with running(tmp_path) as place:
        command = [sys.executable, "-m", "gatepass", "up", "--data", str(place.data), "--port", "0"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert f"the data folder `{place.data}` is in use by process {place.process.pid}" in second.stderr


def test_a_sign_in_code_is_spent_once(tmp_path: Path) -> None:
    with running(tmp_path) as place:
        signed_in(place)
        with pytest.raises(Error) as refused:
            signed_in(place)
        assert refused.value.code == "sign_in_failed"
