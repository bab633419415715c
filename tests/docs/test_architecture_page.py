"""`docs/architecture.md` names every room that there is, and none that there is not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "gatepass"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_every_room_has_its_row() -> None:
    folders = {f"{path.name}/" for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    listed = re.findall(r"^\| `([a-z]+(?:/|\.py))` \|", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(folders | modules)


def test_every_file_that_a_walk_passes_exists() -> None:
    walks = PAGE.split("## Two walks")[1].split("\n## ")[0]
    passed = set(re.findall(r"`([a-z_/]+\.py)`", walks))
    assert passed
    assert [path for path in sorted(passed) if not (PACKAGE / path).is_file()] == []
