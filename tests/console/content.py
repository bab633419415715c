"""A real `gatepass up` with something in it: upstreams, roles, agents, tokens, calls of all kinds, hostile text.

What is put in is the same every time; ids and instants are the server's own.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from tests.console.hostile import ALL, ATTRIBUTES, MARKUP, TEMPLATE
from tests.e2e.place import Place, running, signed_in

from gatepass.client import Management

ORDERS = (Path(__file__).parents[2] / "examples" / "orders" / "operations.yaml").read_text()
WAREHOUSE = """# The rows of the warehouse, by table.
types:
  tables:
    actions:
      read: {class: read, properties: {limit: {type: number, non_negative: true}}}
rest:
  - {match: "GET /tables/{table}", action: "tables:read", resource: path.table, properties: {limit: query.limit}}
"""
TOOLS = """types:
  files: {actions: {read: {class: read}, edit: {class: write}}}
mcp:
  tools:
    read_file: {action: "files:read", resource: arguments.path}
    edit_file: {action: "files:edit", resource: arguments.path}
"""
HEADER = {"kind": "header", "name": "authorization", "prefix": "Bearer "}
KEY = "sk_live_never_on_any_page"
SUPPORT = (
    "orders:list",
    "orders:read:*",
    "orders:refund:*?amount<=50&amount>=0&currency=USD&user=user-678",
    "orders:cancel:*",
)


@dataclass
class Content:
    """What tests ask for by name."""

    place: Place
    management: Management
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where people's pages are."""
        there = urlsplit(self.place.people_url)
        return f"{there.scheme}://{there.netloc}"

    def call(self, token: str, method: str, path: str, body: Any = None, **headers: str) -> int:
        """One call of an agent to the orders API."""
        sent = {"authorization": f"Bearer {self.tokens[token]}", **headers}
        with httpx2.Client(trust_env=False, timeout=30) as client:
            content = None if body is None else json.dumps(body).encode()
            if content is not None:
                sent["content-type"] = "application/json"
            url = f"{self.place.agents_url}/u/orders{path}"
            return int(client.request(method, url, content=content, headers=sent).status_code)

    def code(self) -> str:
        """A one-time code for a person of the name `ada`."""
        return str(signed_in_again(self.place).act("people", "ada", "code")["code"])


def signed_in_again(place: Place) -> Management:
    """The founder, by password: giving a code is for whoever has just signed in."""
    place.code = None
    return signed_in(place)


class Answering(BaseHTTPRequestHandler):
    """Every request is well."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        content = b'{"ok":true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the base class's names
    do_PUT = do_GET  # noqa: N815 - the same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@contextmanager
def answering() -> Iterator[int]:
    """The port of an upstream that answers everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)


def furnish(content: Content, port: int) -> None:
    """Upstreams, secrets, roles, agents, people, tokens."""
    made, ids = content.management.create, content.ids
    for name, kind, path, operations in (
        ("orders", "rest", "", ORDERS),
        ("warehouse", "rest", "", WAREHOUSE),
        ("files", "mcp-http", "/mcp", TOOLS),
    ):
        target = f"http://127.0.0.1:{port}{path}"
        said: dict[str, Any] = {
            "name": name,
            "kind": kind,
            "target": target,
            "operations": operations,
            "injection": HEADER,
        }
        ids[name] = str(made("upstreams", said)["id"])
    made("secrets", {"name": "orders-key", "upstream": "orders", "value": KEY})
    made("secrets", {"name": "files-key", "upstream": "files", "value": KEY})
    content.management.act("upstreams", "files", "disable")
    asks: dict[str, Any] = {
        "scopes": SUPPORT,
        "asks_person": ("orders:cancel",),
        "max_lifetime_seconds": Decimal(604_800),
    }
    content.management.replace("roles", "support", asks)
    content.management.replace("roles", "reporting", {"scopes": ("orders:list", "orders:read:*", "tables:read:*")})
    ids["ada"] = str(made("people", {"name": "ada", "operator": "admin"})["id"])
    made("people", {"name": "audit-desk", "operator": "auditor"})
    ids["support-bot"] = str(made("agents", {"name": "support-bot", "role": "support"})["id"])
    ids["nightly-report"] = str(made("agents", {"name": "nightly-report", "role": "reporting", "owner": "ada"})["id"])
    _issue(content, "refund-desk", "support-bot", SUPPORT[:3], purpose="refund what customers were promised")
    _issue(
        content,
        "laptop",
        "support-bot",
        SUPPORT[:2],
        limits={"calls": {"count": Decimal(8), "period_seconds": Decimal(60)}},
    )
    _issue(content, "nightly", "nightly-report", ("orders:list",), lifetime=3_600)


