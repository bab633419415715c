"""Prints the management API as an OpenAPI document, as it stands in docs/openapi.json; a test holds the two together.

python scripts/openapi.py --write
"""

import json
import sys
from pathlib import Path

from gatepass.web.management.openapi import describe
from gatepass.web.management.router import OPERATIONS

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"


def text() -> str:
    """The document, a line for each member, so that a change is seen as what it is."""
    return json.dumps(describe(OPERATIONS), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Print the document, or with --write put it where it is kept."""
    if "--write" in sys.argv:
        DOCUMENT.write_text(text())
    else:
        sys.stdout.write(text())


if __name__ == "__main__":
    main()
