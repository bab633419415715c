"""The patterns of `docs/patterns.md`, each tried against a real server, and every command of the page executed."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tests.bearers import bearers
from tests.e2e.place import Line, Place, environment, furnished, running, signed_in, token_for, upstream

from gatepass.client import Management
from gatepass.errors import Error

ROOT = Path(__file__).parents[2]
Story = Callable[[Place, Management], Awaitable[None]]


def told(folder: Path, story: Story) -> None:
    """Tell `story` where one agent has two upstreams."""

    async def furnished_first() -> None:
        async with upstream() as noting:
            with running(folder) as place:
                management = await asyncio.to_thread(signed_in, place)
                await asyncio.to_thread(furnished, management, noting.port)
                await story(place, management)

    asyncio.run(furnished_first())


async def asked(place: Place, token: object, method: str = "GET", thing: str = "one") -> tuple[int, str]:
    """Status and code of one REST call."""
    line = Line(place.agents_port)
    try:
        status, content = await line.rest(str(token), thing, method=method)
    finally:
        line.close()
    code = re.search(rb'"code": ?"([a-z_]+)"', content)
    return status, code[1].decode() if code else ""


def test_disabling_one_agent_touches_no_other_and_no_secret(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        management.create("agents", {"name": "other", "role": "worker"})
        mine = token_for(management, "one")
        theirs = management.create(
            "tokens",
            {"agent": "other", "name": "theirs", "scopes": ("things:get:one",), "lifetime_seconds": Decimal(60)},
        )
        before = management.listed("secrets")
        management.act("agents", "bot", "disable")
        assert await asked(place, mine["token"]) == (401, "credential_invalid")
        assert (await asked(place, theirs["token"]))[0] == 200
        assert management.listed("secrets") == before

    told(tmp_path, story)


def test_a_read_only_token_reads_and_is_widened_without_a_new_one(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        token = token_for(management, "one", classes=("read",))
        assert (await asked(place, token["token"]))[0] == 200
        assert await asked(place, token["token"], "POST") == (403, "class_forbidden")
        management.amend("tokens", str(token["id"]), {"limits": {"classes": ("read", "write")}})
        assert (await asked(place, token["token"], "POST"))[0] == 200

    told(tmp_path, story)


def test_a_tight_limit_is_loosened_in_the_record(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        token = token_for(management, "one", requests_per_day=Decimal(1))
        assert (await asked(place, token["token"]))[0] == 200
        assert await asked(place, token["token"]) == (429, "limit_exceeded")
        management.amend("tokens", str(token["id"]), {"limits": {"requests_per_day": Decimal(2)}})
        assert (await asked(place, token["token"]))[0] == 200
        assert await asked(place, token["token"]) == (429, "limit_exceeded")

    told(tmp_path, story)


def test_people_and_machines_do_not_stand_in_for_each_other(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        machine = token_for(management, "one")
        person = management.create("tokens", {"name": "mine", "lifetime_seconds": Decimal(60)})
        assert str(person["token"]).startswith("gp_pat_")
        assert await asked(place, person["token"]) == (401, "machine_required")
        for token, code in ((machine["token"], "person_required"), (person["token"], "reauthentication_required")):
            with place.as_holder(str(token)) as holder, pytest.raises(Error) as refused:
                holder.create("agents", {"name": "third", "role": "worker"})
            assert refused.value.code == code

    told(tmp_path, story)


def test_rotation_overlaps_draws_on_the_same_meters_and_ends(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        old = token_for(management, "one", requests_per_day=Decimal(3))
        new = management.act("tokens", str(old["id"]), "rotate", {"overlap_seconds": Decimal(2)})
        rotated = time.monotonic()
        assert (await asked(place, old["token"]))[0] == 200
        assert (await asked(place, new["token"]))[0] == 200
        await asyncio.sleep(max(0.0, rotated + 2.1 - time.monotonic()))
        assert await asked(place, old["token"]) == (401, "credential_invalid")
        assert (await asked(place, new["token"]))[0] == 200
        assert await asked(place, new["token"]) == (429, "limit_exceeded")

    told(tmp_path, story)


def test_whoever_finds_a_token_ends_it_by_showing_all_of_it(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        token = token_for(management, "one")
        command = [sys.executable, "-m", "gatepass", "token", "leaked"]
        env = environment(tmp_path, GATEPASS_URL=place.people_url)
        found = str(token["token"]).encode()
        part = await asyncio.to_thread(subprocess.run, command, env=env, input=found[:-1], capture_output=True)
        assert part.returncode == 1
        assert (await asked(place, token["token"]))[0] == 200
        whole = await asyncio.to_thread(subprocess.run, command, env=env, input=found, capture_output=True)
        assert whole.returncode == 0, whole.stderr
        assert await asked(place, token["token"]) == (401, "credential_invalid")

    told(tmp_path, story)


def test_the_address_for_configured_headers_answers_a_plain_401(tmp_path: Path) -> None:
    async def story(place: Place, management: Management) -> None:
        token = token_for(management, "one")
        line = Line(place.agents_port)
        status, _ = await line.ask("POST", "/k/tools/mcp", "gp_sk_wrong", b"{}", "Content-Type: application/json\r\n")
        assert status == 401
        assert b"resource_metadata" not in line.head
        path = "/.well-known/oauth-protected-resource/k/tools/mcp"
        assert (await line.ask("GET", path, str(token["token"]), b""))[0] == 404
        line.close()

    told(tmp_path, story)


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "patterns.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 5
    with running(tmp_path) as place:
        management = signed_in(place)
        operations = (ROOT / "examples" / "orders" / "operations.yaml").read_text()
        management.create(
            "upstreams",
            {"name": "orders", "kind": "rest", "target": "http://127.0.0.1:9", "operations": operations},
        )
        management.replace("roles", "support", {"scopes": ("orders:*",), **bearers()})
        management.create("agents", {"name": "support-bot", "role": "support"})
        script = "\n".join(blocks).replace("token leaked < found.txt", 'token leaked <<< "$FOUND"')
        script = script.replace("gatepass token rotate", "FOUND=$(gatepass token rotate", 1)
        script = script.replace("--overlap 10m", "--overlap 10m)", 1)
        bin_folder = Path(sys.executable).parent
        env = environment(tmp_path, GATEPASS_URL=place.people_url, GATEPASS_TOKEN=place.session)
        env["PATH"] = f"{bin_folder}:{env['PATH']}"
        done = subprocess.run(
            ["bash", "-e", "-c", script], env=env, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
