"""How operations go together: what was made or read can be read, changed and taken away under its id."""

from collections.abc import Sequence
from typing import Any, Final

from gatepass.web.management.calls import Operation
from gatepass.web.management.conditions import has_tag

__all__ = ["links_of"]

_KEYS: Final = {"roles": "name"}
"""What a thing is called in a path, where it is not its id."""


def links_of(operation: Operation, operations: Sequence[Operation]) -> dict[str, Any]:
    """From an answer that shows one thing to every operation on that thing."""
    if not has_tag(operation.answer):
        return {}
    noun = operation.path.split("/")[1]
    place = f"$response.body#/{_KEYS.get(noun, 'id')}"
    links: dict[str, Any] = {}
    for other in operations:
        if other is operation or not other.path.startswith(f"/{noun}/{{ref}}"):
            continue
        links[other.name] = {"operationId": other.name, "parameters": {"path.ref": place}}
    return links
