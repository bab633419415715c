"""The schemas of what is sent and shown, derived from the declarations that the code itself is held to.

What is sent is declared as pydantic models, which also read it; what is shown as msgspec structs, which mypy holds the
handlers to. Here the two are put side by side as JSON Schema 2020-12. No schema is written by hand.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from pydantic.json_schema import models_json_schema

from gatepass.errors import CODES
from gatepass.web.management.reading import Form
from gatepass.web.problems import ProblemDocument

__all__ = ["PROBLEM", "Schemas", "reference"]

Schema = dict[str, Any]
PROBLEM: Final = "Problem"

_PLACE: Final = "#/components/schemas/"
_PAGE: Final = re.compile(r"Page_(\w+)_")


class Schemas:
    """All components, and how each type is referred to."""

    def __init__(self, shown: Iterable[object], sent: Iterable[type[Form]]) -> None:
        types: list[Any] = [*dict.fromkeys(shown), ProblemDocument]
        references, components = msgspec.json.schema_components(types, ref_template=_PLACE + "{name}")
        self._shown: dict[object, Schema] = {
            kind: _renamed(schema) for kind, schema in zip(types, references, strict=True)
        }
        forms = [(form, "validation") for form in dict.fromkeys(sent)]
        _, defined = models_json_schema(forms, ref_template=_PLACE + "{model}")  # type: ignore[arg-type]  # a literal
        self.components: dict[str, Schema] = {
            **{name: _said(schema) for name, schema in defined.get("$defs", {}).items()},
            **{_name(name): _renamed(schema) for name, schema in components.items()},
        }
        self.components[PROBLEM] = _problem(self.components.pop(ProblemDocument.__name__))

    def shown(self, kind: object) -> Schema:
        """The schema of an answer."""
        return self._shown[kind]

    def sent(self, form: type[Form]) -> Schema:
        """The schema of a body."""
        return reference(form.__name__)

    def parameters(self, form: type[Form]) -> list[tuple[str, Schema]]:
        """The schema of each parameter of a query. None is required, and none is null."""
        properties = self.components[form.__name__].get("properties", {})
        return [(name, _present(schema)) for name, schema in properties.items()]


def reference(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": _PLACE + name}


def _problem(schema: Schema) -> Schema:
    """Every code that there is, and whatever more a problem says."""
    properties = {**schema["properties"], "code": {"enum": sorted(CODES)}}
    return {**schema, "title": PROBLEM, "properties": properties}


def _name(name: str) -> str:
    return _PAGE.sub(r"\1Page", name)


def _renamed(value: Any) -> Any:  # noqa: ANN401  any part of a schema
    """The same with our names for generic types, and with decimals as the numbers that they are written as."""
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            return {"type": "number"}
        return {
            key: _name(part) if key in {"$ref", "title"} and isinstance(part, str) else _renamed(part)
            for key, part in value.items()
        }
    return [_renamed(part) for part in value] if isinstance(value, list) else value


def _said(value: Any) -> Any:  # noqa: ANN401  any part of a schema
    """Without the titles that pydantic makes up from the names of members, and defaults that cannot be said."""
    if isinstance(value, dict):
        if value.get("default", 0) is None and not any(option == {"type": "null"} for option in value.get("anyOf", [])):
            value = {key: inner for key, inner in value.items() if key != "default"}
        return {
            key: {name: _said(part) for name, part in inner.items()} if key == "properties" else _said(inner)
            for key, inner in value.items()
            if key != "title" or not isinstance(inner, str)
        }
    return [_said(part) for part in value] if isinstance(value, list) else value


def _present(schema: Schema) -> Schema:
    """The schema of a parameter that is there."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    said = {key: value for key, value in schema.items() if key not in {"anyOf", "default"} or value not in (None, [])}
    if len(options) == 1:
        said.pop("anyOf", None)
        said.pop("default", None)
        return {**said, **options[0]}
    return {key: value for key, value in said.items() if not (key == "default" and value is None)}
