"""Reads the settings once: options over environment over file over defaults, and a place for every complaint.

Nothing is guessed. A key that nobody knows is refused with the nearest that exists, a value that cannot be read
with what was expected, both with the file and line, the variable or the option that said it. Values are never
repeated: what stands in a wrong place may be a secret.

Environment: `GATEPASS_HOME` is the data folder, `GATEPASS_CONFIG` the file, and `GATEPASS_<TABLE>__<KEY>`
(two underscores) any setting of a table. Variables of ours without `__` that mean nothing here are left alone,
because orchestrators invent some (`GATEPASS_PORT=tcp://…` for a service of that name).
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gatepass.errors import Malformed
from gatepass.settings.model import Origin, Settings
from gatepass.settings.positions import KeyPath, lines_of_keys

__all__ = ["CONFIG_NAME", "Problem", "load", "read"]

CONFIG_NAME: Final = "gatepass.toml"
_MOST_BYTES: Final = 1 << 16
_MOST_SAID: Final = 3
_PREFIX: Final = "GATEPASS_"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the settings: where it was said, and what was expected there."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class _Source:
    """The values that one source states, and where it states each."""

    values: Mapping[str, object]
    places: Mapping[KeyPath, str]
    name: str = ""


def load(
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    data: Path | None = None,
    options: Mapping[KeyPath, object] | None = None,
) -> Settings:
    """The settings, or `Malformed` (`malformed_config`) that names the first few problems."""
    settings = read(environment, config=config, data=data, options=options)
    if isinstance(settings, Settings):
        return settings
    said = "; ".join(map(str, settings[:_MOST_SAID]))
    more = f"; and {len(settings) - _MOST_SAID} more" if len(settings) > _MOST_SAID else ""
    raise Malformed("malformed_config", said + more)


def read(
    environment: Mapping[str, str],
    *,
    config: Path | None = None,
    data: Path | None = None,
    options: Mapping[KeyPath, object] | None = None,
) -> Settings | tuple[Problem, ...]:
    """The settings, or everything that is wrong with them. `options` are command-line options by key path."""
    home = _home(environment, data)
    if isinstance(home, Problem):
        return (home,)
    file = _file(_config_path(environment, config, home))
    if isinstance(file, Problem):
        return (file,)
    sources = [file, _environment(environment), _options(options or {})]
    folder = file.values.get("data") if home is None else str(home)
    merged = _merge([source.values for source in sources])
    merged["data"] = str(_default_home()) if folder is None else folder
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        return tuple(sorted((_problem(detail, sources) for detail in details), key=_reading_order))
    folder_said = None if home is None else _folder_origin(data)
    return _contradictions(settings, sources) or settings.said(_origins(sources, folder_said))


def _home(environment: Mapping[str, str], data: Path | None) -> Path | Problem | None:
    if data is not None:
        return data.expanduser().absolute()
    if "GATEPASS_HOME" not in environment:
        return None
    home = Path(environment["GATEPASS_HOME"]).expanduser()
    return home if home.is_absolute() else Problem("environment variable GATEPASS_HOME", "expected an absolute path")


def _default_home() -> Path:
    return platformdirs.user_data_path("gatepass", appauthor=False)


def _config_path(environment: Mapping[str, str], config: Path | None, home: Path | None) -> Path | None:
    """The file that was named, which then has to exist; otherwise the one in the data folder, if there is one."""
    named = environment.get("GATEPASS_CONFIG")
    if config is not None or named is not None:
        return config or Path(named or "").expanduser()
    usual = (home or _default_home()) / CONFIG_NAME
    try:
        return usual if usual.exists() else None
    except PermissionError:
        return None  # somebody else's folder, of which `doctor` has more to say than that it is closed


def _file(path: Path | None) -> _Source | Problem:
    if path is None:
        return _Source({}, {})
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        return Problem(f"`{path}`", f"cannot be read: {error.strerror}")
    if len(content) > _MOST_BYTES:
        return Problem(f"`{path}`", f"expected at most {_MOST_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(f"`{path}` line {line}", "expected UTF-8")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax(path, text, str(error))
    places = {key: f"`{path}` line {line}" for key, line in lines_of_keys(text).items()}
    return _Source(values, places, f"`{path}`")


def _syntax(path: Path, text: str, complaint: str) -> Problem:
    """The reader says `… (at line 3, column 5)` or `… (at end of document)`."""
    found = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)", complaint)
    line = found[1] if found and found[1] else str(text.count("\n") + 1)
    what = complaint[: found.start()] if found else "not TOML"
    return Problem(f"`{path}` line {line}", f"expected TOML: {_quietly(what)}")


def _quietly(complaint: str) -> str:
    """What the TOML reader says, without the keys that it quotes in parentheses."""
    return re.sub(r"\s*\(.*?\)", "", complaint[:1].lower() + complaint[1:])


def _environment(environment: Mapping[str, str]) -> _Source:
    values: dict[str, object] = {}
    places: dict[KeyPath, str] = {}
    for name, value in environment.items():
        table, separator, key = name.removeprefix(_PREFIX).partition("__")
        if not name.startswith(_PREFIX) or not separator:
            continue
        path = (table.lower(), key.lower())
        _put(values, path, value)
        places[path] = places[path[:1]] = f"environment variable {name}"
    return _Source(values, places)


def _options(options: Mapping[KeyPath, object]) -> _Source:
    values: dict[str, object] = {}
    for path, value in options.items():
        _put(values, path, value)
    return _Source(values, {path: f"option --{path[-1].replace('_', '-')}" for path in options})


def _put(values: dict[str, object], path: KeyPath, value: object) -> None:
    table = values.setdefault(path[0], {})
    if isinstance(table, dict):
        table[path[1]] = value


def _merge(layers: list[Mapping[str, object]]) -> dict[str, object]:
    """Later layers win, key by key within a table."""
    merged: dict[str, object] = {}
    for layer in layers:
        for name, value in layer.items():
            below = merged.get(name)
            both = isinstance(below, dict) and isinstance(value, dict)
            merged[name] = {**below, **value} if both else value  # type: ignore[dict-item]
    return merged


def _origins(sources: list[_Source], folder: Origin | None) -> Mapping[KeyPath, Origin]:
    """Who said each leaf; the last one counts. Of the data folder it is `folder`, where somebody named it."""
    origins: dict[KeyPath, Origin] = {}
    for origin, source in zip(("file", "environment", "option"), sources, strict=True):
        for name, value in source.values.items():
            for path in [(name, key) for key in value] if isinstance(value, dict) else [(name,)]:
                origins[path] = Origin(origin, source.places.get(path))
    return origins if folder is None else {**origins, ("data",): folder}


def _folder_origin(data: Path | None) -> Origin:
    if data is not None:
        return Origin("option", "option --data")
    return Origin("environment", "environment variable GATEPASS_HOME")


def _problem(detail: ErrorDetails, sources: list[_Source]) -> Problem:
    path = tuple(str(part) for part in detail["loc"])
    where = _place(path, sources)
    if detail["type"] == "extra_forbidden":
        return Problem(where, f"`{'.'.join(path)}` is not a setting{_nearest(path)}")
    return Problem(where, f"`{'.'.join(path)}`: expected {_expected(path)}")


def _reading_order(problem: Problem) -> tuple[str, int]:
    """As the file is read, from top to bottom."""
    rest, _, number = problem.where.rpartition(" line ")
    return (rest, int(number)) if number.isdecimal() else (problem.where, 0)


def _place(path: KeyPath, sources: list[_Source]) -> str:
    """Where the value that counts was said: by the last source that says it, or anything around it."""
    for length in range(len(path), 0, -1):
        for source in reversed(sources):
            if path[:length] in source.places:
                return source.places[path[:length]]
    return next((source.name for source in sources if source.name), "settings")


def _fields(path: KeyPath) -> Mapping[str, FieldInfo]:
    """The settings of the table that `path` leads into."""
    fields: Mapping[str, FieldInfo] = Settings.model_fields
    for name in path:
        fields = getattr(fields[name].annotation, "model_fields", {}) if name in fields else {}
    return fields


def _nearest(path: KeyPath) -> str:
    near = difflib.get_close_matches(path[-1], list(_fields(path[:-1])), n=1)
    return f"; the nearest is `{'.'.join((*path[:-1], near[0]))}`" if near else ""


def _expected(path: KeyPath) -> str:
    if _fields(path):
        return f"a table, [{path[0]}]"
    for length in range(len(path), 0, -1):
        field = _fields(path[: length - 1]).get(path[length - 1])
        extra = field.json_schema_extra if field is not None else None
        if isinstance(extra, dict):
            return str(extra["expected"])
    return "a list of texts"


def _contradictions(settings: Settings, sources: list[_Source]) -> tuple[Problem, ...]:
    """What each value may be, but not together."""
    problems: list[Problem] = []
    if settings.policies:
        where = _place(("policies",), sources)
        problems.append(
            Problem(where, "`policies`: this version cannot enforce policy files, and does not start as if it did")
        )
    if settings.server.agents_host == settings.server.people_host:
        where = _place(("server", "people_host"), sources)
        problems.append(Problem(where, "`server.people_host`: expected another name than `server.agents_host`"))
    if settings.server.agents_url is not None and settings.server.agents_name == settings.server.people_host:
        where = _place(("server", "agents_url"), sources)
        problems.append(Problem(where, "`server.agents_url`: expected another host name than `server.people_host`"))
    return tuple(problems)
