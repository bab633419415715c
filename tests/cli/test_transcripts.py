"""Every transcript is true: its commands run against a real server and print what it says."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.cli.deployment import environment, started
from tests.cli.transcript import Shell, matches, read_steps

HERE = Path(__file__).parent / "transcripts"
FILES = HERE / "files"
WITH_SERVER = sorted(HERE.glob("*.txt"))
ALONE = sorted((HERE / "alone").glob("*.txt"))


def check(transcript: Path, folder: Path, surroundings: Mapping[str, str]) -> None:
    steps = read_steps(transcript.read_text())
    assert steps, "a transcript runs something"
    with Shell(folder, surroundings) as shell:
        for step in steps:
            lines, code = shell.run(step.command)
            said = "\n".join([f"{transcript.name}:{step.line}: $ {step.command}", *lines, f"[{code}]"])
            assert matches(step.expected, lines), said
            assert code == step.code, said


@pytest.mark.parametrize("transcript", WITH_SERVER, ids=lambda path: path.stem)
def test_transcript(transcript: Path, tmp_path: Path) -> None:
    work = shutil.copytree(FILES, tmp_path / "work")
    with started(tmp_path) as server:
        (work / "code").write_text(server.code + "\n")
        check(transcript, work, environment(tmp_path, GATEPASS_URL=server.url))


@pytest.mark.parametrize("transcript", ALONE, ids=lambda path: path.stem)
def test_transcript_without_a_server(transcript: Path, tmp_path: Path) -> None:
    work = shutil.copytree(FILES, tmp_path / "work")
    check(transcript, work, environment(tmp_path, GATEPASS_URL="http://localhost:9"))
