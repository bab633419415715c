"""Whatever bytes come: an `Error` of ours, or an access that every reader behind us would read the same way."""

import asyncio
import json
import posixpath
import urllib.parse
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.gateway.orders import OPERATIONS
from tests.gateway.world import Pieces, World
from tests.laws.premises import law
from yarl import URL

from gatepass.access import Json
from gatepass.errors import Error, Malformed
from gatepass.gateway.callers import Caller
from gatepass.gateway.forwarding.door import Patience
from gatepass.gateway.operations import read_operations
from gatepass.gateway.requests import Request
from gatepass.gateway.rest.paths import read_path, read_query
from gatepass.gateway.rest.reading import Plan, Reading

MAPPED = read_operations(
    """
types:
  things:
    actions:
      one: {class: read, properties: {page: number, flag: boolean, word: string, note: {type: string, free: true}}}
      many: {class: write, properties: {amount: {type: number, non_negative: true}, labels: object}}
rest:
  - match: "GET /things/{id}"
    action: "things:one"
    resource: path.id
    properties: {page: query.page, flag: query.flag, word: query.word}
  - {match: "GET /all/{rest+}", action: "things:one", resource: path.rest}
  - {match: "GET /of/{owner}/{name}", action: "things:one", resource: "{path.owner}/{path.name}"}
  - {match: "GET /", action: "things:one", resource: none}
  - match: "POST /things"
    action: "things:many"
    resource: "body.things[].id"
    properties: {amount: body.amount, labels: body.labels}
"""
).rest

HOSTILE = st.sampled_from(
    b"/ // . .. /../ %2E %2e %2F %2f %5C \\ %252F % %4 %zz %41 %61 %7E ; %3B ;x=1 + %00 %0A %7F %C2%85 ? # \xc3\xa9 "
    b"%C0%AE %FF %EF%BC%8F %EF%BC%8E %E2%80%A8 %ED%A0%80 & =".split(b" ")
)
HARMLESS = st.sampled_from(
    b"a order-1 A - ~ ... .x : %3A @ * ' %2B %20 %C3%A9 e%CC%81 %25 %25x 1 0.10 %26 %3D %E2%82%AC !$ (y) ,".split()
)
text = st.lists(HARMLESS, min_size=1, max_size=3).map(b"".join)
hurt = st.tuples(text, HOSTILE, st.just(b"") | text).map(b"".join)
segment = st.one_of(text, text, text, hurt)
ROUTES = [(b"things", 1), (b"all", 1), (b"all", 3), (b"of", 2), (b"nothing", 1)]
routed = st.one_of(
    *(
        st.tuples(st.just(route), *[segment] * length).map(lambda parts: b"/" + b"/".join(parts))
        for route, length in ROUTES
    )
)
paths = st.one_of(
    routed,
    st.lists(segment | HOSTILE, max_size=6).map(lambda parts: b"/" + b"/".join(parts)),
    st.binary(max_size=30),
)
NAMES = [b"page", b"flag", b"word", b"note"]
names = st.sampled_from([*NAMES, *NAMES, b"Page", b"%70age", b"word%00", b"other", b"", b"_method"])
values = st.one_of(text, segment, st.sampled_from([b"1", b"01", b"true", b"1e3", b"-1", b"0.10"]))
queries = st.one_of(
    st.lists(st.tuples(st.sampled_from(NAMES), text), max_size=4, unique_by=lambda pair: pair[0]).map(
        lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
    ),
    st.lists(st.tuples(names, st.sampled_from([b"=", b"=", b"=", b""]), values), max_size=4).map(
        lambda pairs: b"&".join(name + equals + value for name, equals, value in pairs)
    ),
    st.binary(max_size=30),
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "x", "env"]), inner, max_size=2),
    max_leaves=6,
)
thing = st.fixed_dictionaries({"id": st.sampled_from(["a", "order-1", "x/y", 7, 10**6])})
several = st.lists(thing, min_size=1, max_size=3)
amounts = st.one_of(st.integers(0, 10**6), st.floats(0, 1e9), st.decimals(0, 100, places=2).map(float), anything)
bodies = st.one_of(
    st.fixed_dictionaries({"things": several}, optional={"amount": amounts}),
    st.fixed_dictionaries(
        {"things": several | anything},
        optional={
            "amount": amounts,
            "labels": st.dictionaries(st.sampled_from(["env", "x"]), anything, max_size=2) | anything,
            "extra": anything,
        },
    ),
)


