"""Pages whose table rows name what holds them: tests as `path::name` under `tests/`, contracts as contract `name`."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TESTS: Final = ROOT / "tests"

_REFERENCE: Final = re.compile(r"(contract )?`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """One row of a table whose last column is headed `held by`."""

    page: str
    title: str
    tests: tuple[str, ...]
    contracts: tuple[str, ...]


def rows(name: str) -> list[Row]:
    """The rows of every such table of `docs/<name>`."""
    found: list[Row] = []
    inside = False
    for line in (ROOT / "docs" / name).read_text().splitlines():
        if not line.startswith("|"):
            inside = False
        elif line.endswith("| held by |"):
            inside = True
        elif inside and not line.startswith("| ---"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            held = _REFERENCE.findall(cells[-1])
            tests, contracts = (tuple(text for kind, text in held if bool(kind) is named) for named in (False, True))
            found.append(Row(name, cells[0], tests, contracts))
    return found


def missing_tests(row: Row) -> list[str]:
    """What the row names and pytest would not run."""
    return [reference for reference in row.tests if not exists(reference)]


def exists(reference: str) -> bool:
    """Whether `path::name` or `path::Class::name` is a test that runs. A suite runs where a class takes it on."""
    path, *names = reference.split("::")
    if len(names) == 1:
        return path.rpartition("/")[2].startswith("test_") and names[0] in _functions(path)
    if len(names) != 2 or names[1] not in _methods(path).get(names[0], ()):
        return False
    return names[0] in _taken_on()


def contracts() -> set[str]:
    """The names of all import contracts."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return {table["name"] for table in tables}


@cache
def _tree(path: str) -> ast.Module:
    file = TESTS / path
    return ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])


@cache
def _functions(path: str) -> frozenset[str]:
    return frozenset(_tests_in(_tree(path)))


@cache
def _methods(path: str) -> dict[str, frozenset[str]]:
    classes = (node for node in _tree(path).body if isinstance(node, ast.ClassDef))
    return {node.name: frozenset(_tests_in(node)) for node in classes}


def _tests_in(node: ast.Module | ast.ClassDef) -> Iterator[str]:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name.startswith("test_"):
            yield inner.name


@cache
def _taken_on() -> frozenset[str]:
    """The names of suites that a collected test class inherits, and of collected classes themselves."""
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                found |= {node.name} | {base.id for base in node.bases if isinstance(base, ast.Name)}
    return frozenset(found)
