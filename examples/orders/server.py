"""A small orders API that wants a secret key: the system behind Gatepass in the demo and in the tests.

    ORDERS_KEY=sk_live_... python examples/orders/server.py --port 9000 --log seen.ndjson

It knows nothing of Gatepass. Whoever sends `Authorization: Bearer <the key>` may do everything; whoever
does not gets 401. It writes down what it saw, one JSON object a line: method, path, query, body, and
whether the key was right, never the key itself. `/echo` is here to misbehave: it repeats the headers that
it was sent, the key among them, in whatever spelling it is asked for.
"""

import argparse
import asyncio
import base64
import gzip
import hmac
import json
import os
import socket
import sys
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qsl, quote, unquote

import uvicorn

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

LARGEST_BODY = 1 << 20


@dataclass
class Order:
    """Somebody bought something."""

    id: str
    user: str
    total: Decimal
    currency: str
    state: str = "paid"
    refunds: list[dict[str, Any]] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        refunded = sum((Decimal(refund["amount"]) for refund in self.refunds), Decimal(0))
        return {
            "id": self.id,
            "user": self.user,
            "total": str(self.total),
            "currency": self.currency,
            "state": self.state,
            "refunded": str(refunded),
        }


def some_orders() -> dict[str, Order]:
    return {
        f"order-{number}": Order(f"order-{number}", f"user-{number % 1000}", Decimal(80 + number % 50), "USD")
        for number in range(12340, 12360)
    }


@dataclass
class Seen:
    """One request, as far as it concerns anybody."""

    method: str
    path: str
    query: str
    key: str
    body: str = ""
    status: int = 0
    bytes_out: int = 0
    closed: str = ""
    """For an answer that goes on until it is closed: who closed it."""


@dataclass
class Orders:
    """The API."""

    key: bytes
    log: TextIO | None = None
    orders: dict[str, Order] = field(default_factory=some_orders)
    values: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        exchange = Exchange(self, scope, receive, send)
        try:
            await exchange.run()
        finally:
            self.write_down(exchange.seen)

    def write_down(self, seen: Seen) -> None:
        if self.log is not None:
            line = {"at": int(time.time() * 1000), **{name: value for name, value in vars(seen).items() if value != ""}}
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()


