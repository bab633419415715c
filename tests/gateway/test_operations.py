"""The operations file: read strictly, every complaint with its line; compiled to what is decided on."""

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateway.orders import OPERATIONS

from gatepass.access import UNKNOWN, Action, ActionClass, Json, Resource
from gatepass.errors import Malformed
from gatepass.gateway.operations import BodyUse, Operations, Parts, read_operations

TYPES = """
types:
  orders:
    minimum: 1
    actions:
      refund:
        class: write
        properties:
          amount: {type: number, non_negative: true}
          currency: string
          labels.env: string
          note: {type: string, free: true}
      list: {class: read, properties: {page: number}}
      read: {class: read}
  files:
    actions: {read: {class: read, properties: {head: number}}}
  prompts:
    actions: {get: {class: read, properties: {topic: string}}}
"""
REST = (
    TYPES
    + """
rest:
  - {match: "POST /orders/{order}/refunds", action: "orders:refund", resource: path.order, properties: {amount: body.amount}}
"""  # noqa: E501  one line of the file, whose number is asserted
)
MCP = (
    TYPES
    + """
mcp:
  tools:
    read_file: {action: "files:read", resource: arguments.path, root: /srv/repos, properties: {head: arguments.head}}
    read_files: {action: "files:read", resource: "arguments.paths[]", root: /srv/repos}
    list_orders: {action: "orders:list", resource: none, properties: {page: arguments.page}}
    refund:
      action: "orders:refund"
      resource: "{arguments.shop}/{arguments.order}"
      properties: {labels.env: arguments.labels.env}
    sweep: {action: "orders:read", resource: {pattern: "agents:{arguments.ns}:*"}}
    me: {action: "orders:read", resource: {id: "self"}}
  resources:
    - {match: "file:///{path+}", action: "files:read", resource: path}
    - {match: "db://{host}/{table}/schema", action: "orders:read", resource: "{host}/{table}"}
    - {match: "memo:insights", action: "orders:read", resource: uri}
  prompts:
    summary: {action: "prompts:get", resource: name, properties: {topic: arguments.topic}}
"""
)


