"""The tree is the architecture: sizes, names, docstrings, and what the import linter cannot see."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "gatepass"
SOURCES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
MOST_MODULES = 8
VAGUE = {"utils", "helpers", "common", "base", "manager", "service", "util", "helper", "misc"}
CORE = ["access.py", "exact.py", "documents.py", "authority", "registry", "keys", "credentials", "policy", "limits"]
CORE += ["revocation", "attestation", "audit", "vault", "gateway", "administration"]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_are_sources() -> None:
    assert len(SOURCES) > 10


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_every_module_is_short_and_introduces_itself(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "a module states its law"
    assert source.count("\n") <= LONGEST_MODULE
    for function in functions(tree):
        assert (function.end_lineno or 0) - function.lineno < LONGEST_FUNCTION, function.name


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_module_has_a_vague_name(path: Path) -> None:
    assert path.stem not in VAGUE


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_imported_inside_a_function_and_nothing_is_global(path: Path) -> None:
    for function in functions(ast.parse(path.read_text())):
        for node in ast.walk(function):
            assert not isinstance(node, ast.Import | ast.ImportFrom), function.name
            assert not isinstance(node, ast.Global), function.name


@pytest.mark.parametrize("room", sorted({path.parent for path in SOURCES} - {PACKAGE}), ids=name)
def test_a_room_has_a_sentence_a_front_door_and_few_modules(room: Path) -> None:
    front = room / "__init__.py"
    tree = ast.parse(front.read_text())
    sentence = ast.get_docstring(tree) or ""
    assert sentence.endswith("."), "one line that says what the room is for"
    assert "\n" not in sentence
    exported = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    assert any("__all__" in ast.unparse(node) for node in exported), "the front door is named in __all__"
    modules = [path for path in room.glob("*.py") if path.stem != "__init__"]
    assert len(modules) <= MOST_MODULES


def test_rooms_and_parentheses_agree() -> None:
    """A layer in parentheses has no room yet; every other layer has one."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract for contract in contracts if contract["name"] == "stack")["layers"]
    for layer in (part.strip() for line in layers for part in line.split("|")):
        room = layer.strip("()")
        exists = (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
        assert exists != layer.startswith("("), layer


def core_sources() -> list[Path]:
    return [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] in CORE]


@pytest.mark.parametrize("path", core_sources(), ids=name)
def test_the_core_reads_no_clock_no_file_and_imports_nothing_by_string(path: Path) -> None:
    """What no linter of imports can see: `open`, `datetime.now`, `__import__`, and their like."""
    forbidden_calls = {"open", "__import__", "input", "eval", "exec", "compile"}
    forbidden_attributes = {"now", "utcnow", "today", "fromtimestamp"}
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            assert node.func.id not in forbidden_calls, f"line {node.lineno}"
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            clock = node.func.value.id in {"datetime", "date"} and node.func.attr in forbidden_attributes
            assert not clock, f"line {node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_broad_except_says_whose_code_may_fail(path: Path) -> None:
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            if caught in {"everything", "Exception", "BaseException"}:
                assert "#" in lines[node.lineno - 1], f"line {node.lineno}: say whose code may fail"
