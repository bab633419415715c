"""Apply each mutant to a copy of the tree and see whether the tests of its room notice.

A mutant is a patch, `tests/mutants/<room>-<name>.patch` or `tests/mutants/<room>/<name>.patch`: perhaps some lines that
say which rule it breaks, then a diff of `src/` as `git diff` prints it. `tests/mutants/rooms.toml` lists what pytest is
given for each room, the quickest first. A mutant that survives, a patch that no longer applies, and a room whose tests
fail without any mutant are failures.

To make one: break the code by hand, `git diff src > tests/mutants/<room>-<name>.patch`, say above the diff what it
breaks, and take the change back. Then `scripts/mutants --learn <room>-<name>` finds the file of tests that notices and
writes it above the diff (`Noticed by: tests/...`): from then on only that file is run, which is what makes all of them
together quick.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "tests" / "mutants"
TESTS: dict[str, list[str]] = tomllib.loads((MUTANTS / "rooms.toml").read_text())["tests"]
COPIED = ("src", "tests", "docs", "examples", "scripts", "pyproject.toml", "README.md")
TIMEOUT = 300
"""Seconds. A mutant that makes the tests run for ever has been noticed."""

Copies = queue.Queue[Path]


@dataclass(frozen=True)
class Result:
    """What became of one mutant."""

    patch: Path
    killed: bool
    how: str
    seconds: float


def main() -> int:
    """Run the mutants named on the command line, all by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="rooms (`authority`) or mutants (`authority-tail-covers-its-stem`)")
    parser.add_argument("--learn", action="store_true", help="find the tests that notice, and write them down")
    arguments = parser.parse_args()
    patches = chosen(arguments.only)
    rooms = sorted({room_of(patch) for patch in patches})
    if not patches or not set(rooms) <= set(TESTS):
        print("no such mutants, or a room without tests in rooms.toml", file=sys.stderr)
        return 2
    if arguments.learn:
        for patch in patches:
            forget(patch)
    started = time.monotonic()
    results = run_all(patches, rooms)
    if arguments.learn:
        for result in results:
            remember(result)
    survivors = [result for result in results if not result.killed]
    for result in survivors:
        print(f"\n{name(result.patch)}: {result.how}\n{reason(result.patch)}", file=sys.stderr)
    noticed = len(results) - len(survivors)
    print(f"{noticed} of {len(patches)} mutants were noticed, in {time.monotonic() - started:.0f} s")
    return 0 if noticed == len(patches) else 1


def run_all(patches: list[Path], rooms: list[str]) -> list[Result]:
    """Run the rooms' tests without and then with each mutant, on as many copies as there are workers."""
    workers = int(os.environ.get("GATEPASS_TEST_WORKERS", "2"))
    results: list[Result] = []
    with copies(workers) as free, ThreadPoolExecutor(workers) as pool:
        if not all(list(pool.map(lambda room: unharmed(free, room, patches), rooms))):
            return []
        for result in pool.map(lambda patch: try_mutant(free, patch), patches):
            results.append(result)
            print(f"{result.seconds:6.1f} s  {name(result.patch):60}  {result.how}", flush=True)
    return results


def chosen(only: list[str]) -> list[Path]:
    """Give the patches that are meant."""
    patches = sorted(MUTANTS.rglob("*.patch"))
    return [patch for patch in patches if not only or room_of(patch) in only or name(patch) in only]


def name(patch: Path) -> str:
    """`authority-tail-covers-its-stem`."""
    return str(patch.relative_to(MUTANTS).with_suffix(""))


def room_of(patch: Path) -> str:
    """The room whose tests have to notice: the folder, or what stands before the first dash."""
    return patch.stem.partition("-")[0] if patch.parent == MUTANTS else patch.parent.name


def reason(patch: Path) -> str:
    """Give what stands above the diff."""
    return ("\n" + patch.read_text()).partition("\ndiff ")[0].partition("\n--- ")[0].strip()