def complaint(text: str) -> str:
    with pytest.raises(Malformed) as refusal:
        read_operations(text, "orders.yaml")
    assert refusal.value.code == "malformed_catalogue"
    return refusal.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected a mapping, the file is empty"),
        ("[]", "line 1: expected a mapping for the file, not a list"),
        ("just text", "line 1: expected a mapping for the file, not the text `just text`"),
        ("rest: []", "line 1: expected `types` in the file"),
        ("types: {}\nresst: []", "line 2: expected one of `types`, `rest`, `mcp`, `headers` in the file, not `resst`"),
        ("types:\n  orders: {}", "line 2: expected `actions` in a type"),
        (
            "types:\n  orders:\n    actions:\n      x: read",
            "line 4: expected a mapping for an action, not the text `read`",
        ),
        (
            "types:\n  orders:\n    actions:\n      x: {class: raed}",
            "line 4: expected `read`, `write`, `delete` or `admin`, not `raed`",
        ),
        (
            "types:\n  orders:\n    actions:\n      x:\n        class: read\n        properties:\n          a: nubmer",
            (
                "line 7: expected a catalogue, but `types.orders.actions.x.properties.a`: "
                "expected a type: string, number, boolean, object, array, any"
            ),
        ),
        (
            "types:\n  orders:\n    minimum: two\n    actions: {x: {class: read}}",
            "line 3: expected a whole number from 0 to 64 for `minimum`",
        ),
        ("types: {}\ntypes: {}", "line 2: expected `types` once, it stands on line 1 already"),
        ("types: &all {}\nrest: *all", "line 1: expected no anchor or alias: write the value out"),
        ("types: !!map {}", "line 1: expected no tag: quote what has to be text"),
        ("types: {}\n---\ntypes: {}", "line 2: expected one document"),
        (
            "types:\n  <<: {a: b}",
            "line 2: expected quotes around `<<`, which YAML readers take for different things",
        ),
        (
            "types:\n  orders:\n    actions:\n      on: {class: read}",
            "line 4: expected quotes around `on`, which YAML readers take for different things",
        ),
        ("types:\n  1: {}", "line 2: expected text for a key"),
        ("types:\n  [a]: {}", "line 2: expected text for a key"),
        ("types:\n\tx: 1", "line 2: expected YAML, found: found character that cannot start any token"),
        ("types: \x07", "line 1: expected YAML, found: characters that YAML does not allow"),
        ("types: {a: " + "[" * 40 + "]" * 40 + "}", "line 1: expected at most 16 levels"),
        ("x" * 300_000, "line 1: expected at most 262144 bytes"),
        ("types:\n" + "  x: 1\n" * 2, "line 3: expected `x` once, it stands on line 2 already"),
    ],
)
def test_a_complaint_names_the_line_and_what_was_expected(text: str, said: str) -> None:
    assert complaint(text) == f"`orders.yaml` {said}"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("POST /orders", "FETCH /orders", "a method (DELETE, GET, HEAD, PATCH, POST, PUT) and a path for `match`"),
        ("POST /orders", "POST orders", "a path that begins with `/`"),
        ("{order}", "{order", "a variable to be a whole segment: `{name}`, or `{name+}` at the end"),
        ("{order}", "x{order}", "a variable to be a whole segment"),
        ("{order}", "{order+}", "`{order+}` to stand last"),
        ("{order}/refunds", "{order}/{order}", "`{order}` once"),
        ("/orders/{order}", "/orders/../{order}", "a path as it is sent, but the path has a dot segment"),
        ("/orders/{order}", "/orders//{order}", "a path as it is sent, but the path has an empty segment"),
        ("/orders/{order}", "/or%64ers/{order}", "a path as it is sent, but the path percent-encodes"),
        ("orders:refund", "orders:refnud", "an action that `types` declares, not the text `orders:refnud`"),
        ("path.order", "path.ordr", "a variable of `match`, and `ordr` is none"),
        (
            "path.order",
            "header.order",
            "a source such as `path.name` or `query.name` or `body.name`, not `header.order`",
        ),
        ("path.order", "none", "`{order}` of `match` in `resource` or `properties`: nobody would look at it"),
        ("path.order", "[path.order]", "text for `resource`, not a list"),
        ("path.order", "{pattern: '{path.order'}", "`{` and `}` only around a source"),
        ("path.order", "{pattern: '{path.order}x*'}", "a pattern, but"),
        ("path.order", "'{path.order}{body.x}'", "`:` or `/` after a source that another one follows"),
        ("path.order", "'{path.order}/{body.x[]}'", "no list inside a longer text, and `body.x[]` is one"),
        ("path.order", "{id: '{path.order}//x'}", "text that comes to a well-formed id"),
        ("path.order", "{id: a, pattern: b}", "either `pattern` or `id` in `resource`"),
        ("body.amount", "body._method", "no source that some servers take for the method"),
        ("amount: body.amount", "amuont: body.amount", "a property that `refund` declares, and `amuont` is none"),
        ("body.amount}", "body.amount}, body: stream", "`json`, because a source of this operation stands in the body"),
        ("body.amount}", "body.amount}, body: xml", "`none`, `json` or `stream` for `body`, not `xml`"),
        ("body.amount}", "body.amount}, max_body: 1e9", "quotes around `1e9`"),
        ("body.amount}", "body.amount}, max_body: 99999999999", "a whole number from 1 to 16777216 for `max_body`"),
        ("body.amount}", "body.amount}, content_types: [text/plain]", "`content_types` only beside `body: stream`"),
        ("body.amount}", "body.amount}, retries: 3", "one of `match`, `action`, `resource`"),
        ("amount: body.amount", 'amount: "body.a[].x[].y"', "a source such as"),
        ("amount: body.amount", 'amount: "body.a[].x", currency: body.a.y', "a place to be either a list or an object"),
    ],
)
def test_a_complaint_about_an_operation(old: str, new: str, said: str) -> None:
    text = REST.replace(old, new, 1) if old != "orders:refund" else REST.replace('"orders:refund"', f'"{new}"')
    assert text != REST
    line = REST.splitlines().index(next(line for line in REST.splitlines() if "match:" in line)) + 1
    assert complaint(text).startswith(f"`orders.yaml` line {line}: expected {said}")