class Exchange:
    """One request and its answer."""

    def __init__(self, api: Orders, scope: Message, receive: Receive, send: Send) -> None:
        self.api = api
        self.receive = receive
        self._send = send
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        raw = scope["raw_path"].decode("ascii", "replace")
        self.path = [unquote(part) for part in raw.strip("/").split("/")]
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        presented = next((value for name, value in self.headers if name == "authorization"), "").encode("latin-1")
        right = hmac.compare_digest(presented, b"Bearer " + api.key)
        self.seen = Seen(
            scope["method"],
            raw,
            scope["query_string"].decode("latin-1"),
            "right" if right else "wrong" if presented else "none",
        )

    async def run(self) -> None:
        if self.path == ["healthz"]:
            await self.answer(200, {"ok": True})
        elif self.seen.key != "right":
            await self.answer(401, {"error": "the key is missing or wrong"}, ("www-authenticate", "Bearer"))
        else:
            await self.route()

    async def route(self) -> None:
        match self.seen.method, self.path:
            case "GET", ["orders"]:
                listed = [order.shown() for order in self.api.orders.values()]
                page = int(self.query.get("page", "1"))
                await self.answer(200, {"orders": listed[(page - 1) * 10 : page * 10], "page": page})
            case "POST", ["orders", "cancellations"]:
                await self.cancel()
            case "GET", ["orders", id_] if id_ in self.api.orders:
                await self.answer(200, self.api.orders[id_].shown())
            case "POST", ["orders", id_, "refunds"] if id_ in self.api.orders:
                await self.refund(self.api.orders[id_])
            case "GET", ["orders", id_, "events"] if id_ in self.api.orders:
                await self.events(self.api.orders[id_])
            case "PUT", ["orders", id_, "invoice"] if id_ in self.api.orders:
                body = await self.body()
                self.seen.body = f"{len(body)} bytes"
                await self.answer(201, {"order": id_, "bytes": len(body)})
            case "GET", ["echo"]:
                await self.echo()
            case "GET", ["kv"]:
                prefix = self.query.get("prefix", "")
                await self.answer(200, {"keys": sorted(key for key in self.api.values if key.startswith(f"{prefix}:"))})
            case method, ["kv", *rest] if rest:
                await self.value(method, "/".join(rest))
            case _:
                await self.answer(404, {"error": "there is no such thing"})

    async def refund(self, order: Order) -> None:
        asked: dict[str, Any] = {}
        try:
            asked = json.loads(await self.text(), parse_float=Decimal, parse_int=Decimal)
            amount = Decimal(asked["amount"])
        except (ValueError, KeyError, TypeError, ArithmeticError):
            amount = Decimal(0)
        if not amount.is_finite() or amount <= 0:
            await self.answer(422, {"error": "a refund needs an amount above zero"})
            return
        refund = {
            "id": f"refund-{len(order.refunds) + 1}",
            "amount": str(amount),
            "currency": asked.get("currency", ""),
        }
        order.refunds.append(refund)
        await self.answer(201, {"order": order.id, **refund, "note": asked.get("note")})

    async def cancel(self) -> None:
        ids = json.loads(await self.text())["orders"]
        for id_ in ids:
            if id_ in self.api.orders:
                self.api.orders[id_].state = "cancelled"
        await self.answer(200, {"cancelled": ids})

    async def events(self, order: Order) -> None:
        """A stream that goes on until somebody closes it."""
        pause = float(self.query.get("every", "0.1"))
        gone = asyncio.ensure_future(self.receive_until_gone())
        await self.start(200, ("content-type", "text/event-stream"), ("cache-control", "no-store"))
        number = 0
        while not gone.done():
            number += 1
            event = f"id: {number}\nevent: tick\ndata: " + json.dumps({"order": order.id, "number": number}) + "\n\n"
            await self.piece(event.encode())
            await asyncio.wait({gone}, timeout=pause)
        self.seen.closed = "by the caller"

    async def receive_until_gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def value(self, method: str, key: str) -> None:
        if method == "PUT":
            self.api.values[key] = await self.text()
            await self.answer(200, {"key": key})
        elif key not in self.api.values or method not in {"GET", "DELETE"}:
            await self.answer(404, {"error": "there is no such key"})
        elif method == "GET":
            await self.answer(200, {"key": key, "value": self.api.values[key]})
        else:
            del self.api.values[key]
            await self.answer(200, {"key": key, "deleted": True})

    async def echo(self) -> None:
        """The request's headers, spelled as `how` says, after `before`, in pieces of `size` bytes."""
        how = self.query.get("how", "plain")
        told = (self.query.get("before", "") + "\n".join(f"{name}: {value}" for name, value in self.headers)).encode()
        if how == "header":
            secret = next(value for name, value in self.headers if name == "authorization")
            await self.answer(200, {}, ("x-echo", secret), ("location", "/next?key=" + quote(secret, safe="")))
            return
        spelled, coding = SPELLINGS[how](told)
        headers = [("content-type", "text/plain; charset=utf-8"), *([("content-encoding", coding)] if coding else [])]
        await self.start(200, *headers)
        for piece in cut(spelled, int(self.query.get("size", "65536"))):
            await self.piece(piece)
            await asyncio.sleep(0)
        await self.end()

    # -- plumbing

    async def body(self) -> bytes:
        body = b""
        more = True
        while more:
            message = await self.receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and len(body) <= LARGEST_BODY * 64
        return body

    async def text(self) -> str:
        self.seen.body = (await self.body())[:LARGEST_BODY].decode("utf-8", "replace")
        return self.seen.body

    async def answer(self, status: int, value: object, *headers: tuple[str, str]) -> None:
        body = json.dumps(value).encode()
        length = ("content-length", str(len(body)))
        await self.start(status, ("content-type", "application/json"), length, *headers)
        await self.piece(body)
        await self.end()

    async def start(self, status: int, *headers: tuple[str, str]) -> None:
        self.seen.status = status
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def piece(self, piece: bytes) -> None:
        self.seen.bytes_out += len(piece)
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


SPELLINGS: dict[str, Callable[[bytes], tuple[bytes, str]]] = {
    "plain": lambda told: (told, ""),
    "percent": lambda told: (quote(told, safe="").encode(), ""),
    "percent-all": lambda told: ("".join(f"%{byte:02x}" for byte in told).encode(), ""),
    "percent-twice": lambda told: (quote(quote(told, safe=""), safe="").encode(), ""),
    "json": lambda told: (json.dumps(told.decode("latin-1")).encode(), ""),
    "json-all": lambda told: ("".join(f"\\u{byte:04x}" for byte in told).encode(), ""),
    "json-twice": lambda told: (json.dumps(json.dumps(told.decode("latin-1"))).encode(), ""),
    "hex": lambda told: (told.hex().encode(), ""),
    "HEX": lambda told: (told.hex().upper().encode(), ""),
    "base64": lambda told: (base64.b64encode(told), ""),
    "base64url": lambda told: (base64.urlsafe_b64encode(told), ""),
    "base64-lines": lambda told: (base64.encodebytes(told), ""),
    "gzip": lambda told: (gzip.compress(told), "gzip"),
    "deflate": lambda told: (zlib.compress(told), "deflate"),
    "gzip-base64": lambda told: (gzip.compress(base64.b64encode(told)), "gzip"),
    "unknown": lambda told: (told[::-1], "rot13"),
}


def cut(text: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A small orders API that wants a secret key (in ORDERS_KEY, or a file)."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free one")
    parser.add_argument("--key-file", type=Path, help="read the key from this file instead of ORDERS_KEY")
    parser.add_argument("--log", type=Path, help="write down what was seen, one JSON object a line")
    chosen = parser.parse_args()
    key = chosen.key_file.read_text().strip() if chosen.key_file else os.environ.pop("ORDERS_KEY", "")
    if not key:
        sys.exit("a key is needed: set ORDERS_KEY, or give --key-file")
    log = chosen.log.open("a") if chosen.log else None
    listener = socket.create_server((chosen.host, chosen.port))
    print(f"listening on http://{chosen.host}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(Orders(key.encode(), log), log_level="warning", lifespan="on", server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
