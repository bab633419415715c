"""`docs/testing.md` is what a user would copy: its blocks are a test suite, and it passes."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_block_of_the_page_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    conftest, *tests = blocks
    assert conftest.startswith("# conftest.py\n")
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_page.py").write_text("\n\n".join(tests))
    wanted = len(re.findall(r"^def test_", "\n".join(tests), re.MULTILINE))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:schemathesis", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert f"{wanted} passed" in ran.stdout
