"""Arguments mirrored into headers: checked against the body, written from it."""

from decimal import Decimal
from typing import Any

import pytest

from gatepass.access import Json
from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.mirrors import Mirror, check, mirrors, write


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


REGION = {"type": "string", "x-mcp-header": "Region"}
MARKED = (Mirror(("region",), "mcp-param-region"), Mirror(("page", "size"), "mcp-param-size"))


def test_marks_are_found_where_an_argument_can_be_read() -> None:
    found = mirrors(schema(region=REGION, page=schema(size={"type": "integer", "x-mcp-header": "Size"}), free={}))
    assert set(found) == set(MARKED)


def test_data_in_a_schema_is_no_mark() -> None:
    assert (
        mirrors(schema(a={"type": "object", "default": {"x-mcp-header": "A"}, "enum": ({"x-mcp-header": "B"},)})) == ()
    )
    assert mirrors(None) == ()
    assert mirrors({"properties": {"x-mcp-header": {"type": "string"}}}) == ()


@pytest.mark.parametrize(
    "definition",
    [
        {"x-mcp-header": "Root"},
        schema(a={"type": "string", "x-mcp-header": ""}),
        schema(a={"type": "string", "x-mcp-header": "two words"}),
        schema(a={"type": "string", "x-mcp-header": "a\nb"}),
        schema(a={"type": "string", "x-mcp-header": 1}),
        schema(a={"type": "number", "x-mcp-header": "A"}),
        schema(a={"type": "object", "x-mcp-header": "A"}),
        schema(a={"x-mcp-header": "A"}),
        schema(a={"type": "string", "x-mcp-header": "A"}, b={"type": "string", "x-mcp-header": "a"}),
        schema(a={"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}),
        {"oneOf": (schema(a=REGION),)},
        {"$defs": {"a": schema(a=REGION)}},
        {"if": schema(a=REGION)},
        schema(**{f"p{n}": {} for n in range(20_001)}),
    ],
)
def test_a_mark_where_none_is_allowed_makes_the_tool_unusable(definition: Json) -> None:
    with pytest.raises(Malformed):
        mirrors(definition)


def said(**values: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((f"mcp-param-{name}".encode(), value.encode("latin-1")) for name, value in values.items())


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu", "page": {"size": Decimal(42)}}, said(region="eu", size="42")),
        ({"region": "eu", "page": {"size": Decimal("42.0")}}, said(region="eu", size="42")),
        ({"region": "eu", "page": {"size": Decimal(42)}}, said(region="eu", size="42.0")),
        ({"region": "Ü"}, said(region="=?base64?w5w=?=")),
        ({}, ()),
        ({"region": None}, ()),
        ({"page": {"size": {}}}, ()),
        ({"region": True}, said(region="true")),
    ],
)
def test_equal_values_pass(arguments: dict[str, Json], headers: Any) -> None:
    check(MARKED, arguments, headers)


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, ()),
        ({}, said(region="eu")),
        ({"region": "eu"}, said(region="us")),
        ({"region": "eu"}, said(region="EU")),
        ({"region": "eu"}, said(region="eu") + said(region="eu")),
        ({"region": "eu"}, said(region="eu") + said(region="us")),
        ({"region": "42"}, said(region="42.0")),
        ({"page": {"size": Decimal(42)}}, said(size="43")),
        ({"page": {"size": Decimal(42)}}, said(size="4.2e1")),
        ({"page": {"size": True}}, said(size="1")),
        ({"region": ("eu",)}, said(region="eu")),
        ({"region": "eu"}, said(region="=?base64?ZXV=?=")),
    ],
)
def test_unequal_values_do_not(arguments: dict[str, Json], headers: Any) -> None:
    with pytest.raises(Malformed) as refusal:
        check(MARKED, arguments, headers)
    assert refusal.value.code == "header_mismatch"


def test_what_is_sent_on_is_written_from_the_arguments() -> None:
    arguments: dict[str, Json] = {"region": "a\r\nauthorization: x", "page": {"size": Decimal("42.0")}}
    headers = write(MARKED, arguments)
    assert dict(headers) == {b"mcp-param-region": b"=?base64?YQ0KYXV0aG9yaXphdGlvbjogeA==?=", b"mcp-param-size": b"42"}
    check(MARKED, arguments, headers)
    assert write(MARKED, {}) == ()
