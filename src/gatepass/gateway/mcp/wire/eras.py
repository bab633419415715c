"""Which revision of MCP a client speaks, and whether what it says in headers is what it says in the body.

Two eras (the specification's words): a *modern* client states its version, and what it can do, in every
request; a *legacy* client says `initialize` once and a version in a header afterwards. We serve both at
one address and keep no session for either. Whoever routes on a header and whoever acts on the body must
see the same request, so a header that disagrees with the body is refused in either era; nothing here is
ever decided on a header.

Sources: MCP 2026-07-28, Streamable HTTP (request metadata, server validation) and versioning; MCP
2025-11-25, transports (protocol version header).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import Json
from gatepass.documents import shown
from gatepass.errors import Malformed
from gatepass.gateway.mcp.wire.messages import Call, Notice
from gatepass.gateway.requests import Headers

__all__ = [
    "CAPABILITIES_KEY",
    "CLIENT_KEY",
    "LEGACY",
    "MODERN",
    "NAMED",
    "SERVER_KEY",
    "SUPPORTED",
    "VERSION_KEY",
    "Dialect",
    "decoded",
    "dialect",
    "encoded",
    "single",
]

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Newest first: the first is what a client gets that asks for one we do not know."""
SUPPORTED: Final = (MODERN, *LEGACY)
UNSTATED: Final = "2025-03-26"
"""What a legacy request without the header is taken for."""

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"
CLIENT_KEY: Final = "io.modelcontextprotocol/clientInfo"
SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"

NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The methods whose `Mcp-Name` header mirrors a parameter, and which one."""

_SENTINEL: Final = re.compile(r"=\?base64\?([A-Za-z0-9+/]*={0,2})\?=")
_PLAIN: Final = re.compile(r"[\x20-\x7e\t]*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one client speaks: the version, and what it says it can do (empty in the legacy era)."""

    version: str
    capabilities: Mapping[str, Json] = field(default_factory=dict)

    @property
    def modern(self) -> bool:
        """Whether each request stands alone."""
        return self.version == MODERN


def dialect(headers: Headers, message: Call | Notice) -> Dialect:
    """The dialect of a request whose headers agree with its body.

    Raises `Malformed`: `header_mismatch`, `version_unsupported`, or `malformed_request` where a modern
    request lacks what it has to state.
    """
    stated = single(headers, b"mcp-protocol-version")
    meta = message.params.get("_meta")
    claimed = meta.get(VERSION_KEY) if isinstance(meta, Mapping) else None
    if stated is None and claimed is None:
        spoken = Dialect(UNSTATED)
    elif stated is None:
        raise _mismatch("`MCP-Protocol-Version` is missing, and the body states a version")
    elif stated in LEGACY:
        if claimed is not None:
            raise _mismatch("`MCP-Protocol-Version` names a revision that states no version in the body")
        spoken = Dialect(stated)
    elif claimed is not None and claimed != stated:
        raise _mismatch("`MCP-Protocol-Version` is not the version that the body states")
    elif stated != MODERN:
        raise Malformed(
            "version_unsupported",
            f"protocol version `{shown(stated)}` is not spoken here",
            details={"requested": shown(stated)},
        )
    else:
        spoken = _modern(message, meta)
    _agree(headers, message, required=spoken.modern and isinstance(message, Call))
    return spoken


def single(headers: Headers, name: bytes) -> str | None:
    """The one value of a header. Raises `Malformed` when it is sent twice or is not plain ASCII."""
    values = [value for header, value in headers if header == name]
    if not values:
        return None
    text = values[0].decode("latin-1")
    if len(values) > 1:
        raise _mismatch(f"`{name.decode()}` is sent more than once")
    if _PLAIN.fullmatch(text) is None:
        raise _mismatch(f"`{name.decode()}` holds characters that no header may hold")
    return text.strip(" \t")


def encoded(value: str) -> str:
    """A header value for any text: itself where it survives as one, else the base64 form of its UTF-8."""
    if _PLAIN.fullmatch(value) and value == value.strip(" \t") and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode('ascii')}?="


def decoded(value: str) -> str | None:
    """The text that a header value stands for. None where it claims to be base64 and is not, canonically."""
    if not (value.startswith("=?base64?") and value.endswith("?=")):
        return value
    match = _SENTINEL.fullmatch(value)
    if match is None:
        return None
    try:
        raw = base64.b64decode(match[1], validate=True)
        if base64.b64encode(raw).decode("ascii") != match[1]:
            return None
        return raw.decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _modern(message: Call | Notice, meta: Json) -> Dialect:
    if isinstance(message, Notice):
        return Dialect(MODERN)
    if not isinstance(meta, Mapping) or VERSION_KEY not in meta:
        raise Malformed("malformed_request", f"`params._meta` does not state `{VERSION_KEY}`")
    capabilities = meta.get(CAPABILITIES_KEY)
    if not isinstance(capabilities, Mapping):
        raise Malformed("malformed_request", f"`params._meta` does not state `{CAPABILITIES_KEY}`")
    return Dialect(MODERN, capabilities)


def _agree(headers: Headers, message: Call | Notice, *, required: bool) -> None:
    method = single(headers, b"mcp-method")
    if method is None and required:
        raise _mismatch("`Mcp-Method` is missing")
    if method is not None and method != message.method:
        raise _mismatch("`Mcp-Method` is not the body's `method`")
    name = single(headers, b"mcp-name")
    source = NAMED.get(message.method)
    in_body = message.params.get(source) if source else None
    if name is None:
        if required and in_body is not None:
            raise _mismatch("`Mcp-Name` is missing")
    elif in_body is None or decoded(name) != in_body:
        raise _mismatch(f"`Mcp-Name` is not the body's `{source}`" if source else "`Mcp-Name` mirrors nothing")


def _mismatch(why: str) -> Malformed:
    return Malformed("header_mismatch", f"headers and body disagree: {why}")