clean = st.sampled_from([ROUTES[0], ROUTES[2]]).flatmap(
    lambda route: st.tuples(st.just(route[0]), *[text] * route[1]).map(lambda parts: b"/" + b"/".join(parts))
)
requests = st.one_of(
    st.tuples(st.just("GET"), clean, st.sampled_from([b"", b"note=%20"]), st.none()),
    st.tuples(
        st.sampled_from(["GET", "POST", "get", ""]), paths, st.just(b"") | queries, st.none() | st.binary(max_size=40)
    ),
)


def readings_of_path(raw: bytes) -> list[list[str]]:
    """What different servers make of a path."""
    text = raw.decode("latin-1")
    once = [urllib.parse.unquote(part, errors="strict") for part in text.split("/")]
    whole = urllib.parse.unquote(text, errors="strict").split("/")
    normal = posixpath.normpath(urllib.parse.unquote(text)).split("/") + (
        [""] if raw.endswith(b"/") and raw != b"/" else []
    )
    twice = [urllib.parse.unquote(part, errors="strict") for part in once]
    plus = [urllib.parse.unquote_plus(part) for part in text.split("/")]
    cut = [part.partition(";")[0] for part in once]
    backslashes = "/".join(once).replace("\\", "/").split("/")
    browser = URL(f"http://h{text}").path.split("/")
    return [once, whole, normal if raw != b"/" else once, twice, plus, cut, backslashes, browser]


def refused(refusal: Error) -> bool:
    """A refusal is one of ours, says what is wrong in one line, and does not meet a premise."""
    assert refusal.code in {"malformed_request", "malformed_json", "operation_unmapped", "too_large"}
    assert refusal.message.isprintable()
    return False


@law(raw=paths)
def test_a_path_that_is_accepted_is_the_same_to_every_reader(raw: bytes) -> bool:
    try:
        path = read_path(raw)
    except Malformed as refusal:
        return refused(refusal)
    expected = ["", *path.segments, *([""] if path.slash or raw == b"/" else [])]
    for reading in readings_of_path(raw):
        assert reading == expected
    return True


@law(raw=queries)
def test_a_query_that_is_accepted_is_the_same_to_every_reader(raw: bytes) -> bool:
    try:
        query = read_query(raw)
    except Malformed as refusal:
        return refused(refusal)
    text = raw.decode("ascii")
    assert ";" not in text
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    assert dict(pairs) == query
    assert len(pairs) == len(query)
    assert dict(URL(f"http://h/?{text}").query) == query
    return True


@cache
def caller() -> Caller:
    """A verified caller, made by the real thing once."""

    async def met() -> Caller:
        world = World()
        world.upstream("http://127.0.0.1:9", OPERATIONS)
        token = world.token("orders:list")
        return await world.admission.meet(world.request(token, "GET", "/orders"), "rest")

    return asyncio.run(met())


