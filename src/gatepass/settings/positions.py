"""On which line of a TOML file each key stands, so that a complaint about a value can say where to look.

The standard library's reader is the only judge of what TOML is. A statement ends at the first line at which
the lines since the last one read as TOML by themselves; what it then holds, it began to say on its first line.
Only for text that the reader accepts as a whole.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

__all__ = ["KeyPath", "lines_of_keys"]

KeyPath: TypeAlias = tuple[str, ...]

_LONGEST_STATEMENT: Final = 200
"""Lines. A longer statement ends the search: reading it again for each of its lines would take for ever."""


def lines_of_keys(text: str) -> dict[KeyPath, int]:
    """The first line of each table and key, counted from 1; `server.port` is `("server", "port")`."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for first, statement in _statements(text):
        read = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(read)
            lines.setdefault(table, first)
        else:
            for path in _paths(read):
                lines.setdefault(table + path, first)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with the number of its first line; blank lines and comments stand for nothing."""
    first, pending = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if pending else number
        pending += line + "\n"
        if _reads(pending):
            yield first, pending
            pending = ""
        elif number - first > _LONGEST_STATEMENT:
            return


def _reads(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _header(read: Mapping[str, object]) -> KeyPath:
    """`[a.b]` reads as `{"a": {"b": {}}}`, and `[[a]]` as `{"a": [{}]}`."""
    path: KeyPath = ()
    inner: object = read
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        path += (key,)
    return path


def _paths(read: Mapping[str, object]) -> Iterator[KeyPath]:
    for key, value in read.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, *rest) for rest in _paths(value))
