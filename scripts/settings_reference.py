"""Prints the reference of every setting, as it stands in docs/settings.md; a test holds the two together.

python scripts/settings_reference.py --write
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from gatepass.settings.effective import expected_of, fields_of, spelled

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
HEADING = "## Every setting\n"


def reference() -> str:
    """The part of the document that is made from the settings themselves."""
    lines = [HEADING, "| setting | default | expected | what it says |", "| --- | --- | --- | --- |"]
    for name, field in settings():
        expected = expected_of(field)
        lines.append(f"| `{name}` | {default(field, expected)} | {expected} | {field.description} |")
    return "\n".join(lines) + "\n"


def settings() -> Iterator[tuple[str, FieldInfo]]:
    """Every leaf with its dotted name, in the order of the model."""
    return ((".".join(path), field) for path, field in fields_of())


def default(field: FieldInfo, expected: str) -> str:
    """The default as somebody would write it."""
    if field.is_required():
        return "the user's data folder"
    text = spelled(field.default, expected)
    if text is None:
        return "none"
    plain = isinstance(field.default, int) and text.isdecimal()
    return f"`{text}`" if plain else f'`"{text}"`'


def main() -> None:
    """Print the reference, or with --write put it into the document."""
    if "--write" not in sys.argv:
        sys.stdout.write(reference())
        return
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(text[: text.index(HEADING)] + reference())


if __name__ == "__main__":
    main()