def test_two_operations_for_the_same_requests_are_refused() -> None:
    second = '  - {match: "POST /orders/{id}/refunds", action: "orders:refund", resource: path.id}\n'
    assert complaint(REST + second).endswith("expected no two operations for the same method and paths")
    for other in ("PUT /orders/{id}/refunds", "POST /orders/{id}/refunds/", "POST /orders/{id}/other"):
        assert len(read_operations(REST + second.replace("POST /orders/{id}/refunds", other)).rest) == 2


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "cookie",
        "host",
        "content-length",
        "range",
        "x-forwarded-for",
        "gatepass-run",
        "a b",
    ],
)
def test_headers_that_route_or_authenticate_cannot_be_added(name: str) -> None:
    assert "line 2" in complaint(f"types: {{}}\nheaders: ['{name}']")
    assert read_operations("types: {}\nheaders: [x-api-version]").rest.headers == {b"x-api-version"}


def matched(operations: Operations, method: str, *segments: str, **more: Any) -> str | None:
    match = operations.rest.match(method, segments, **more)
    return None if match is None else str(match.operation.rule.action.name)


def test_the_most_literal_template_wins_wherever_it_stands() -> None:
    actions = "a: {class: read}, b: {class: read}, c: {class: read}, d: {class: read}, e: {class: read}"
    operations = read_operations(
        f"types: {{t: {{actions: {{{actions}}}}}}}\n"
        "rest:\n"
        '  - {match: "GET /{rest+}", action: "t:a", resource: path.rest}\n'
        '  - {match: "GET /orders/{id}", action: "t:b", resource: path.id}\n'
        '  - {match: "GET /orders/search", action: "t:c", resource: none}\n'
        '  - {match: "GET /{kind}/{id}/x", action: "t:d", resource: "{path.kind}/{path.id}"}\n'
        '  - {match: "GET /orders/{id}/", action: "t:e", resource: path.id}\n'
    )
    assert matched(operations, "GET", "orders", "search") == "c"
    assert matched(operations, "GET", "orders", "7") == "b"
    assert matched(operations, "GET", "orders", "7", slash=True) == "e"
    assert matched(operations, "GET", "orders", "search", "x") == "d"
    assert matched(operations, "GET", "orders", "search", "y") == "a"
    assert matched(operations, "GET", "else") == "a"
    assert matched(operations, "GET", "else", slash=True) is None
    assert matched(operations, "GET") is None
    assert matched(operations, "POST", "orders", "7") is None
    assert matched(operations, "get", "orders", "7") is None
    found = operations.rest.match("GET", ("a", "b", "c"))
    assert found is not None
    assert found.variables == {"rest": "a/b/c"}


def test_matching_costs_no_more_than_there_are_templates() -> None:
    lines = ["types: {t: {actions: {a: {class: read}}}}", "rest:"]
    for number in range(512):
        free = [f"v{bit}" for bit in range(9) if not number >> bit & 1]
        path = "/".join("x" if number >> bit & 1 else f"{{v{bit}}}" for bit in range(9))
        id_ = "/".join(f"{{path.{name}}}" for name in free) or "all"
        lines.append(f'  - {{match: "GET /{path}/{number}", action: "t:a", resource: {{id: "{id_}"}}}}')
    compiled = read_operations("\n".join(lines))
    begun = time.thread_time()
    for _ in range(100):
        assert compiled.rest.match("GET", (*["x"] * 9, "none")) is None
    assert time.thread_time() - begun < 2  # 1,023 forks, each visited once


def rest_parts(operations: Operations, method: str, segments: tuple[str, ...], **arguments: Json) -> Parts:
    match = operations.rest.match(method, segments)
    assert match is not None
    return match.operation.rule.parts({"path": match.variables, "query": {}, **arguments})


