"""Where the published cases are: beside the work tree, with everything else that comes from outside."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[4] / "shared" / "vectors" / "wycheproof"


def cases(name: str) -> list[Any]:
    """(group, case) pairs of one file; none where the file is not there."""
    path = FOLDER / name
    if not path.is_file():
        return [pytest.param(None, None, marks=pytest.mark.skip(reason=f"{path} is not there"))]
    groups = json.loads(path.read_text())["testGroups"]
    return [
        pytest.param(group, case, id=f"{case['tcId']}-{case['comment'][:40]}")
        for group in groups
        for case in group["tests"]
    ]
