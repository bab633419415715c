"""Prints the reference of every setting, as it stands in docs/settings.md; a test holds the two together.

python scripts/settings_reference.py --write
"""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from pydantic.fields import FieldInfo

from gatepass.settings import Rate, Settings
from gatepass.units import DURATION_EXPECTED, SIZE_EXPECTED, duration_text, rate_text, size_text

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
HEADING = "## Every setting\n"


def reference() -> str:
    """The part of the document that is made from the settings themselves."""
    lines = [HEADING, "| setting | default | expected | what it says |", "| --- | --- | --- | --- |"]
    for name, field in settings():
        extra = field.json_schema_extra
        expected = str(extra["expected"]) if isinstance(extra, dict) else "a list of texts"
        lines.append(f"| `{name}` | {default(field, expected)} | {expected} | {field.description} |")
    return "\n".join(lines) + "\n"


def settings() -> Iterator[tuple[str, FieldInfo]]:
    """Every leaf with its dotted name, in the order of the model."""
    for name, field in Settings.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        if inner is None:
            yield name, field
        else:
            yield from ((f"{name}.{key}", value) for key, value in inner.items())


def default(field: FieldInfo, expected: str) -> str:
    """The default as somebody would write it."""
    value = field.default
    if field.is_required():
        return "the user's data folder"
    if value is None or value == ():
        return "none"
    if isinstance(value, Rate):
        return f'`"{rate_text(value.count, value.period)}"`'
    if isinstance(value, int):
        texts = {DURATION_EXPECTED: duration_text, SIZE_EXPECTED: size_text}
        return f'`"{texts[expected](value)}"`' if expected in texts else f"`{value}`"
    return f'`"{value.value if isinstance(value, Enum) else value}"`'


def main() -> None:
    """Print the reference, or with --write put it into the document."""
    if "--write" not in sys.argv:
        sys.stdout.write(reference())
        return
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(text[: text.index(HEADING)] + reference())


if __name__ == "__main__":
    main()
