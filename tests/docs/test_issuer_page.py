"""The walk in the issuer's chapter: its commands and programs are executed, and print what it says."""

import os
import re
from pathlib import Path

from tests.cli.deployment import environment, started
from tests.cli.transcript import Shell
from tests.docs.pages import ROOT
from tests.e2e.strangers import node
from tests.e2e.test_strangers import KEY, orders

WALK = (ROOT / "docs" / "issuer.md").read_text().partition("\n## A walk")[2].partition("\n## ")[0]
PREPARED = """
eval "$(gatepass login --code-file code 2> /dev/null)"
gatepass upstream create orders http://127.0.0.1:{port} --operations {operations} --bearer
gatepass secret set orders-key --upstream orders --file key
"""


def blocks(*kinds: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in re.findall(r"```(\w+)\n(.*?)```", WALK, re.DOTALL) if kind in kinds]


def test_the_walk_is_true(tmp_path: Path) -> None:
    work = node.installed(tmp_path / "work")
    (work / "key").write_text(KEY + "\n")
    with orders(tmp_path) as port, started(tmp_path) as server:
        (work / "code").write_text(f"{server.code}\n")
        agents = server.url.replace("localhost", "127.0.0.1")
        surroundings = environment(tmp_path, GATEPASS_URL=server.url)
        surroundings["PATH"] = f"{node.NODE.parent}{os.pathsep}{surroundings['PATH']}"
        with Shell(work, surroundings) as shell:
            prepared = PREPARED.format(port=port, operations=ROOT / "examples" / "orders" / "operations.yaml")
            assert shell.run(prepared)[1] == 0
            seen: list[str] = []
            for kind, text in blocks("sh", "python", "js", "text"):
                here = text.replace("http://127.0.0.1:8420", agents)
                if kind == "text":
                    assert seen == here.splitlines()
                    continue
                command = here.strip()
                if kind != "sh":
                    name, program = {"python": ("refund.py", "python"), "js": ("refund.mjs", "node")}[kind]
                    (work / name).write_text(here)
                    command = f"{program} {name}"
                seen, code = shell.run(command)
                assert code == 0, "\n".join([command, *seen])
            assert any("credential.issued" in line or "orders:refund" in line for line in seen), seen


def test_the_walk_has_its_parts() -> None:
    assert [kind for kind, _ in blocks("sh", "python", "js", "text")] == ["sh", "python", "text", "js", "text", "sh"]
