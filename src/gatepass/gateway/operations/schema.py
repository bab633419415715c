"""The JSON schema of operations files, for editors: it complains while one types, and never about what is right.

The reader decides. Whatever it accepts keeps to the schema, and tests hold the two together over every file that there
is; the reader refuses more (a property that an action does not declare, two operations for the same requests).
"""

from typing import Any, Final, TypeAlias

from gatepass.gateway.operations.rest import METHODS, BodyUse

__all__ = ["operations_schema"]

Schema: TypeAlias = dict[str, Any]

_NAME: Final = "^[a-z][a-z0-9_.-]{0,63}$"
_TYPES: Final = ("string", "number", "boolean", "object", "array", "any")
_CLASSES: Final = ("read", "write", "delete", "admin")


def operations_schema() -> Schema:
    """The schema (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "What can be asked of an upstream: docs/operations.md.",
        **_object(
            {
                "types": _map(_type(), "What there is, by its name."),
                "rest": _rest(),
                "mcp": _mcp(),
                "headers": _headers(),
            },
            "types",
        ),
    }


def _type() -> Schema:
    shorthand: Schema = {"anyOf": (_text("A scope."), _list(_text("A scope.")))}
    return _object(
        {
            "minimum": {"type": "integer", "minimum": 0, "maximum": 64, "description": _MINIMUM},
            "actions": _map(_action(), "What can be done to it.", pattern=_NAME),
            "shorthands": _map(shorthand, "Names for scopes, expanded when a token is issued."),
        },
        "actions",
    )


def _action() -> Schema:
    kind: Schema = {"enum": _TYPES, "description": "The type of its values."}
    flags: Schema = {
        name: {"type": "boolean", "description": says}
        for name, says in (
            ("free", "A scope with limits need not limit it."),
            ("non_negative", "A number that is refused below zero."),
        )
    }
    property_: Schema = {"anyOf": (kind, _object({"type": kind, **flags}, "type"))}
    return _object(
        {
            "class": {"enum": _CLASSES, "description": "How much it can do. Nothing that the upstream says sets it."},
            "properties": _map(property_, "The arguments that a scope may limit."),
        },
        "class",
    )


def _rest() -> Schema:
    match = rf"^({'|'.join(METHODS)}) /\S*$"
    body: Schema = {"enum": tuple(use.value for use in BodyUse), "description": "What is done with a request's body."}
    return _list(
        _object(
            {
                "match": {
                    "type": "string",
                    "pattern": match,
                    "description": "A method and a path: GET /orders/{order}",
                },
                **_binding(),
                "body": body,
                "max_body": {"type": "integer", "minimum": 1, "description": "Bytes."},
                "content_types": _list(_text("A media type in lower case.")),
            },
            "match",
            "action",
            "resource",
        )
    )


def _mcp() -> Schema:
    named = _object({**_binding(), "root": _ROOT}, "action", "resource")
    match = _text("A URI, with variables: file:///{path+}")
    resource = _object({"match": match, **_binding(), "root": _ROOT}, "match", "action", "resource")
    return _object(
        {
            "tools": _map(named, "Tools by name."),
            "resources": _list(resource),
            "prompts": _map(named, "Prompts by name."),
        }
    )


def _binding() -> Schema:
    one = {"oneOf": (_object({"pattern": _text()}, "pattern"), _object({"id": _text()}, "id"))}
    return {
        "action": {"type": "string", "pattern": "^[^:]+:[^:]+$", "description": "type:action, as `types` declares it."},
        "resource": {
            "anyOf": (_text("A source, such as path.order, or none."), one),
            "description": "What is touched.",
        },
        "properties": _map(_text("A source, such as body.amount."), "Where each declared property stands."),
    }


def _headers() -> Schema:
    item: Schema = {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}
    return {**_list(item), "description": "Request headers that are passed on beyond the usual ones."}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _map(values: Schema, says: str, *, pattern: str | None = None) -> Schema:
    names: Schema = {} if pattern is None else {"propertyNames": {"pattern": pattern}}
    return {"type": "object", "additionalProperties": values, "description": says, **names}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _text(says: str | None = None) -> Schema:
    return {"type": "string"} if says is None else {"type": "string", "description": says}


_MINIMUM: Final = "How many fixed segments a pattern needs in order not to count as broad."
_ROOT: Final[Schema] = {
    "type": "string",
    "pattern": "^/",
    "description": "An absolute folder: ids are the paths below it.",
}
