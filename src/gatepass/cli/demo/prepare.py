"""What a platform engineer does before the agent starts: everything over the management API, as a person."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass.access import Json
from gatepass.cli.demo.stage import Stage, examples
from gatepass.client import Management, Transport
from gatepass.units import instant_text

__all__ = ["CALLS", "EVENTS", "ORDER", "REFUNDS", "Prepared", "prepare"]

ORDER: Final = "/u/orders/orders/order-12345"
REFUNDS: Final = "/u/orders/orders/{order}/refunds"
EVENTS: Final = f"{ORDER}/events"
CALLS: Final = 12
"""Calls a minute that the token may make: tight, so that the loop in the story meets it."""

EXCEPTION: Final = 7 * 86_400_000
"""Milliseconds for which the role's plain tokens may do more than read."""
ROLE: Final = ("git:read", "orders:read", "orders:refund")
SCOPES: Final = (
    "git:log:repository",
    "git:status:repository",
    "orders:refund:order-12345?amount<=50&amount>=0&currency=USD",
    "orders:read:order-12345",
)
GIT: Final = """\
types:
  git:
    actions:
      log:    {class: read, properties: {max_count: number}}
      status: {class: read}
      commit: {class: write, properties: {message: string}}
mcp:
  tools:
    git_log:
      {action: "git:log", resource: arguments.repo_path, root: ROOT, properties: {max_count: arguments.max_count}}
    git_status:
      {action: "git:status", resource: arguments.repo_path, root: ROOT}
    git_commit:
      {action: "git:commit", resource: arguments.repo_path, root: ROOT, properties: {message: arguments.message}}
"""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The person's side during the story."""

    management: Management
    token_id: str
    token: str

    def loosen(self) -> None:
        """Give the token a wider rate, without re-issuing it."""
        self.management.amend("tokens", self.token_id, {"limits": {"calls": _rate(600)}})

    def revoke(self, reason: str) -> None:
        """One command; when it returns, the token is dead."""
        self.management.act("tokens", self.token_id, "revoke", {"reason": reason})


def prepare(stage: Stage) -> Prepared:
    """Sign in, register both upstreams, store the secret, make a role, an agent and its one token."""
    session = Management(Transport(stage.server_url)).sign_in({"code": stage.sign_in_code})
    management = Management(Transport(stage.server_url, str(session["token"])))
    _register(management, stage)
    management.replace("roles", "support", {"scopes": ROLE, **_exception()})
    management.create("agents", {"name": "support-bot", "role": "support"})
    token = management.create(
        "tokens",
        {
            "agent": "support-bot",
            "name": "demo",
            "scopes": SCOPES,
            "lifetime_seconds": Decimal(600),
            "purpose": "refund one order",
            "limits": {"calls": _rate(CALLS)},
        },
    )
    return Prepared(management, str(token["id"]), str(token["token"]))


def _exception() -> dict[str, Json]:
    """The demo's agent sends its token as it is, refunds included: a role has to let it, for a while, and say why."""
    until = time.time_ns() // 1_000_000 + EXCEPTION
    return {"bearer_until": instant_text(until), "bearer_because": "the demo's agent has a plain token"}


def _register(management: Management, stage: Stage) -> None:
    management.create(
        "upstreams",
        {
            "name": "orders",
            "kind": "rest",
            "target": stage.orders_url,
            "operations": (examples() / "orders" / "operations.yaml").read_text(),
            "injection": {"kind": "header", "name": "authorization", "prefix": "Bearer "},
        },
    )
    management.create("secrets", {"name": "orders-key", "upstream": "orders", "value": stage.orders_key})
    command = [sys.executable, "-m", "mcp_server_git", "--repository", str(stage.repository)]
    management.create(
        "upstreams",
        {
            "name": "repository",
            "kind": "mcp-stdio",
            "target": json.dumps(command),
            "operations": GIT.replace("ROOT", json.dumps(str(stage.folder))),
        },
    )


def _rate(calls: int) -> Mapping[str, Json]:
    return {"count": Decimal(calls), "period_seconds": Decimal(60)}
