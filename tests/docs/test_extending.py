"""The walkthroughs of CONTRIBUTING are patches; here each is applied to a copy of the tree, and passes what it names.

A patch that no longer applies is a walkthrough that leads nowhere: make it again, by hand, as its section says. All
of them together are checked as a change is: style, types, import contracts, the shape of the tree.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATCHES = sorted((ROOT / "docs" / "extending").glob("*.patch"))
KEPT = ("src", "tests", "scripts", "docs", "examples", "bench")
FILES = ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
PATIENCE = 600
"""Seconds that the slowest check may take, on a machine that does much else."""


def told(patch: Path, what: str) -> list[str]:
    """What its header names."""
    found = re.search(rf"^{what}: (.*)$", patch.read_text(), re.MULTILINE)
    assert found is not None, what
    return [] if found[1] == "nothing" else found[1].split()


def copied(folder: Path) -> Path:
    """The tree without what was built in it."""
    built = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis", "screenshots", "results")
    for name in KEPT:
        shutil.copytree(ROOT / name, folder / name, ignore=built)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


def run(tree: Path, *command: str) -> None:
    """Run something in the copy, whose package comes before the installed one."""
    surroundings = {**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        command, cwd=tree, env=surroundings, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"


def tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def apply(tree: Path, patch: Path) -> None:
    run(tree, "git", "apply", "--whitespace=error-all", str(patch))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_walkthrough_applies_and_its_tests_pass(patch: Path, tmp_path: Path) -> None:
    tree = copied(tmp_path)
    apply(tree, patch)
    for script in told(patch, "Regenerate"):
        run(tree, sys.executable, script, "--write")
    run(tree, sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *told(patch, "Tests"))


def test_all_walkthroughs_together_are_a_change_that_could_be_merged(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    changed: set[str] = set()
    for patch in PATCHES:
        apply(tree, patch)
        changed |= set(re.findall(r"^\+\+\+ b/(.*\.py)$", patch.read_text(), re.MULTILINE))
    assert any(path.startswith("src/") for path in changed)
    run(tree, tool("ruff"), "check", "--no-cache", "src", "tests")
    run(tree, tool("ruff"), "format", "--no-cache", "--check", "src", "tests")
    run(tree, tool("lint-imports"), "--no-cache")
    run(tree, sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests/architecture")
    if (ROOT / ".mypy_cache").exists():  # what is known of all other files, if style and types were checked before
        shutil.copytree(ROOT / ".mypy_cache", tree / ".mypy_cache")
    run(tree, tool("mypy"), *sorted(changed))


def test_every_walkthrough_has_its_section_and_every_section_its_patch() -> None:
    named = re.findall(r"\]\(docs/extending/([a-z-]+)\.patch\)", (ROOT / "CONTRIBUTING.md").read_text())
    assert sorted(named) == [patch.stem for patch in PATCHES]


def test_a_section_names_every_file_that_its_patch_touches() -> None:
    """A walkthrough that forgets a step is found out."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for patch in PATCHES:
        section = text.split(f"docs/extending/{patch.stem}.patch")[1].split("\n## ")[0].split("\n### ")[0]
        for path in re.findall(r"^\+\+\+ b/(.*)$", patch.read_text(), re.MULTILINE):
            short = path.removeprefix("src/gatepass/")
            assert f"`{short}`" in section, f"{patch.stem}: `{short}`"