def _issue(
    content: Content, name: str, agent: str, scopes: tuple[str, ...], lifetime: int = 28_800, **said: Any
) -> None:
    form = {"name": name, "agent": agent, "scopes": scopes, "lifetime_seconds": Decimal(lifetime), "run": "new", **said}
    token = content.management.create("tokens", form)
    content.ids[name] = str(token["id"])
    content.ids[f"{name}-run"] = str(token["run"])
    content.tokens[name] = str(token["token"])


def use(content: Content) -> None:
    """Calls as an agent makes them: most of them permitted, some refused, one of each reason."""
    for order in range(12340, 12346):
        content.call("refund-desk", "GET", f"/orders/order-{order}")
    refund = {"amount": 20, "currency": "USD", "user": "user-678"}
    content.call("refund-desk", "POST", "/orders/order-12345/refunds", refund)
    content.call("refund-desk", "POST", "/orders/order-12345/refunds", {**refund, "amount": 51})
    content.call("refund-desk", "POST", "/orders/order-12345/refunds", {**refund, "currency": "EUR"})
    content.call("refund-desk", "POST", "/orders/cancellations", {"orders": ["order-12345"]})
    content.call("refund-desk", "DELETE", "/orders/order-12345")
    for page in range(10):
        content.call("laptop", "GET", f"/orders?page={page}")
    content.call("nightly", "GET", "/orders?page=1")


def attack(content: Content) -> None:
    """Hostile text, in every field that an agent or an operator can set."""
    for text in ALL.values():
        content.call("refund-desk", "GET", f"/orders/{quote(text[:1500], safe='')}")
        content.call("refund-desk", "POST", "/orders/order-1/refunds", {"amount": 1, "currency": text, "user": text})
    said = {"gatepass-purpose": MARKUP[:200], "traceparent": ATTRIBUTES, "user-agent": MARKUP}
    content.call("refund-desk", "GET", "/orders/order-12340", **said)
    _issue(content, "hostile", "support-bot", ("orders:list",), purpose=(MARKUP + TEMPLATE)[:200])
    content.management.act("tokens", "hostile", "revoke", {"reason": (ATTRIBUTES + MARKUP)[:200]})
    with httpx2.Client(trust_env=False, timeout=30) as client:
        headers = {"authorization": "Bearer gp_sk_" + "0" * 40, "user-agent": MARKUP}
        client.get(f"{content.place.agents_url}/u/orders/orders", headers=headers)
    commented = WAREHOUSE.replace("tables", "oddities") + "".join(
        f"# {text!r}\n" for text in (MARKUP, TEMPLATE, ATTRIBUTES)
    )
    target = "http://127.0.0.1:9/" + quote(MARKUP, safe="")
    said_of: dict[str, Any] = {
        "name": "odd",
        "kind": "rest",
        "target": target,
        "operations": commented,
        "injection": HEADER,
    }
    content.ids["odd"] = str(content.management.create("upstreams", said_of)["id"])


@contextmanager
def empty(folder: Path) -> Iterator[Content]:
    """A server in which nothing is yet."""
    with running(folder) as place:
        yield Content(place, signed_in(place))


@contextmanager
def furnished(folder: Path) -> Iterator[Content]:
    """A server in which there is something."""
    with answering() as port, empty(folder) as content:
        furnish(content, port)
        use(content)
        yield content
