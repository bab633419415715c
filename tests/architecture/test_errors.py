"""The page of errors cannot lie: the drawn tree is the real one, and every code that is raised is on it."""

import ast
import inspect
from pathlib import Path

import pytest

from gatepass import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "gatepass").rglob("*.py"))
FAMILIES = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.Error)}


def tree(kind: type[errors.Error], depth: int = 0) -> list[tuple[int, str]]:
    return [(depth, kind.__name__), *(line for child in kind.__subclasses__() for line in tree(child, depth + 1))]


def test_the_drawn_tree_is_the_real_tree() -> None:
    drawn = [(0, "Error")]
    for line in (errors.__doc__ or "").splitlines():
        if "── " in line:
            lead, _, rest = line.partition("── ")
            drawn.append((len(lead) // 4, rest.split()[0]))
    assert drawn == [entry for entry in tree(errors.Error) if entry[1] in FAMILIES]


def raised_codes(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in FAMILIES | {"Veto"}:
                found.append((node.lineno, str(node.args[0].value)))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_code_that_is_raised_is_in_the_table(path: Path) -> None:
    for line, code in raised_codes(path):
        assert code in errors.CODES, f"line {line}: `{code}`"


def test_every_code_in_the_table_is_raised_somewhere() -> None:
    everything = "\n".join(path.read_text() for path in SOURCES if path.name != "errors.py")
    unused = [code for code in errors.CODES if f'"{code}"' not in everything]
    assert unused == []


def test_hints_are_sentences_and_codes_are_words() -> None:
    for code, hint in errors.CODES.items():
        assert code.replace("_", "").isalpha(), code
        assert code.islower(), code
        assert hint.endswith("."), code
        assert hint[0].isupper(), code
        assert "\n" not in hint, code


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    missing = [code for code in errors.CODES if f"`{code}`" not in page]
    assert missing == []
