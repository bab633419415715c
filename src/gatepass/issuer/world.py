"""What the issuer decides with, as it is now: agents, roles, credentials, what is behind the gateway.

The law: read only, and read at the moment of each decision. The gateway's snapshot is one, so that whoever issues and
whoever enforces look at the same things.
"""

from collections.abc import Mapping
from typing import Protocol

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Catalogue
from gatepass.credentials import IssuedRecord, TokenRecord
from gatepass.issuer.places import Place, RestPlace
from gatepass.keys import IssuerKey
from gatepass.keys.jose import KeySet
from gatepass.policy import RolePolicy
from gatepass.registry import Agent, Person, Role, Run, Upstream
from gatepass.revocation import Live

__all__ = ["Behind", "World", "run_of", "served_at"]


class Behind(Protocol):
    """One upstream, and what its operations file declares."""

    @property
    def upstream(self) -> Upstream:
        """The record."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """Its types and actions."""
        ...


class World(Protocol):
    """The live state."""

    @property
    def live(self) -> Live:
        """What is alive."""
        ...

    @property
    def people(self) -> Mapping[PersonId, Person]:
        """Everybody."""
        ...

    @property
    def agents(self) -> Mapping[AgentId, Agent]:
        """All of them."""
        ...

    @property
    def roles(self) -> Mapping[str, RolePolicy]:
        """Compiled, by name."""
        ...

    @property
    def role_records(self) -> Mapping[str, Role]:
        """As they were written."""
        ...

    @property
    def tokens(self) -> Mapping[CredentialId, TokenRecord]:
        """API tokens."""
        ...

    @property
    def issued(self) -> Mapping[CredentialId, IssuedRecord]:
        """Access tokens."""
        ...

    @property
    def runs(self) -> Mapping[RunId, Run]:
        """Those that are open."""
        ...

    @property
    def upstreams(self) -> Mapping[str, Behind]:
        """By name."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """All of their catalogues together."""
        ...

    @property
    def signing(self) -> Mapping[str, IssuerKey]:
        """The issuer's keys that verify now."""
        ...

    @property
    def issuer_keys(self) -> KeySet:
        """Their public halves."""
        ...


def served_at(world: World, place: Place) -> Behind | None:
    """The upstream that a place leads to, if it is one of that kind and switched on."""
    behind = world.upstreams.get(place.upstream)
    if behind is None or behind.upstream.disabled is not None:
        return None
    return behind if behind.upstream.kind.speaks_mcp is not isinstance(place, RestPlace) else None


def run_of(world: World, run: RunId, at: Instant) -> Run | None:
    """The run, if credentials may be issued in it now."""
    found = world.runs.get(run)
    return found if found is not None and found.is_open(at) else None
