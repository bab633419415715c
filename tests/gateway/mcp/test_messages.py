"""What is a message and what is none, in the words of JSON-RPC and MCP."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass import exact
from gatepass.access import Json
from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.messages import (
    Answer,
    Call,
    Fault,
    Notice,
    read_from_client,
    read_from_server,
    request_id,
    write_answer,
    write_call,
    write_notice,
)


def read(text: str) -> Call | Notice:
    return read_from_client(exact.read(text))


def test_a_request_and_a_notification_are_told_apart_by_the_id() -> None:
    assert read('{"jsonrpc":"2.0","id":1,"method":"ping"}') == Call(1, "ping", {})
    assert read('{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1}}') == Notice(
        "notifications/x", {"a": Decimal(1)}
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', "a batch was sent"),
        ("[]", "a batch was sent"),
        ("7", "the body is not a JSON object"),
        ('{"id":1,"method":"ping"}', "`jsonrpc` is not `2.0`"),
        ('{"jsonrpc":2.0,"id":1,"method":"ping"}', "`jsonrpc` is not `2.0`"),
        ('{"jsonrpc":"1.0","id":1,"method":"ping"}', "`jsonrpc` is not `2.0`"),
        ('{"jsonrpc":"2.0","id":1,"result":{}}', "it has no `method`; answers are not awaited here"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', "member `result` has no meaning here"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}', "member `Method` has no meaning here"),
        ('{"jsonrpc":"2.0","id":1,"method":7}', "`method` is not a name"),
        ('{"jsonrpc":"2.0","id":1,"method":""}', "`method` is not a name"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', "`params` is not an object"),
        ('{"jsonrpc":"2.0","id":1,"method":"ping","params":null}', "`params` is not an object"),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":1.0,"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":1e3,"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":true,"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":{},"method":"ping"}', "`id` is neither a string nor an integer"),
        ('{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}', "`id` is neither a string nor an integer"),
        (f'{{"jsonrpc":"2.0","id":"{"x" * 257}","method":"ping"}}', "`id` is neither a string nor an integer"),
    ],
)
def test_what_has_no_one_meaning_is_refused(text: str, why: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read(text)
    assert refusal.value.code == "malformed_message"
    assert refusal.value.message == f"the message cannot be read: {why}"


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}',
        '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\\ud800"}}',
        '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}',
    ],
)
def test_names_twice_and_numbers_that_are_none_do_not_get_this_far(text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read(text)
    assert refusal.value.code == "malformed_json"


def test_an_error_is_addressed_as_far_as_the_id_can_be_read() -> None:
    assert request_id(exact.read('{"id":"a","method":1}')) == "a"
    assert request_id(exact.read('{"id":1.5}')) is None
    assert request_id(exact.read("[1]")) is None


def test_a_servers_answer_is_a_result_or_an_error_and_never_both() -> None:
    assert read_from_server(b'{"jsonrpc":"2.0","id":3,"result":{"x":1},"extra":1}', max_bytes=100) == Answer(
        3, {"x": Decimal(1)}
    )
    fault = read_from_server(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}', max_bytes=100)
    assert fault == Answer(None, fault=Fault(-32700, "?"))
    for text in (
        b'{"jsonrpc":"2.0","id":3}',
        b'{"jsonrpc":"2.0","id":3,"result":{},"error":{"code":1,"message":"x"}}',
        b'{"jsonrpc":"2.0","id":3,"result":[]}',
        b'{"jsonrpc":"2.0","id":3,"error":{"code":"1","message":"x"}}',
        b'{"jsonrpc":"2.0","id":3,"error":{"code":1.5,"message":"x"}}',
        b'{"jsonrpc":"2.0","id":3,"error":"x"}',
        b'{"id":3,"result":{}}',
        b"[]",
        b"",
        b"\xff",
    ):
        with pytest.raises(Malformed):
            read_from_server(text, max_bytes=100)


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-999, 999).map(Decimal),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=10,
)
objects = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values, max_size=4)
ids = st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=256)


@given(ids, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128), objects)
def test_what_is_written_is_read_back(identifier: int | str, method: str, params: dict[str, Json]) -> None:
    call = Call(identifier, method, params)
    assert read_from_client(exact.read(write_call(call))) == call
    notice = Notice(method, params)
    assert read_from_client(exact.read(write_notice(notice))) == notice
    answer = Answer(identifier, params)
    assert read_from_server(write_answer(answer), max_bytes=1 << 20) == answer


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_nothing_else_than_a_refusal_comes_of_noise(text: str) -> None:
    for raw in (text.encode("utf-8", "surrogatepass"), json.dumps({"jsonrpc": "2.0", "x": text}).encode()):
        try:
            read_from_server(raw, max_bytes=1000)
        except Malformed:
            continue
