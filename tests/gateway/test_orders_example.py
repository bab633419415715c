"""The orders API of the examples is a real one: it wants its key, and writes down what it saw without it."""

import asyncio
import re
from pathlib import Path

from tests.gateway.orders import orders_api
from tests.gateway.world import KEY

from gatepass.gateway.operations import read_operations

ROOT = Path(__file__).resolve().parents[2]


async def ask(target: str, request: bytes) -> bytes:
    host, port = target.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read(65536)
    writer.close()
    return answer


def test_without_the_key_it_does_nothing_and_the_key_is_not_in_its_log(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with orders_api(tmp_path) as api:
            head = b"GET /orders/order-12345 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            assert b" 401 " in await ask(api.target, head + b"\r\n")
            assert b" 401 " in await ask(api.target, head + b"Authorization: Bearer guess\r\n\r\n")
            right = await ask(api.target, head + b"Authorization: Bearer " + KEY.encode() + b"\r\n\r\n")
            assert b" 200 " in right
            assert [seen["key"] for seen in await api.next_seen(3)] == ["none", "wrong", "right"]
            assert KEY not in api.log.read_text()

    asyncio.run(scenario())


def test_the_files_of_the_manual_are_read_as_they_stand() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text()
    files = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    assert len(files) == 3
    for file in files:
        read_operations(file, "manual")
