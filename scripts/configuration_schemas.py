"""Prints the JSON schemas of configuration files, as they stand in the package and in docs/schemas; a test compares.

python scripts/configuration_schemas.py --write
"""

import json
import sys
from pathlib import Path

from gatepass.administration.configuration import SHAPES, schema_of
from gatepass.gateway.operations.schema import operations_schema

ROOT = Path(__file__).parents[1]
PLACES = (ROOT / "docs" / "schemas", ROOT / "src" / "gatepass" / "cli" / "files" / "schemas")


def schemas() -> dict[str, str]:
    """The text of each schema by the name of its file."""
    found = {f"{folder.removesuffix('s')}.json": json.dumps(schema_of(folder), indent=2) + "\n" for folder in SHAPES}
    return {**found, "operations.json": json.dumps(operations_schema(), indent=2) + "\n"}


def main() -> None:
    """Print the schemas, or with --write put them where they belong."""
    for name, text in schemas().items():
        if "--write" not in sys.argv:
            sys.stdout.write(text)
            continue
        for place in PLACES:
            (place / name).write_text(text)


if __name__ == "__main__":
    main()
