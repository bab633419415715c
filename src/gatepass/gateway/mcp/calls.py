"""What a request asks for, as the access that is decided on and the request that is sent on.

Four methods touch something: `tools/call`, `resources/read`, `prompts/get`, `completion/complete`. Each has
exactly the parameters named here; others are refused, because nobody would have looked at them. Of `_meta`,
which says nothing about what is done, only a trace id is sent on, and progress is asked for under our own
token. Input that a tool asked for in the middle of a call is a property of its own: a permission with limits
does not cover a call that brings it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from gatepass import exact
from gatepass.access import Access, Json
from gatepass.documents import shown
from gatepass.errors import Denied, Malformed
from gatepass.gateway.callers import Caller
from gatepass.gateway.mcp.results import Seal
from gatepass.gateway.mcp.servers.peers import Outgoing
from gatepass.gateway.mcp.wire.eras import NAMED, Dialect
from gatepass.gateway.mcp.wire.messages import Call, integer
from gatepass.gateway.operations import McpOperation, McpOperations

__all__ = ["DECIDED", "Asked", "asked", "holder", "named", "progress_token"]

RETRY: Final = frozenset({"inputResponses", "requestState"})
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "tools/call": frozenset({"name", "arguments"}) | RETRY,
    "prompts/get": frozenset({"name", "arguments"}) | RETRY,
    "resources/read": frozenset({"uri"}) | RETRY,
    "completion/complete": frozenset({"ref", "argument", "context"}),
}
DECIDED: Final = frozenset(PARAMETERS)
"""The methods that touch something."""

RELAYED: Final[Mapping[str, tuple[str, ...]]] = {
    "elicitation": ("form", "url"),
    "sampling": ("context", "tools"),
    "roots": (),
}
"""The capabilities of a client that a server hears of. Extensions would be spoken past us."""
LONGEST_NAME: Final = 1024
_TRACE: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that has been understood."""

    access: Access
    outgoing: Outgoing
    arguments: Mapping[str, Json]
    """The tool's arguments, for the headers that mirror them."""
    digest: bytes
    """Everything that is sent on, in its one spelling."""


def asked(call: Call, dialect: Dialect, caller: Caller, operations: McpOperations, seal: Seal) -> Asked:
    """What `call` asks for. Raises `Malformed`, or `Denied` (`operation_unmapped`)."""
    params = {name: value for name, value in call.params.items() if name != "_meta"}
    if unknown := sorted(set(params) - PARAMETERS[call.method]):
        raise Malformed("malformed_request", f"`{call.method}` takes no parameter `{shown(unknown[0])}`")
    operation, arguments = _operation(call.method, params, operations)
    parts = operation.parts(arguments)
    access = Access(
        subject=caller.subject,
        action=operation.action,
        resource=parts.resource,
        context=caller.context,
        properties=parts.properties,
        free=parts.free,
    )
    if not RETRY.isdisjoint(params):
        if not dialect.modern:
            raise Malformed("malformed_request", "`inputResponses` and `requestState` belong to a later revision")
        access, params = _with_input(access, params, call.method, caller, seal)
    meta = call.params.get("_meta")
    outgoing = Outgoing(
        method=call.method,
        params=params,
        capabilities=_relayed(dialect.capabilities),
        trace=_trace(meta),
        wants_progress=progress_token(call) is not None,
    )
    return Asked(access, outgoing, arguments, exact.write({"method": call.method, "params": params}))


def holder(caller: Caller) -> str:
    """To whom a server's state is given: this credential, at this upstream."""
    return f"{caller.credential.id} {caller.served.upstream.id if caller.served else ''}"


def named(call: Call) -> str:
    """The name of what is asked for, for the journal of a refusal; bounded, perhaps empty."""
    name = call.params.get(NAMED.get(call.method, ""))
    return name[:LONGEST_NAME] if isinstance(name, str) else ""


