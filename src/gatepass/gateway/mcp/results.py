"""What a server answers, made fit for the client's era; and nothing more than the client may be told.

Members that belong to one era are added or taken away. What a server says about caching is narrowed to the
one caller and a short time. A server's request for more input reaches only clients that said they can give
it; the state that it hands out is sealed to the credential and the call, because to the server all agents
of an upstream are one caller, and it could not tell whose state it gets back.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass import __version__, exact
from gatepass.access import Json
from gatepass.errors import Malformed, UpstreamFailed
from gatepass.gateway.mcp.wire.eras import NAMED, SERVER_KEY, Dialect
from gatepass.gateway.mcp.wire.messages import Answer, Fault

__all__ = ["SHORT", "Fitting", "Seal", "cacheable", "introduced", "server_info"]

SHORT: Final = Decimal(1000)
"""Milliseconds that a client may keep what depends on who asks."""
ERA_MEMBERS: Final = frozenset({"resultType", "ttlMs", "cacheScope"})
ASKABLE: Final[Mapping[str, str]] = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
"""What a server may ask a client for, and the capability that the client declares for it."""

RESERVED: Final = "io.modelcontextprotocol/"
RESOURCE_NOT_FOUND: Final = -32002
URL_ELICITATION: Final = -32042
MISSING_CAPABILITY: Final = -32021
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
OF_THE_SPECIFICATION: Final = range(-32099, -32019)
"""Numbers that nobody but the specification may give a meaning."""


@dataclass(frozen=True, slots=True)
class Seal:
    """Binds a server's `requestState` to one credential and one call."""

    key: bytes
    """Random; lives as long as the process."""

    def close(self, state: str, holder: str, method: str, params: Mapping[str, Json]) -> str:
        """The state as the client gets it. `holder` is the credential and the upstream."""
        return f"{self._tag(state, holder, method, params)}.{state}"

    def open(self, sealed: str, holder: str, method: str, params: Mapping[str, Json]) -> str:
        """The state as the server gave it. Raises `Malformed` unless it was sealed for this holder and call."""
        tag, _, state = sealed.partition(".")
        if not hmac.compare_digest(tag.encode(), self._tag(state, holder, method, params).encode()):
            raise Malformed("malformed_request", "`requestState` was not given to this token for this call")
        return state

    def _tag(self, state: str, holder: str, method: str, params: Mapping[str, Json]) -> str:
        call = {name: params[name] for name in ("name", "uri", "arguments") if name in params}
        text = exact.write((holder, method, call, state))
        return urlsafe_b64encode(hmac.digest(self.key, text, hashlib.sha256)).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """Makes a server's answers fit for one client and one call."""

    method: str
    params: Mapping[str, Json]
    """As they were sent on."""
    dialect: Dialect
    holder: str
    seal: Seal

    def fit(self, answer: Answer) -> Answer:
        """The answer in the client's era, without its id. Raises `UpstreamFailed` where it cannot be passed on."""
        if answer.fault is not None:
            return Answer(None, fault=_fault(answer.fault, self.dialect))
        result = dict(answer.result or {})
        kind = result.get("resultType", "complete")
        if kind == "input_required":
            return Answer(None, result=self._input_required(result))
        if kind != "complete":
            raise UpstreamFailed("upstream_garbled", "the upstream answered with a result of an unknown type")
        result = _without_reserved(result)
        if self.dialect.modern:
            result["resultType"] = "complete"
            return Answer(None, result=cacheable(result) if self.method == "resources/read" else result)
        result = {name: value for name, value in result.items() if name not in ERA_MEMBERS}
        if not isinstance(result.get("structuredContent", {}), Mapping):
            del result["structuredContent"]  # legacy clients take nothing but an object; the text says it, too
        return Answer(None, result=result)

    def _input_required(self, result: Mapping[str, Json]) -> Mapping[str, Json]:
        requests, state = result.get("inputRequests"), result.get("requestState")
        if self.method not in NAMED or not isinstance(requests, Mapping | None) or not isinstance(state, str | None):
            raise UpstreamFailed("upstream_garbled", "the upstream asked for input in a way that has no meaning")
        asked = [one.get("method") if isinstance(one, Mapping) else None for one in (requests or {}).values()]
        if not asked and state is None:
            raise UpstreamFailed("upstream_garbled", "the upstream asked for input and named none")
        capabilities = self.dialect.capabilities
        if not self.dialect.modern or any(ASKABLE.get(str(name)) not in capabilities for name in asked):
            raise UpstreamFailed("upstream_needs_input", "the upstream asked for input that this client cannot give")
        passed: dict[str, Json] = {"resultType": "input_required"}
        if requests is not None:
            passed["inputRequests"] = requests
        if state is not None:
            passed["requestState"] = self.seal.close(state, self.holder, self.method, self.params)
        return passed


def cacheable(result: Mapping[str, Json]) -> dict[str, Json]:
    """The result, kept by nobody but the caller, and not for long."""
    said = result.get("ttlMs")
    ttl = min(max(said, Decimal(0)), SHORT).to_integral_value() if isinstance(said, Decimal) else Decimal(0)
    return {**result, "ttlMs": ttl, "cacheScope": "private"}


def server_info(upstream: str) -> Mapping[str, Json]:
    """Who we are to a client: ourselves, with the upstream's name as the operator gave it."""
    return {"name": "gatepass", "title": upstream, "version": __version__}


def introduced(result: Mapping[str, Json], upstream: str) -> dict[str, Json]:
    """A result of ours, with who gives it."""
    return {**result, "_meta": {SERVER_KEY: server_info(upstream)}}


def _fault(fault: Fault, dialect: Dialect) -> Fault:
    if fault.code == URL_ELICITATION:
        raise UpstreamFailed("upstream_needs_input", "the upstream wants a person to visit a page first")
    if fault.code == RESOURCE_NOT_FOUND:
        return Fault(INVALID_PARAMS, fault.message, fault.data)
    if fault.code in OF_THE_SPECIFICATION and not (dialect.modern and fault.code == MISSING_CAPABILITY):
        return Fault(INTERNAL_ERROR, fault.message, fault.data)
    return fault


def _without_reserved(result: dict[str, Json]) -> dict[str, Json]:
    meta = result.get("_meta")
    if not isinstance(meta, Mapping):
        return {name: value for name, value in result.items() if name != "_meta"}
    kept = {name: value for name, value in meta.items() if not name.startswith(RESERVED)}
    return {**result, "_meta": kept} if kept else {name: value for name, value in result.items() if name != "_meta"}
