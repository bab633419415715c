"""One request to a subject outside the load: whether it answers rightly yet, and setting it up over its own API."""

import http.client
import json
from collections.abc import Callable, Mapping
from typing import Any

from bench.load import Exchange
from bench.stage import Failed

__all__ = ["answered", "called"]

PATIENCE = 30


def answered(exchange: Exchange) -> Callable[[], str]:
    """What is wrong with the exchange's answer now: nothing, when it is the right one."""

    def try_once() -> str:
        asked = exchange
        status, body = _ask(asked.method, asked.port, asked.path, asked.body, asked.headers, host=asked.host)
        right = status == 200 and exchange.holds in body and not any(word in body for word in exchange.lacks)
        return "" if right else f"{status} {' '.join(body.split())[:300]}"

    return try_once


def called(method: str, port: int, path: str, said: object = None, headers: Mapping[str, str] | None = None) -> Any:
    """What a subject's management API answers, as JSON. Raises `Failed` unless it agrees."""
    body = b"" if said is None else json.dumps(said).encode()
    status, text = _ask(method, port, path, body, headers or {})
    if status >= 300:
        raise Failed(f"{method} {path} was answered {status}: {' '.join(text.split())[:300]}")
    return json.loads(text) if text else None


def _ask(
    method: str, port: int, path: str, body: bytes, headers: Mapping[str, str], *, host: str = "127.0.0.1"
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    said = {"Host": f"{host}:{port}", **headers, **({"Content-Type": "application/json"} if body else {})}
    try:
        connection.request(method, path, body or None, said)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(str(error)) from None
    finally:
        connection.close()