def progress_token(call: Call) -> Json:
    """The token under which the client wants progress, or None."""
    meta = call.params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, Mapping) else None
    usable = (isinstance(token, str) and len(token) <= LONGEST_NAME) or integer(token) is not None
    return token if usable else None


def _operation(
    method: str, params: Mapping[str, Json], operations: McpOperations
) -> tuple[McpOperation, Mapping[str, Json]]:
    if method == "completion/complete":
        return _completed(params, operations)
    name = params.get(NAMED[method])
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise Malformed("malformed_request", f"`{NAMED[method]}` is not a text of at most {LONGEST_NAME} characters")
    arguments = params.get("arguments", {})
    if not isinstance(arguments, Mapping):
        raise Malformed("malformed_request", "`arguments` is not an object")
    if method == "tools/call":
        return _mapped(operations.tool(name), "tool", name), arguments
    if method == "prompts/get":
        return _mapped(operations.prompt(name), "prompt", name), arguments
    return _mapped(operations.resource(name), "resource", name), {}


def _completed(params: Mapping[str, Json], operations: McpOperations) -> tuple[McpOperation, Mapping[str, Json]]:
    """A completion tells what its prompt or resource would: it is decided as if that were read."""
    reference, argument, context = params.get("ref"), params.get("argument"), params.get("context", {})
    if not (isinstance(reference, Mapping) and isinstance(argument, Mapping) and isinstance(context, Mapping)):
        raise Malformed("malformed_request", "`ref`, `argument` and `context` have to be objects")
    name, value = argument.get("name"), argument.get("value")
    known = context.get("arguments", {})
    if not isinstance(name, str) or not isinstance(value, str) or set(argument) - {"name", "value"}:
        raise Malformed("malformed_request", "`argument` has a name and a value, and nothing else")
    if not isinstance(known, Mapping) or set(context) - {"arguments"}:
        raise Malformed("malformed_request", "`context` has `arguments`, and nothing else")
    if reference.get("type") == "ref/prompt" and isinstance(prompt := reference.get("name"), str):
        return _mapped(operations.prompt(prompt), "prompt", prompt), {**known, name: value}
    uri = reference.get("uri")
    if reference.get("type") != "ref/resource" or not isinstance(uri, str):
        raise Malformed("malformed_request", "`ref` is neither a prompt nor a resource")
    # A template is every resource at once, and its suggestions name those that exist.
    return _mapped(None if "{" in uri else operations.resource(uri), "resource", uri), {}


def _mapped(operation: McpOperation | None, kind: str, name: str) -> McpOperation:
    if operation is None:
        raise Denied("operation_unmapped", f"there is no {kind} `{shown(name)}` that may be used here")
    return operation


def _with_input(
    access: Access, params: dict[str, Json], method: str, caller: Caller, seal: Seal
) -> tuple[Access, dict[str, Json]]:
    """The second half of a call that the server wanted more input for."""
    state, responses = params.get("requestState"), params.get("inputResponses", {})
    if not isinstance(responses, Mapping) or not isinstance(state, str | None):
        raise Malformed("malformed_request", "`inputResponses` is an object, `requestState` a text")
    if state is not None:
        params = {**params, "requestState": seal.open(state, holder(caller), method, params)}
    if responses:
        # That it is there, not what it says: properties are journalled, and a person may have typed it.
        access = msgspec.structs.replace(access, properties={**access.properties, "inputResponses": True})
    return access, params


def _relayed(capabilities: Mapping[str, Json]) -> Mapping[str, Json]:
    """What the client can be asked for through us, in the specification's words and no others."""
    relayed: dict[str, Json] = {}
    for name, known in RELAYED.items():
        said = capabilities.get(name)
        if isinstance(said, Mapping):
            relayed[name] = {word: {} for word in known if word in said}
    return relayed


def _trace(meta: Json) -> Mapping[str, Json]:
    trace = meta.get("traceparent") if isinstance(meta, Mapping) else None
    return {"traceparent": trace} if isinstance(trace, str) and _TRACE.fullmatch(trace) else {}
