"""Every command of the README is executed, in its order, by a person at a terminal."""

import os
import pty
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.cli.deployment import environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PATIENCE = 60.0


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def background(command: str, env: dict[str, str], log: Path, ready: str) -> Iterator[str]:
    """A command that goes on in a terminal of its own; yields what it said until it was ready."""
    with log.open("wb") as file:
        process = subprocess.Popen(["bash", "-c", f"exec {command}"], env=env, stdout=file, stderr=file, cwd=ROOT)
    try:
        end = time.monotonic() + PATIENCE
        while not re.search(ready, said := log.read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)
        yield said
    finally:
        process.terminate()
        process.wait(20)


def typed_at_a_terminal(script: str, env: dict[str, str], question: str, answer: str) -> tuple[int, str]:
    """Run `script` in a shell at a terminal, type one answer to one question, and return the code and the screen."""
    screen, inner = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-e", "-c", script],
        env=env,
        cwd=ROOT,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - the controlling terminal
    )
    os.close(inner)
    seen, answered, end = "", False, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ready, _, _ = select.select([screen], [], [], 0.05)
        try:
            piece = os.read(screen, 1 << 16) if ready else b""
        except OSError:
            break
        if ready and not piece:
            break
        seen += piece.decode(errors="replace")
        if not answered and question in seen:
            time.sleep(0.05)
            os.write(screen, f"{answer}\n".encode())
            answered = True
    os.close(screen)
    return process.wait(20), seen


def test_five_minutes_to_an_upstream_of_your_own(tmp_path: Path) -> None:
    api, gatepass, *story = blocks()
    ours, theirs = free_port(), free_port()
    env = environment(tmp_path, GATEPASS_HOME=str(tmp_path / "data"), GATEPASS_SERVER__PORT=str(ours))
    env |= {"GATEPASS_URL": f"http://localhost:{ours}", "PYTHONUNBUFFERED": "1"}
    script = "\n".join(story).replace("8420", str(ours)).replace("9000", str(theirs))
    with ExitStack() as running:
        running.enter_context(
            background(f"env {api.strip().replace('9000', str(theirs))}", env, tmp_path / "api.log", "listening on")
        )
        said = running.enter_context(background(gatepass.strip(), env, tmp_path / "up.log", "Stop it with Ctrl-C"))
        code = re.search(r"One-time code for \S+: (\S+)", said)
        assert code is not None, said
        returned, screen = typed_at_a_terminal(script, env, "code", code[1])
    assert returned == 0, screen
    answers = re.findall(r"\((\d{3})\)", screen)
    assert answers == ["200", "201", "403", "403", "401"], screen
    assert '"code":"scope_missing"' in screen.replace(" ", "")
    assert "sk_live_4eC39HqLyjWDarjtT1" not in screen.replace("echo sk_live_4eC39HqLyjWDarjtT1", "")
    assert "nothing changed, dropped, moved or put in" in screen


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_page_that_is_linked_exists(link: str) -> None:
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("recipe", ["demo", "test"])
def test_the_two_commands_are_recipes_that_can_be_run(recipe: str) -> None:
    assert f"`scripts/{recipe}`" in README
    assert os.access(ROOT / "scripts" / recipe, os.X_OK)
    done = subprocess.run(["bash", "-n", f"scripts/{recipe}"], cwd=ROOT, check=False)
    assert done.returncode == 0
