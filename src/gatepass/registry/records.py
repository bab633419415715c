"""What an operator registers: agents, people, roles, upstreams.

Plain records, nothing more: administration writes them, storage keeps them, the gateway reads them. What
a role's scopes mean is the authority's matter; what an upstream's operations file says is the gateway's.
Secrets are never part of a record: an upstream names its secret by id. A record that is `managed` is said in files,
and changes by applying them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gatepass.access import ActionClass, AgentId, Instant, PersonId, Rate, SecretId, UpstreamId

__all__ = [
    "Agent",
    "AgentLimits",
    "Injection",
    "InjectionKind",
    "OperatorRole",
    "Person",
    "Role",
    "Upstream",
    "UpstreamKind",
]


UNDATED: Final = Instant(0)
"""Of records that were never stored."""


class OperatorRole(StrEnum):
    """What a person may do to the deployment itself."""

    ADMIN = "admin"
    """Everything, the widening acts only within 15 minutes of signing in."""
    OPERATOR = "operator"
    """Creates and changes within existing roles; revokes."""
    AUDITOR = "auditor"
    """Reads everything, changes nothing, revokes nothing but a leaked token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A human who owns agents and tokens, or operates the deployment."""

    id: PersonId
    name: str
    """Unique; what people type: `ada`."""
    operator: OperatorRole | None
    created: Instant
    disabled: Instant | None = None
    """Disabling a person withdraws everything that they own or consented to."""
    fence: Instant | None = None
    """Access tokens of theirs that were issued until then are dead, whatever became of the person since."""
    password_hash: str | None = field(default=None, repr=False)
    """Argon2id PHC string, for signing in at a terminal. Never leaves the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLimits:
    """What an agent's new tokens start with. What is None here, the deployment's own default says."""

    attempts: Rate | None = None
    calls: Rate | None = None
    writes_per_minute: int | None = None
    requests_per_day: int | None = None
    classes: frozenset[ActionClass] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A machine identity. It acts in one role, and one person answers for it."""

    id: AgentId
    name: str
    """Unique; what people type: `support-bot`."""
    owner: PersonId
    role: str
    created: Instant
    disabled: Instant | None = None
    fence: Instant | None = None
    """Its access tokens that were issued until then are dead, whatever became of the agent since."""
    limits: AgentLimits = AgentLimits()
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A live ceiling: narrowing it narrows every credential of its agents at once."""

    name: str
    scopes: tuple[str, ...]
    """In the notation of scopes; classes and `*` are allowed here and follow the catalogue."""
    asks_person: tuple[str, ...] = ()
    """Scopes whose use waits for a person."""
    max_lifetime: int | None = None
    """Milliseconds; the longest life of a token issued under the role."""
    bearer_until: Instant | None = None
    """Until then credentials of the role may be used as a bearer's beyond reading; without it, never."""
    bearer_because: str | None = None
    """Why. An exception has a reason and an end."""
    default_scopes: tuple[str, ...] = ()
    """What an access token carries for which no scope was asked: within `scopes`, and of class `read` alone."""
    longest_token: int | None = None
    """Milliseconds; the longest life of an access token under the role. None: 15 minutes, the longest there is."""
    created: Instant = UNDATED
    managed: bool = False


class UpstreamKind(StrEnum):
    """How an upstream is spoken to."""

    REST = "rest"
    MCP_HTTP = "mcp-http"
    MCP_STDIO = "mcp-stdio"

    @property
    def speaks_mcp(self) -> bool:
        """Whether it is an MCP server; what is not takes plain requests."""
        return self in _MCP

    @property
    def is_command(self) -> bool:
        """Whether it is a child process: its target is a command line, its secret an environment variable."""
        return self is UpstreamKind.MCP_STDIO


_MCP: Final = frozenset({UpstreamKind.MCP_HTTP, UpstreamKind.MCP_STDIO})


class InjectionKind(StrEnum):
    """Where the secret goes."""

    HEADER = "header"
    QUERY = "query"
    ENVIRONMENT = "environment"
    """For MCP servers over stdio: a variable of the child process."""


@dataclass(frozen=True, slots=True)
class Injection:
    """`Authorization: Bearer ` + secret is `Injection(HEADER, "authorization", "Bearer ")`."""

    kind: InjectionKind
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A system behind the gateway, the secret that it wants, and the file that maps its operations."""

    id: UpstreamId
    name: str
    """Unique; the path segment in `/u/{name}/…` and `/mcp/{name}`."""
    kind: UpstreamKind
    target: str
    """REST and MCP over HTTP: the exact base URL (scheme, host, port, base path), to which alone the secret
    is ever sent. MCP over stdio: the command line, as a JSON array of strings."""
    operations: str
    """The text of the operations file."""
    secret: SecretId | None = None
    injection: Injection | None = None
    allow_private: bool = False
    """Whether the target's name may turn out to be a private address. Not needed for an address that the target
    spells out, nor for `localhost`."""
    created: Instant = UNDATED
    disabled: Instant | None = None
    managed: bool = False
