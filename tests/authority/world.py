"""Short ways to say who tries what, for the stories of this room."""

from collections.abc import Mapping
from typing import Any

from gatepass import exact
from gatepass.access import (
    UNKNOWN,
    Access,
    Action,
    ActionClass,
    Context,
    CredentialId,
    Instant,
    Json,
    PartialAccess,
    Resource,
    RunId,
    Subject,
    Unknown,
)
from gatepass.authority import Authority, Permission

NOW = Instant(1_780_000_000_000)


def attempt(
    action: str = "orders:refund",
    *ids: str,
    pattern: str | None = None,
    properties: str = "{}",
    free: frozenset[str] = frozenset(),
    run: str | None = None,
    **context: Any,
) -> Access:
    """`attempt("orders:refund", "order-1", properties='{"amount": 5}', source="10.0.0.1")`."""
    kind, _, name = action.partition(":")
    return Access(
        Subject(CredentialId("crd_1"), run=None if run is None else RunId(run)),
        Action(name, ActionClass.WRITE),
        Resource(kind, ids, pattern),
        Context(**{"at": NOW, **context}),
        members(properties),
        free,
    )


def partly(
    action: str = "orders:refund",
    resource: Resource | Unknown = UNKNOWN,
    *,
    properties: str = "{}",
    open_properties: frozenset[str] | Unknown = UNKNOWN,
    free: frozenset[str] = frozenset(),
    **context: Any,
) -> PartialAccess:
    """An attempt of which the resource and the open properties are not known."""
    kind, _, name = action.partition(":")
    return PartialAccess(
        Subject(CredentialId("crd_1")),
        Action(name, ActionClass.WRITE),
        kind,
        resource,
        Context(**{"at": NOW, **context}),
        members(properties),
        open_properties,
        free,
    )


def members(text: str) -> Mapping[str, Json]:
    """The members of a JSON object."""
    value = exact.read(text)
    assert isinstance(value, Mapping)
    return value


def authority(*scopes: str) -> Authority:
    """An authority without caveats."""
    return Authority.of(*map(Permission.parse, scopes))