def test_properties_come_from_where_the_file_says_and_free_ones_under_their_own_name() -> None:
    operations = read_operations(REST)
    refund = ("orders", "order-1", "refunds")
    parts = rest_parts(operations, "POST", refund, body={"amount": Decimal("1.5"), "note": "x"})
    assert parts.resource == Resource("orders", ("order-1",))
    assert parts.properties == {"amount": Decimal("1.5"), "note": "x"}
    assert parts.free == {"note"}
    assert rest_parts(operations, "POST", refund, body={}, query={"note": "y"}).properties == {"note": "y"}
    assert rest_parts(operations, "POST", refund, body={"amount": None}).properties == {"amount": None}
    for arguments in (
        {"body": {"currency": "USD"}},  # declared, but not mapped here
        {"body": {"note": "x"}, "query": {"note": "x"}},
        {"body": {"amount": "1"}},
        {"body": {"amount": Decimal(-1)}},
        {"body": ()},
        {"body": None},
        {"query": {"amount": "1"}},
    ):
        with pytest.raises(Malformed):
            rest_parts(operations, "POST", refund, **arguments)


def test_the_example_is_compiled_as_it_reads() -> None:
    operations = read_operations(OPERATIONS)
    bodies = {operation.rule.action.name: operation.body for operation in operations.rest}
    assert bodies["refund"] is BodyUse.JSON
    assert bodies["invoice"] is BodyUse.STREAM
    assert bodies["list"] is BodyUse.NONE
    assert operations.catalogue.action("orders", "cancel").kind is ActionClass.DELETE  # type: ignore[union-attr]


# -- MCP


def test_a_tool_is_read_from_its_arguments() -> None:
    mcp = read_operations(MCP).mcp
    tool = mcp.tool("read_file")
    assert tool is not None
    assert (tool.type, tool.action) == ("files", Action("read", ActionClass.READ))
    parts = tool.parts({"path": "/srv/repos/app//./main.py", "head": Decimal(5)})
    assert parts.resource == Resource("files", ("app/main.py",))
    assert parts.properties == {"head": Decimal(5)}
    assert tool.open_parts() == ("files", UNKNOWN, frozenset({"head"}), frozenset())
    assert mcp.tool("nothing") is None
    several = mcp.tool("read_files")
    assert several is not None
    assert several.parts({"paths": ("/srv/repos/a", "/srv/repos/b")}).resource.ids == ("a", "b")
    with pytest.raises(Malformed):
        several.parts({"paths": ("/srv/repos/a", "/etc/passwd")})


@pytest.mark.parametrize(
    "path",
    [
        "/srv/repos", "/srv/repos/", "/srv/reposx/a", "/srv/repos/../etc", "/srv/repos/a/../../b", "/srv/repos/a/..",
        "/etc", "repos/a", "a", "", "../a", "~/a", "/srv/repos/a\0b", "/srv/repos\\a", "//srv/repos/a",
        "/srv/repos/a\nb",
        "file:///srv/repos/a", "/SRV/repos/a", "/srv/./repos/..", 7, None, ("/srv/repos/a",), {},
    ],
)  # fmt: skip
def test_a_path_that_is_not_plainly_below_the_root_is_refused(path: Json) -> None:
    tool = read_operations(MCP).mcp.tool("read_file")
    assert tool is not None
    with pytest.raises(Malformed):
        tool.parts({"path": path})


def test_ids_of_parts_patterns_and_constants() -> None:
    mcp = read_operations(MCP).mcp
    refund, sweep, me = mcp.tool("refund"), mcp.tool("sweep"), mcp.tool("me")
    assert refund is not None
    assert sweep is not None
    assert me is not None
    arguments: dict[str, Json] = {"shop": "acme", "order": "a:1", "labels": {"env": "test"}}
    parts = refund.parts(arguments)
    assert parts.resource.ids == ("acme/a:1",)
    assert parts.properties == {"labels": {"env": "test"}}
    assert refund.open_parts()[2] == {"labels", "note"}
    for wrong in ({"shop": "a/b"}, {"shop": "a:b"}, {"order": "/x"}, {"shop": ""}, {"labels": {"env": "x", "y": "z"}}):
        with pytest.raises(Malformed):
            refund.parts({**arguments, **wrong})
    assert sweep.parts({"ns": "jobs:17"}).resource.pattern == "agents:jobs:17:*"
    assert sweep.parts({"ns": "a*"}).resource.pattern == "agents:a%2A:*"
    assert sweep.parts({"ns": "*"}).resource.pattern == "agents:%2A:*"
    for wrong_ns in ("", "a::b", "..", ":a", "a:"):
        with pytest.raises(Malformed):
            sweep.parts({"ns": wrong_ns})
    assert me.open_parts()[1] == Resource("orders", ("self",))
    assert me.parts({}).resource == Resource("orders", ("self",))


