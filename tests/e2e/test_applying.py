"""A server that is killed while it applies a folder has applied all of it or nothing."""

import random
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.place import running, signed_in

from gatepass.client import Management
from gatepass.errors import Error

AGENTS = 400
KILLS = 6
TYPES = "types:\n  things:\n    actions:\n      read: {class: read}\n"


def folder(version: int, owner: str) -> dict[str, str]:
    """A folder in which every record says which version it is of."""
    limits = f"limits: {{calls: {version}/1m}}"
    return {
        "upstreams/things.yaml": f"kind: rest\ntarget: http://127.0.0.1:{9000 + version}\n",
        "operations/things.yaml": f"{TYPES}# {version}\n",
        "roles/reader.yaml": f"scopes: ['things:read:*']\nmax_lifetime: {version}h\n",
        **{f"agents/bot-{number}.yaml": f"role: reader\nowner: {owner}\n{limits}\n" for number in range(AGENTS)},
    }


def versions(files: Mapping[str, str]) -> set[str]:
    """Of which versions there is anything."""
    found = set()
    for path, text in files.items():
        marks = {"agents": "calls: ", "operations": "# ", "roles": "max_lifetime: ", "upstreams": "127.0.0.1:900"}
        mark = marks[path.partition("/")[0]]
        found.add(text.rpartition(mark)[2].strip().rstrip("h").partition("/")[0])
    return found


def owner_of(management: Management) -> str:
    person = management.status()["person"]
    assert isinstance(person, Mapping)
    return str(person["name"])


def planned(management: Management, files: Mapping[str, str]) -> str:
    plan = management.plan_configuration(files, "leave")
    assert plan["faults"] == ()
    return str(plan["fingerprint"])


def begin(management: Management, files: Mapping[str, str], fingerprint: str) -> tuple[threading.Thread, list[str]]:
    """Apply in a thread; what came of it is in the list when the thread has ended."""
    ended: list[str] = []

    def work() -> None:
        try:
            management.apply_configuration(files, "leave", fingerprint)
            ended.append("applied")
        except Error as error:
            ended.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, ended


def test_kill_9_while_applying_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311  instants, not secrets
    last, owner = 0, ""
    for number in range(KILLS):
        with running(tmp_path) as place:
            management = signed_in(place)
            owner = owner or owner_of(management)
            if last:
                files = management.export_configuration()
                seen = versions(files)
                assert len(seen) == 1, "a version and nothing of another"
                assert len(files) == AGENTS + 3
                last = int(seen.pop())
                assert management.verify()["intact"] is True
                assert management.plan_configuration(folder(last, owner), "leave")["changes"] == ()
            if number == 0:
                thread, ended = begin(management, folder(1, owner), planned(management, folder(1, owner)))
                thread.join()
                assert ended == ["applied"]
                last = 1
            if number == KILLS - 1:
                break
            files = folder(1 + (last % 8), owner)
            thread, ended = begin(management, files, planned(management, files))
            time.sleep(chance.uniform(0, 0.25))  # wherever it is by then
            place.kill()
            thread.join()
            assert ended[0] in {"applied", "server_unreachable", "server_timeout", "server_garbled"}


def test_of_two_that_apply_at_once_one_is_told_that_the_plan_is_old(tmp_path: Path) -> None:
    with running(tmp_path) as place:
        management = signed_in(place)
        owner = owner_of(management)
        files = folder(1, owner)
        fingerprint = planned(management, files)
        with place.as_holder(place.session) as one, place.as_holder(place.session) as other:
            threads = [begin(each, files, fingerprint) for each in (one, other)]
            for thread, _ in threads:
                thread.join()
        assert sorted(ended[0] for _, ended in threads) == ["applied", "configuration_changed"]
        assert versions(management.export_configuration()) == {"1"}
