"""What the tests of the testing room stand on: an orders API, a server of tools, and their operations files."""

from typing import Any

from gatepass.testing import Answer, LocalDeployment, McpUpstream, RestUpstream, Seen

KEY = "sk_live_the_real_key_of_the_upstream"
ORDERS = """
types:
  orders:
    actions:
      get: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, currency: string}}
rest:
  - {match: "GET /orders/{order}", action: "orders:get", resource: path.order}
  - match: "POST /orders/{order}/refunds"
    action: "orders:refund"
    resource: path.order
    properties: {amount: body.amount, currency: body.currency}
"""
TOOLS = """
types:
  notes:
    actions:
      read: {class: read}
      write: {class: write, properties: {text: string}}
mcp:
  tools:
    read_note: {action: "notes:read", resource: arguments.note}
    write_note: {action: "notes:write", resource: arguments.note, properties: {text: arguments.text}}
"""
REFUND = "orders:refund:order-1?amount<=50&currency=USD"


def orders(seen: Seen) -> Any:
    if seen.method == "POST":
        return Answer(201, {"refunded": seen.json()["amount"]})
    return {"order": seen.path.rpartition("/")[2], "key": seen.headers["authorization"]}


def read_note(note: str) -> str:
    """Read a note."""
    return f"{note}: {KEY}"


def write_note(note: str, text: str = "") -> dict[str, str]:
    return {"note": note, "text": text}


def operations(kind: str) -> str:
    """The operations of an orders API whose type has another name."""
    return ORDERS.replace("orders:", f"{kind}:")


def furnished(gatepass: LocalDeployment) -> tuple[RestUpstream, McpUpstream]:
    """Both upstreams with their secrets, and a role that may do everything with them."""
    rest = gatepass.upstream("orders", orders, operations=ORDERS, secret=KEY)
    mcp = gatepass.mcp("notes", [read_note, write_note], operations=TOOLS, secret=KEY)
    gatepass.role("support", "orders:get:*", "orders:refund:*", "notes:*")
    return rest, mcp
