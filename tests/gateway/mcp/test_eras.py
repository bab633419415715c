"""Whose revision is spoken, and headers that have to say what the body says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepass.access import Json
from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.eras import LEGACY, MODERN, Dialect, decoded, dialect, encoded
from gatepass.gateway.mcp.wire.messages import Call, Notice

META: dict[str, Json] = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"sampling": {}},
}


def headers(**named: str | list[str]) -> tuple[tuple[bytes, bytes], ...]:
    pairs = [(name.replace("_", "-").encode(), value) for name, value in named.items()]
    return tuple(
        (name, text.encode("latin-1"))
        for name, value in pairs
        for text in (value if isinstance(value, list) else [value])
    )


def modern(method: str = "tools/list", **params: Any) -> Call:
    return Call(1, method, {**params, "_meta": META})


def test_a_modern_request_states_its_version_twice() -> None:
    spoken = dialect(headers(mcp_protocol_version=MODERN, mcp_method="tools/list"), modern())
    assert spoken == Dialect(MODERN, {"sampling": {}})
    assert spoken.modern


@pytest.mark.parametrize("version", LEGACY)
def test_a_legacy_request_states_it_in_the_header_alone(version: str) -> None:
    assert dialect(headers(mcp_protocol_version=version), Call(1, "tools/list", {})) == Dialect(version)


def test_a_request_that_states_nothing_is_of_the_revision_before_the_header() -> None:
    assert dialect((), Call(1, "tools/list", {})) == Dialect("2025-03-26")
    assert dialect((), Call(1, "initialize", {"protocolVersion": "2025-11-25"})) == Dialect("2025-03-26")


V = {"mcp_protocol_version": MODERN}


@pytest.mark.parametrize(
    ("said", "call", "code", "why"),
    [
        ({}, modern(), "header_mismatch", "`MCP-Protocol-Version` is missing, and the body states a version"),
        (
            {"mcp_protocol_version": "2025-11-25"},
            modern(),
            "header_mismatch",
            "`MCP-Protocol-Version` names a revision that states no version in the body",
        ),
        (
            {"mcp_protocol_version": "2027-01-01"},
            modern(),
            "header_mismatch",
            "`MCP-Protocol-Version` is not the version that the body states",
        ),
        (
            {"mcp_protocol_version": [MODERN, MODERN]},
            modern(),
            "header_mismatch",
            "`mcp-protocol-version` is sent more than once",
        ),
        (V, modern(), "header_mismatch", "`Mcp-Method` is missing"),
        (V | {"mcp_method": "tools/call"}, modern(), "header_mismatch", "`Mcp-Method` is not the body's `method`"),
        (V | {"mcp_method": "Tools/List"}, modern(), "header_mismatch", "`Mcp-Method` is not the body's `method`"),
        (
            V | {"mcp_method": ["tools/list", "tools/call"]},
            modern(),
            "header_mismatch",
            "`mcp-method` is sent more than once",
        ),
        (V | {"mcp_method": "tools/call"}, modern("tools/call", name="a"), "header_mismatch", "`Mcp-Name` is missing"),
        (
            V | {"mcp_method": "tools/call", "mcp_name": "b"},
            modern("tools/call", name="a"),
            "header_mismatch",
            "`Mcp-Name` is not the body's `name`",
        ),
        (
            V | {"mcp_method": "tools/call", "mcp_name": "=?base64?Yg==?="},
            modern("tools/call", name="a"),
            "header_mismatch",
            "`Mcp-Name` is not the body's `name`",
        ),
        (
            V | {"mcp_method": "tools/call", "mcp_name": "=?base64?YR==?="},
            modern("tools/call", name="a"),
            "header_mismatch",
            "`Mcp-Name` is not the body's `name`",
        ),
        (
            V | {"mcp_method": "tools/call", "mcp_name": "a\xe9"},
            modern("tools/call", name="a\xe9"),
            "header_mismatch",
            "`mcp-name` holds characters that no header may hold",
        ),
        (
            V | {"mcp_method": "resources/read", "mcp_name": "file:///a"},
            modern("resources/read", uri="file:///b"),
            "header_mismatch",
            "`Mcp-Name` is not the body's `uri`",
        ),
        (V | {"mcp_method": "tools/list", "mcp_name": "a"}, modern(), "header_mismatch", "`Mcp-Name` mirrors nothing"),
        (
            {"mcp_method": "tools/call"},
            Call(1, "tools/list", {}),
            "header_mismatch",
            "`Mcp-Method` is not the body's `method`",
        ),
    ],
)
def test_headers_and_body_have_to_agree(said: dict[str, Any], call: Call, code: str, why: str) -> None:
    with pytest.raises(Malformed) as refusal:
        dialect(headers(**said), call)
    assert (refusal.value.code, refusal.value.message) == (code, f"headers and body disagree: {why}")


def test_a_version_that_nobody_speaks_is_said_to_be_unsupported() -> None:
    with pytest.raises(Malformed) as refusal:
        dialect(headers(mcp_protocol_version="1900-01-01", mcp_method="tools/list"), Call(1, "tools/list", {}))
    assert refusal.value.code == "version_unsupported"
    assert refusal.value.message == "protocol version `1900-01-01` is not spoken here"
    assert refusal.value.details == {"requested": "1900-01-01"}


@pytest.mark.parametrize(
    "missing", ["io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/protocolVersion"]
)
def test_a_modern_request_without_its_envelope_is_malformed(missing: str) -> None:
    meta = {name: value for name, value in META.items() if name != missing}
    with pytest.raises(Malformed) as refusal:
        dialect(headers(mcp_protocol_version=MODERN, mcp_method="ping"), Call(1, "ping", {"_meta": meta}))
    assert refusal.value.code == "malformed_request"
    assert refusal.value.message == f"`params._meta` does not state `{missing}`"


def test_a_modern_notification_needs_no_more_than_its_version() -> None:
    assert dialect(headers(mcp_protocol_version=MODERN), Notice("notifications/cancelled", {})).modern


@pytest.mark.parametrize(
    ("value", "header"),
    [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ],
)
def test_the_specifications_examples_of_encoding(value: str, header: str) -> None:
    assert encoded(value) == header
    assert decoded(header) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_survives_as_a_header(text: str) -> None:
    header = encoded(text)
    assert header.isascii()
    assert "\n" not in header
    assert "\r" not in header
    assert decoded(header) == text


@pytest.mark.parametrize(
    "header", ["=?base64?!?=", "=?base64?YQ?=", "=?base64?YR==?=", "=?base64?/w==?=", "=?base64? YQ==?="]
)
def test_what_claims_to_be_base64_and_is_not_stands_for_nothing(header: str) -> None:
    assert decoded(header) is None