def planned(
    method: str, path: bytes, query: bytes = b"", body: bytes | None = None, *headers: tuple[bytes, bytes]
) -> Plan:
    served = caller().served
    assert served is not None
    if body is not None:
        headers = (*headers, (b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"))
    request = Request(method, "things", path, query, headers, "127.0.0.1", Pieces(*([body] if body else [])))
    reading = Reading(MAPPED, served.upstream, request)
    return asyncio.run(reading.plan(caller(), Patience()))


@law(request=requests)
def test_whatever_bytes_come_the_answer_is_an_access_or_an_error(
    request: tuple[str, bytes, bytes, bytes | None],
) -> bool:
    method, path, query, body = request
    try:
        plan = planned(method, path, query, body)
    except Error as refusal:
        return refused(refusal)
    assert (plan.call.path, plan.call.query) == (path, query)
    segments = [urllib.parse.unquote(part) for part in path.decode().split("/")][1:]
    rest = "/".join(segments[1:])
    expected = {"things": segments[1:], "all": [rest], "of": [rest], "": []}[segments[0]]
    assert list(plan.access.resource.ids) == expected
    return True


@law(value=bodies, twice=st.sampled_from(["", "", "", "things", "amount", "labels", "id"]))
def test_a_body_that_is_accepted_says_the_same_to_a_reader_of_floats(value: dict[str, Any], twice: str) -> bool:
    body = json.dumps(value)
    if twice:
        body = body.replace(f'"{twice}":', f'"{twice}": 1, "{twice}":', 1)
    try:
        plan = planned("POST", b"/things", b"", body.encode())
    except Error as refusal:
        return refused(refusal)
    assert plan.call.body == body.encode()
    read = json.loads(body)
    assert [str(thing["id"]) for thing in read["things"]] == list(plan.access.resource.ids)
    assert set(read) <= {"things", "amount", "labels"}
    if read.get("amount") is not None:
        assert Decimal(repr(float(read["amount"]))) == plan.access.properties["amount"]
        assert read["amount"] >= 0
    assert ("labels" in read) == ("labels" in plan.access.properties)
    return True


def things(*ids: Json) -> bytes:
    return json.dumps({"things": [{"id": id_} for id_ in ids]}).encode()


@pytest.mark.parametrize(
    ("ids", "read"),
    [(("a", "b"), ("a", "b")), ((7,), ("7",)), (("a/b:c",), ("a/b:c",)), ((0, -3), ("0", "-3"))],
)
def test_ids_in_a_body(ids: tuple[Json, ...], read: tuple[str, ...]) -> None:
    assert planned("POST", b"/things", b"", things(*ids)).access.resource.ids == read


@pytest.mark.parametrize(
    "ids",
    [(), ("",), (None,), (True,), (1.5,), (1e21,), (2**63,), ("a\nb",), ("a" * 1025,), ("a",) * 1001, ({},), (["a"],)],
)
def test_what_is_no_id(ids: tuple[Json, ...]) -> None:
    with pytest.raises(Malformed):
        planned("POST", b"/things", b"", things(*ids))


def test_two_parts_of_an_id_cannot_be_shifted_into_one_another() -> None:
    assert planned("GET", b"/of/acme/widgets").access.resource.ids == ("acme/widgets",)
    assert planned("GET", b"/of/acme/a:b").access.resource.ids == ("acme/a:b",)
    with pytest.raises(Malformed, match="may not hold"):
        planned("GET", b"/of/a:b/widgets")


def test_typed_parameters_come_out_as_what_they_are() -> None:
    properties = planned("GET", b"/things/x", b"page=1.50&flag=true&word=1&note=%20").access.properties
    assert properties == {"page": Decimal("1.50"), "flag": True, "word": "1", "note": " "}
    assert type(properties["page"]) is Decimal


def test_the_digest_covers_every_argument() -> None:
    plans = [
        planned("GET", b"/things/x"),
        planned("GET", b"/things/y"),
        planned("GET", b"/things/x", b"note=1"),
        planned("GET", b"/things/x", b"note=2"),
        planned("POST", b"/things", b"", things("a")),
        planned("POST", b"/things", b"", things("b")),
    ]
    assert len({plan.arguments for plan in plans}) == len(plans)
    same = planned("POST", b"/things", b"", b' {"things":[{"id":"a"} ]}')
    assert same.arguments == plans[4].arguments
