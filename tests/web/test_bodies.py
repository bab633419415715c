"""A body is bounded in size, in its pauses, and in time altogether, on every surface of people."""

import asyncio
import itertools
import json

import pytest
from starlette.types import Message
from tests.web.deployment import Deployment
from tests.web.served import dial, read_answer

from gatepass.errors import Malformed
from gatepass.web import bodies
from gatepass.web.bodies import read_pairs, read_whole


def test_a_body_that_never_pauses_and_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LONGEST_ARRIVAL", 0.05)

    async def dripping() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Malformed) as refused:
        asyncio.run(read_whole(dripping, 1 << 40))
    assert refused.value.code == "too_slow"


def test_a_body_is_read_whole_and_no_further() -> None:
    pieces = itertools.chain([b"a", b"", b"bc"])
    asked: list[int] = []

    async def receive() -> Message:
        asked.append(1)
        return {"type": "http.request", "body": next(pieces), "more_body": len(asked) < 3}

    assert asyncio.run(read_whole(receive, 3)) == b"abc"
    assert len(asked) == 3


@pytest.mark.parametrize("path", ["/console/sign-in", "/api/v1/session"])
def test_who_sends_a_byte_and_waits_is_answered(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Well within the bound of a pause: it is the whole that takes too long."""
    monkeypatch.setattr(bodies, "LONGEST_ARRIVAL", 0.3)
    kind = "application/json" if "api" in path else "application/x-www-form-urlencoded"
    origin = f"http://localhost:{deployment.port}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{deployment.port}\r\nOrigin: {origin}\r\nContent-Type: {kind}\r\n"
        "Sec-Fetch-Site: same-origin\r\nContent-Length: 1000\r\n\r\n{"
    )
    with dial(deployment.port) as connection:
        connection.sendall(head.encode())
        answer = read_answer(connection)
    assert answer.status == 408
    assert b"too_slow" in answer.body
    if "api" in path:
        assert json.loads(answer.body)["code"] == "too_slow"


@pytest.mark.parametrize("text", [b"a", b"a=%ff", b"a=\xc3\xa9", b"&".join([b"a=b"] * 5)])
def test_what_is_no_list_of_names_and_values_is_refused_and_not_repeated(text: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read_pairs(text, largest=100, most=4, what="query")
    assert refused.value.message == "the query is not a list of name=value in UTF-8"


def test_names_may_stand_twice_and_blank() -> None:
    assert read_pairs(b"a=1&a=&b=%C3%A9", largest=100, most=4, what="form") == [("a", "1"), ("a", ""), ("b", "\u00e9")]
    assert read_pairs(b"", largest=100, most=4, what="form") == []
    with pytest.raises(Malformed) as refused:
        read_pairs(b"a=" + b"x" * 100, largest=100, most=4, what="form")
    assert refused.value.code == "too_large"
