"""What makes the stateful walk get somewhere: valid words, in the place of made-up ones that nothing accepts.

A name, a role, a scope and an operations file have a meaning that no schema tells, and a condition that the generator
makes up never holds. So a request that is meant to be valid, and that belongs to a sequence, is given those that mean
something here. Which operations follow each other, and on what, stays schemathesis's choice. Nothing is steered in the
other phases.
"""

import re
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

import schemathesis
from tests.web.deployment import ROLE, UPSTREAM

__all__ = ["steer"]

_NUMBERS: Final = count(1)
_upstreams: Final = ["orders"]
"""By name, as they were made: a secret goes to the last one, which has none yet."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")


def _upstream(number: int) -> dict[str, Any]:
    """Its types are its own: no two upstreams may declare the same."""
    described = {name: value for name, value in UPSTREAM.items() if name != "name"}
    return {**described, "operations": str(UPSTREAM["operations"]).replace("orders:", f"things{number}:")}


_OPERATIONS: Final[Mapping[str, Callable[[int], Any]]] = {
    "POST /agents": lambda number: {"name": f"agent-{number}", "role": "support"},
    "POST /runs": lambda number: {"agent": "support-bot", "label": f"run {number}", "purpose": "a walk"},
    "PATCH /agents/{ref}": lambda _: {"role": "support"},
    "POST /people": lambda number: {"name": f"person-{number}", "operator": "operator"},
    "PATCH /people/{ref}": lambda number: {"operator": "auditor" if number % 2 else "operator"},
    "PUT /roles/{ref}": lambda _: ROLE,
    "POST /upstreams": lambda number: {**_upstream(number), "name": _upstreams[-1]},
    "PUT /upstreams/{ref}": _upstream,
    "POST /secrets": lambda number: {
        "name": f"secret-{number}",
        "upstream": _upstreams[-1],
        "value": "sk_live_0123456789",
    },
    "PUT /secrets/{ref}": lambda number: {"value": f"sk_live_{number:010}"},
    "POST /tokens": lambda number: {"name": f"token-{number}", "agent": "support-bot", "scopes": ["orders:list"]},
    "PATCH /tokens/{ref}": lambda number: {"limits": {"calls": {"count": 1 + number % 9, "period_seconds": 60}}},
    "POST /tokens/{ref}/rotate": lambda _: {"overlap_seconds": 0},
}
"""Bodies that mean something, where a made-up one hardly ever does."""


def steer(case: Any) -> None:
    """Give a valid request of a sequence the words that mean something."""
    if case.meta is None or case.meta.phase.name.value != "stateful" or case.meta.generation.mode.value != "positive":
        return
    number = next(_NUMBERS)
    headers = case.headers or {}
    for name in ("If-Match", "If-None-Match"):
        headers.pop(name, None)
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"{number:016}"
    operation = f"{case.operation.method.upper()} {case.operation.path}"
    if operation == "POST /upstreams":
        _upstreams.append(f"upstream-{number}")
    if operation in _OPERATIONS:
        case.body = _OPERATIONS[operation](number)
    if operation == "PUT /roles/{ref}" and not _NAME.fullmatch(str(case.path_parameters["ref"])):
        case.path_parameters["ref"] = f"role-{number}"


def hook() -> None:
    """Have every request steered before it goes out."""

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        steer(case)
