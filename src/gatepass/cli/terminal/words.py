"""Text for a terminal: nothing that a server or an agent wrote can move the cursor or pass for our own words.

Names, purposes and resources in a journal were chosen by whoever made the call. Control characters, and the
invisible ones that reorder or hide text, are shown as escapes; in JSON as its own escapes.
"""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from gatepass import exact
from gatepass.access import Json
from gatepass.units import duration_text

__all__ = ["clean", "managed_row", "moment", "remaining", "shown", "visible_json"]


def clean(text: str) -> str:
    """`text` with every character that is not plainly visible written as an escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character.isprintable() and unicodedata.category(character) != "Cf":
        return character
    return character.encode("unicode_escape").decode("ascii")


def visible_json(value: Json) -> str:
    """A JSON value on one line. What is not plainly visible can only stand in a string, where JSON can escape it."""
    text = exact.write(value).decode()
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() and unicodedata.category(character) != "Cf":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))


def shown(value: Json) -> str:
    """A JSON value on one line, for people: `-` for none, lists with commas."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case str():
            return clean(value)
        case Mapping():
            return ", ".join(f"{clean(name)}={shown(inner)}" for name, inner in value.items()) or "-"
        case _:
            return ", ".join(map(shown, value)) or "-"


def managed_row(item: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The row that says that a thing is managed by files; none where it is not."""
    by = item.get("managed_by")
    return [] if by is None else [("managed by", shown(by))]


def moment(value: Json, now: datetime | None = None) -> str:
    """An RFC 3339 instant as `2026-11-22 18:04:05Z`, and with `now` how far away it is."""
    if not isinstance(value, str):
        return "-"
    try:
        at = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return clean(value)
    text = f"{at:%Y-%m-%d %H:%M:%S}Z"
    return text if now is None else f"{text} ({remaining(at, now)})"


def remaining(at: datetime, now: datetime) -> str:
    """`in 3h 59m`, `2d 4h ago`: the two largest units."""
    seconds = int((at - now).total_seconds())
    parts: list[str] = []
    rest = abs(seconds)
    for size in (86_400, 3_600, 60, 1):
        count, rest = divmod(rest, size)
        if count and len(parts) < 2:  # noqa: PLR2004 - two units say enough
            parts.append(duration_text(count * size * 1_000) if size != 86_400 else f"{count}d")  # noqa: PLR2004
        elif parts:
            break
    text = " ".join(parts) or "0s"
    return f"in {text}" if seconds >= 0 else f"{text} ago"
