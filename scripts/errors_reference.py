"""Keeps the tables of docs/errors.md: the code says what it knows, people say what happened and who sees it.

A row's family, status and hint are written from the sources; its other two cells are kept as they stand. A code
without a row gets an empty one, which a test refuses until somebody has filled it in.

    python scripts/errors_reference.py --write
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from gatepass import errors
from gatepass.errors import CODES, Error, LimitExceeded
from gatepass.web.problems import status_of

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "errors.md"
SOURCE = ROOT / "src" / "gatepass"
HEADING = "## Every code\n"
SEEN_BY = ("agent", "person", "start", "command line", "nobody")
ON_THE_WIRE = frozenset({"agent", "person"})

_FAMILIES = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Error)}
_ROW = re.compile(r"\| `([a-z_]+)` \| [^|]* \| ([^|]*?) \| [^|]* \| ([^|]*?) \|")


def reference(page: str) -> str:
    """The tables as they have to be, with what people wrote in `page`."""
    written = rows(page)
    families = raised_as()
    lines = [HEADING]
    for title, codes in sections():
        lines += [f"### {title}\n", "| code | family | what happened | what to do | seen by |", "| --- " * 5 + "|"]
        for code in codes:
            what, who = written.get(code, ("", ""))
            family = " or ".join(standing(code, name, who) for name in families[code])
            lines.append(f"| `{code}` | {family} | {what} | {CODES[code]} | {who} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def rows(page: str) -> dict[str, tuple[str, str]]:
    """What people wrote about each code: what happened, and who sees it."""
    return {code: (what, who) for code, what, who in _ROW.findall(page)}


def sections() -> Iterator[tuple[str, list[str]]]:
    """The codes under the headings that errors.py gives them."""
    title, codes = "", list[str]()
    for line in (SOURCE / "errors.py").read_text().partition("CODES: Final")[2].splitlines():
        if line.startswith("    # -- "):
            if title:
                yield title, codes
            words = line.removeprefix("    # -- ")
            title, codes = words[0].upper() + words[1:], []
        elif found := re.match(r'    "([a-z_]+)":', line):
            codes.append(found[1])
    yield title, codes


def standing(code: str, family: str, who: str) -> str:
    """The family, and its HTTP status where the code travels over HTTP."""
    if not ON_THE_WIRE.intersection(who.split(", ")):
        return family
    kind = _FAMILIES[family]
    error = LimitExceeded(code, "", retry_after=None) if kind is LimitExceeded else kind(code, "")
    return f"{family} {status_of(error)}"


def raised_as() -> dict[str, list[str]]:
    """The families under which each code is raised: by name, or through a variable of the same function.

    What no one raises is the word of a decision or of a veto, which comes out as `Denied`.
    """
    found: dict[str, set[str]] = {"internal": {"Error"}}
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        for code, family in (pair for scope in (tree, *scopes) for pair in _raised_in(scope)):
            found.setdefault(code, set()).add(family)
    return {code: sorted(found.get(code, {"Denied"})) for code in CODES}


def _raised_in(scope: ast.AST) -> Iterator[tuple[str, str]]:
    texts = {node.value for node in ast.walk(scope) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(scope):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        family = node.func.id if isinstance(node.func, ast.Name) else ""
        if family not in _FAMILIES:
            continue
        match node.args[0]:
            case ast.Constant(value=str(code)) if code in CODES:
                yield code, family
            case ast.Name() if not isinstance(scope, ast.Module):
                yield from ((code, family) for code in texts & set(CODES))


def main() -> None:
    """Print the tables, or with --write put them into the document."""
    page = DOCUMENT.read_text()
    if "--write" not in sys.argv:
        sys.stdout.write(reference(page))
        return
    DOCUMENT.write_text(page[: page.index(HEADING)] + reference(page))


if __name__ == "__main__":
    main()