def noticing(patch: Path) -> list[str]:
    """Give the tests that are known to notice, or else all those of the room."""
    known = re.search(r"^Noticed by: (.+)$", reason(patch), re.MULTILINE)
    return known[1].split() if known else TESTS[room_of(patch)]


def forget(patch: Path) -> None:
    """Take away what is known of the tests that notice."""
    patch.write_text(re.sub(r"^Noticed by: .+\n\n?", "", patch.read_text(), flags=re.MULTILINE))


def remember(result: Result) -> None:
    """Write the file whose test noticed above the diff."""
    found = re.match(r"noticed by (tests/[^:]+)", result.how)
    if found:
        result.patch.write_text(f"Noticed by: {found[1]}\n\n{result.patch.read_text().lstrip()}")


@contextmanager
def copies(count: int) -> Iterator[Copies]:
    """Make copies of the tree to break, one for each worker."""
    free: Copies = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="gatepass-mutants-") as folder:
        for number in range(count):
            tree = Path(folder) / str(number)
            tree.mkdir()
            for part in COPIED:
                source, target = ROOT / part, tree / part
                if source.is_dir():
                    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
                elif source.exists():
                    shutil.copy(source, target)
            free.put(tree)
        yield free


@contextmanager
def one_of(free: Copies) -> Iterator[Path]:
    """Take a copy, and put it back."""
    tree = free.get()
    try:
        yield tree
    finally:
        free.put(tree)


def unharmed(free: Copies, room: str, patches: list[Path]) -> bool:
    """Whether the tests that are to notice pass on the copy as it is, and look at the copy at all."""
    with one_of(free) as tree:
        where = run(tree, "-c", "import gatepass; print(gatepass.__file__)").stdout.strip()
        if not Path(where).is_relative_to(tree):
            print(f"the tests would look at {where}, not at the copy", file=sys.stderr)
            return False
        started = time.monotonic()
        # In the order of the lists, each once.
        tests = dict.fromkeys(test for patch in patches if room_of(patch) == room for test in noticing(patch))
        outcome = run_tests(tree, list(tests))
        print(f"{time.monotonic() - started:6.1f} s  {room} without a mutant", flush=True)
        if outcome.returncode:
            print(outcome.stdout, f"the tests of {room} fail without any mutant", sep="\n", file=sys.stderr)
        return outcome.returncode == 0


def try_mutant(free: Copies, patch: Path) -> Result:
    """Apply one patch, run the tests, and take it back."""
    with one_of(free) as tree:
        started = time.monotonic()
        applied = git_apply(tree, patch)
        if applied.returncode:
            return Result(patch, killed=False, how=f"does not apply: {applied.stderr.strip()}", seconds=0)
        try:
            outcome = run_tests(tree, noticing(patch))
            noticed, how = outcome.returncode == 1, verdict(outcome)
        except subprocess.TimeoutExpired:
            noticed, how = True, "noticed: it ran for ever"
        finally:
            git_apply(tree, patch, "--reverse").check_returncode()
        return Result(patch, killed=noticed, how=how, seconds=time.monotonic() - started)


def verdict(outcome: "subprocess.CompletedProcess[str]") -> str:
    """Say what the tests made of it. Only a failed test counts: not a tree that could not even be collected."""
    if outcome.returncode == 0:
        return "SURVIVED"
    if outcome.returncode != 1:
        return f"the tests did not run: pytest ended with {outcome.returncode}\n{outcome.stdout[-2000:]}"
    failed = [line for line in outcome.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return f"noticed by {failed[0].partition(' ')[2].partition(' - ')[0]}" if failed else "noticed"


def run_tests(tree: Path, tests: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run tests on a copy until the first failure, with examples that are the same every time."""
    return run(tree, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests)


def run(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a copy. No bytecode is kept: a mutant may be as long and as old as what it replaces."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": str(tree / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HYPOTHESIS_PROFILE": "mutants",
        },
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def git_apply(tree: Path, patch: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Apply a patch to a copy, which is in no repository."""
    return subprocess.run(
        ["git", "apply", *options, str(patch)],
        cwd=tree,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())
