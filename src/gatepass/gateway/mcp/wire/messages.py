"""JSON-RPC 2.0 as MCP uses it, read so that a message has one meaning or none.

A message is one JSON object: a call (it has an id), a notice (it has none), or an answer. Batches,
fractional or null ids, positional parameters and members that we do not know are refused from clients;
from servers behind us, members that we do not know are ignored, because nothing is decided on them.
What is sent on is written anew from what was read here: no text that only the other side's parser would
understand gets through.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from gatepass import exact
from gatepass.access import Json
from gatepass.documents import shown
from gatepass.errors import Malformed

__all__ = [
    "Answer",
    "Call",
    "Fault",
    "Message",
    "Notice",
    "RequestId",
    "integer",
    "read_from_client",
    "read_from_server",
    "request_id",
    "write_answer",
    "write_call",
    "write_notice",
]

RequestId: TypeAlias = str | int

LONGEST_ID: Final = 256
LONGEST_METHOD: Final = 128
SAFE_INTEGER: Final = 2**53 - 1
"""Beyond this, a peer that reads numbers as doubles takes two ids for one."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that waits for its answer."""

    id: RequestId
    method: str
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification: nobody answers it."""

    method: str
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Fault:
    """The `error` of an answer."""

    code: int
    message: str
    data: Json = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: a result, or a fault. `id` is None where the other side could not read ours."""

    id: RequestId | None
    result: Mapping[str, Json] | None = None
    fault: Fault | None = None


Message: TypeAlias = Call | Notice | Answer


def integer(value: Json) -> int | None:
    """The integer that a JSON number spells, or None. `1.0` and `1e2` do not spell one."""
    if not isinstance(value, Decimal) or value.as_tuple().exponent != 0 or abs(value) > SAFE_INTEGER:
        return None
    return int(value)


def request_id(value: Json) -> RequestId | None:
    """The id of a message read from a client, as far as it has a usable one: what an error is addressed to."""
    if not isinstance(value, Mapping):
        return None
    return _id(value.get("id"))


def read_from_client(value: Json) -> Call | Notice:
    """One request or notification. Raises `Malformed` (`malformed_message`) with what is wrong."""
    if isinstance(value, tuple):
        raise _refused("a batch was sent")
    if not isinstance(value, Mapping):
        raise _refused("the body is not a JSON object")
    if value.get("jsonrpc") != "2.0":
        raise _refused("`jsonrpc` is not `2.0`")
    if "method" not in value:
        raise _refused("it has no `method`; answers are not awaited here")
    if unknown := sorted(set(value) - {"jsonrpc", "id", "method", "params"}):
        raise _refused(f"member `{shown(unknown[0])}` has no meaning here")
    method = value["method"]
    if not isinstance(method, str) or not 0 < len(method) <= LONGEST_METHOD:
        raise _refused("`method` is not a name")
    params = value.get("params", {})
    if not isinstance(params, Mapping):
        raise _refused("`params` is not an object")
    if "id" not in value:
        return Notice(method, params)
    identifier = _id(value["id"])
    if identifier is None:
        raise _refused("`id` is neither a string nor an integer")
    return Call(identifier, method, params)


def read_from_server(text: bytes, *, max_bytes: int) -> Message:
    """One message of a server behind us. Raises `Malformed` when it is none."""
    value = exact.read(text, max_bytes=max_bytes)
    if not isinstance(value, Mapping) or value.get("jsonrpc") != "2.0":
        raise _refused("it is not a JSON-RPC 2.0 object")
    if "method" in value:
        return read_from_client({key: value[key] for key in value if key in {"jsonrpc", "id", "method", "params"}})
    identifier = _id(value.get("id"))
    if ("result" in value) == ("error" in value):
        raise _refused("it is neither a result nor an error")
    if "error" in value:
        return Answer(identifier, fault=_fault(value["error"]))
    result = value["result"]
    if not isinstance(result, Mapping):
        raise _refused("`result` is not an object")
    return Answer(identifier, result=result)


def write_call(call: Call) -> bytes:
    """The canonical text of a call."""
    return exact.write({"jsonrpc": "2.0", "id": _json_id(call.id), "method": call.method, "params": call.params})


def write_notice(notice: Notice) -> bytes:
    """The canonical text of a notification."""
    return exact.write({"jsonrpc": "2.0", "method": notice.method, "params": notice.params})


def write_answer(answer: Answer) -> bytes:
    """The canonical text of an answer."""
    head: dict[str, Json] = {"jsonrpc": "2.0", "id": None if answer.id is None else _json_id(answer.id)}
    if answer.fault is None:
        return exact.write({**head, "result": answer.result or {}})
    error: dict[str, Json] = {"code": Decimal(answer.fault.code), "message": answer.fault.message}
    if answer.fault.data is not None:
        error["data"] = answer.fault.data
    return exact.write({**head, "error": error})


def _fault(error: Json) -> Fault:
    if not isinstance(error, Mapping):
        raise _refused("`error` is not an object")
    code, message = integer(error.get("code")), error.get("message")
    if code is None or not isinstance(message, str):
        raise _refused("`error` has no code and message")
    return Fault(code, message, error.get("data"))


def _id(value: Json) -> RequestId | None:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_ID else None
    return integer(value)


def _json_id(identifier: RequestId) -> Json:
    return identifier if isinstance(identifier, str) else Decimal(identifier)


def _refused(why: str) -> Malformed:
    return Malformed("malformed_message", f"the message cannot be read: {why}")