def test_resources_are_matched_by_scheme_authority_and_segments() -> None:
    mcp = read_operations(MCP).mcp

    def ids(uri: str) -> tuple[str, ...] | None:
        found = mcp.resource(uri)
        return None if found is None else found.parts({}).resource.ids

    assert ids("file:///a/b%20c") == ("a/b c",)
    assert ids("db://prod/users/schema") == ("prod/users",)
    assert ids("memo:insights") == ("memo:insights",)
    for uri in (
        "file://host/a", "file:///", "file:///a/", "file:///a//b", "file:///a/../b", "file:///%2e%2e/b", "file:///a%2Fb",
        "FILE:///a", "file:/a", "http://prod/users/schema", "db://prod/users", "db:///users/schema", "memo:other",
        "memo:", "memo", "", "file:///a?x=1", "file:///a#b", "file:///ä", "file:///a\0", "://a", "db://a@prod/users/schema/x",
    ):  # fmt: skip
        assert ids(uri) is None
    summary = mcp.prompt("summary")
    assert summary is not None
    assert summary.open_parts() == ("prompts", Resource("prompts", ("summary",)), frozenset({"topic"}), frozenset())
    assert summary.parts({"topic": "x"}).properties == {"topic": "x"}
    with pytest.raises(Malformed):
        summary.parts({"other": "x"})
    file = mcp.resource("file:///a")
    assert file is not None
    with pytest.raises(Malformed):
        file.parts({"smuggled": "x"})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("root: /srv/repos,", "root: srv,", "an absolute folder for `root`"),
        ("root: /srv/repos,", "root: /srv/../etc,", "an absolute folder for `root`"),
        ("root: /srv/repos,", "root: /srv/repos/,", "an absolute folder for `root`"),
        ("resource: none, properties", "resource: none, root: /srv, properties", "`root` only beside a `resource`"),
        ('"file:///{path+}"', "file", "a URI with a scheme"),
        ('"file:///{path+}"', '"File:///{path+}"', "a URI with a scheme"),
        ("arguments.page", "body.page", "a source such as `arguments.name`, not `body.page`"),
        ("resource: path}", "resource: paths}", "a source such as `path.name`, not `paths`"),
    ],
)
def test_a_complaint_about_mcp(old: str, new: str, said: str) -> None:
    assert old in MCP
    assert f"expected {said}" in complaint(MCP.replace(old, new, 1))


# -- whatever is in the file


def told(refusal: Malformed) -> None:
    assert refusal.message.startswith("`f` line ")
    assert refusal.message.isprintable()


WORDS = ["types", "rest", "mcp", "orders", "actions", "class: read", "match: ", "GET /a/{b}", "resource: ", "path.b"]
MARKS = [": ", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", '"', "'", "&a ", "*a", "none", "!!str ", "|\n"]
ODD = [">", "?", "#", "%", "\t", "\0", "é", "---"]
fragments = st.sampled_from([*WORDS, *MARKS, *ODD])


@given(st.one_of(st.lists(fragments, max_size=30).map("".join), st.text(max_size=60)))
def test_whatever_is_in_the_file_only_our_error_is_raised(text: str) -> None:
    try:
        read_operations(text, "f")
    except Malformed as refusal:
        told(refusal)


@given(st.integers(0, len(OPERATIONS) - 1), st.integers(1, 30), st.sampled_from(["", "x", " ", "{", ":", "\n", '"']))
def test_a_damaged_file_is_read_or_refused_with_a_line(at: int, length: int, put: str) -> None:
    try:
        read_operations(OPERATIONS[:at] + put + OPERATIONS[at + length :], "f")
    except Malformed as refusal:
        told(refusal)


@pytest.mark.parametrize(
    "text", ["a: " * 80_000, "[" * 200_000, "{a: " * 60_000, "- " * 120_000, '"' + "\\" * 200_000, "a: &x " * 40_000]
)
def test_a_hostile_file_is_refused_quickly(text: str) -> None:
    begun = time.thread_time()
    with pytest.raises(Malformed):
        read_operations(text)
    assert time.thread_time() - begun < 3
