"""The demo is the product's own story: every step as expected, and the exit code says so."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.place import environment


def test_the_demo_tells_its_whole_story(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gatepass", "demo", "--json"]
    told = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False)
    said = json.loads(told.stdout)
    assert [step for step in said["steps"] if not step["held"]] == []
    assert len(said["steps"]) == 11
    assert (told.returncode, said["held"]) == (0, True)
    events = [line.split("  ")[1] for line in said["timeline"]]
    assert events[0] == "token.issued"
    assert "token.revoked" in events
    assert {"call.listed", "call.decided", "call.finished"} <= set(events)
    assert "sk_live_" not in told.stdout + told.stderr


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gatepass", "demo"]
    bare = environment(tmp_path, PATH=str(tmp_path))
    told = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "gatepass: error: `git` is not installed",
        "gatepass: hint: Install git, then run the demo again.",
    ]
