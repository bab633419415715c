"""A minimal MCP server of one era, without any SDK, that behaves as badly as its tools are asked to.

    python raw_server.py modern|legacy|mute|brittle [--log FILE]

`mute` never answers anything; `brittle` is legacy and ends when it is asked anything before `initialize`.
The log gets one JSON line for each message heard, and one for each that closes it.
"""

import json
import os
import sys
import threading
import time
from typing import Any

MODERN = "2026-07-28"
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
SERVER = {"name": "raw", "version": "1"}

NAMES = "echo secret progress endless slow ask die garbage huge flood wrong_id odd needy"
TOOLS: list[dict[str, Any]] = [
    {"name": name, "description": f"{name} it", "inputSchema": {"type": "object"}} for name in NAMES.split()
]
TOOLS.append(
    {
        "name": "routed",
        "inputSchema": {
            "type": "object",
            "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "count": {"type": "integer"}},
        },
    }
)
TOOLS.append({"name": "broken", "inputSchema": {"type": "object", "x-mcp-header": "Nowhere"}})


def text_result(text: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": False, **more}


class Server:
    """The protocol's state and the tools. `emit` writes one message; the transport gives it."""

    emitted = 0
    """Progress sent by `endless`, by all servers of the process."""

    def __init__(self, era: str, secret: str = "") -> None:
        self.modern = era == "modern"
        self.brittle = era == "brittle"
        self.mute = era == "mute"
        self.secret = secret
        self.initialized = False
        self.cancelled: set[Any] = set()

    def handle(self, message: dict[str, Any], emit: Any) -> None:
        if self.mute:
            return
        method, identifier = message.get("method"), message.get("id")
        if method == "notifications/cancelled":
            self.cancelled.add(message["params"]["requestId"])
        if identifier is None or method is None:
            return
        params = message.get("params") or {}
        try:
            result = self.answer(method, params, identifier, emit)
        except LookupError as error:
            code = int(error.args[0])
            fault = {"code": code, "message": f"no: {method}"}
            if code == -32022:
                fault["data"] = {"supported": [MODERN], "requested": "?"}
            emit({"jsonrpc": "2.0", "id": identifier, "error": fault})
            return
        if result is not None:
            emit({"jsonrpc": "2.0", "id": identifier, "result": result})

    def answer(self, method: str, params: dict[str, Any], identifier: Any, emit: Any) -> dict[str, Any] | None:
        result: dict[str, Any] | None
        if self.modern:
            if (params.get("_meta") or {}).get(VERSION_KEY) != MODERN:
                raise LookupError(-32022 if method == "initialize" else -32602)
            if method == "server/discover":
                return {
                    "resultType": "complete",
                    "supportedVersions": [MODERN],
                    "capabilities": {"tools": {}, "resources": {}, "prompts": {}, "completions": {}},
                    "ttlMs": 1000,
                    "cacheScope": "public",
                    "_meta": {"io.modelcontextprotocol/serverInfo": SERVER},
                }
        elif method == "initialize":
            self.initialized = True
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {"listChanged": True}, "resources": {"subscribe": True}, "prompts": {}},
                "serverInfo": SERVER,
                "instructions": "use the hidden tool",
            }
        elif not self.initialized:
            if self.brittle:
                os._exit(3)
            raise LookupError(-32602)
        result = self.operate(method, params, identifier, emit)
        if result is not None and self.modern:
            result = {"resultType": "complete", **result}
            if method.endswith("/list") or method == "resources/read":
                result = {"ttlMs": 600_000, "cacheScope": "public", **result}
        return result

    def operate(self, method: str, params: dict[str, Any], identifier: Any, emit: Any) -> dict[str, Any] | None:
        if method == "tools/list":
            return self.page(params)
        if method == "resources/list":
            return {"resources": [{"uri": f"note:///{name}", "name": name} for name in ("alpha", "beta", "hidden/x")]}
        if method == "resources/templates/list":
            templates = ("note:///{name}", "other:///{name}")
            return {"resourceTemplates": [{"uriTemplate": text, "name": text} for text in templates]}
        if method == "prompts/list":
            return {"prompts": [{"name": "summary"}, {"name": "unmapped"}]}
        if method == "resources/read":
            return {"contents": [{"uri": params["uri"], "text": f"text of {params['uri']} {self.secret}"}]}
        if method == "prompts/get":
            return {"messages": [{"role": "user", "content": {"type": "text", "text": json.dumps(params)}}]}
        if method == "completion/complete":
            return {"completion": {"values": ["one", "two"]}}
        if method == "tools/call":
            return self.call(params, identifier, emit)
        raise LookupError(-32601)

    def page(self, params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get("cursor") or 0)
        found: dict[str, Any] = {"tools": TOOLS[start : start + 5]}
        if start + 5 < len(TOOLS):
            found["nextCursor"] = str(start + 5)
        return found

    def call(self, params: dict[str, Any], identifier: Any, emit: Any) -> dict[str, Any] | None:  # noqa: C901, PLR0912  one arm a tool
        name, arguments = params["name"], params.get("arguments") or {}
        if name in {"echo", "routed"}:
            return text_result(json.dumps(params, sort_keys=True))
        if name == "secret":
            return text_result(f"the key is {self.secret}", structuredContent={"key": self.secret})
        if name == "progress":
            token = (params.get("_meta") or {}).get("progressToken")
            for step in range(3):
                note = {"progressToken": token, "progress": step + 1, "total": 3, "message": f"step {self.secret}"}
                emit({"jsonrpc": "2.0", "method": "notifications/progress", "params": note})
                time.sleep(0.05)
            return text_result("done")
        if name == "endless":
            token = (params.get("_meta") or {}).get("progressToken")
            while identifier not in self.cancelled:
                Server.emitted += 1
                note = {"progressToken": token, "progress": Server.emitted}
                emit({"jsonrpc": "2.0", "method": "notifications/progress", "params": note})
                time.sleep(0.005)
            return None
        if name == "slow":
            for _ in range(int(arguments.get("ticks", 600))):
                if identifier in self.cancelled:
                    return None
                time.sleep(0.05)
            return text_result("slept")
        if name == "ask":
            for number, method in enumerate(("ping", "roots/list", "sampling/createMessage", "elicitation/create")):
                emit({"jsonrpc": "2.0", "id": f"ask-{number}", "method": method, "params": {}})
            return text_result("asked")
        if name == "needy":
            if "inputResponses" in params:
                return text_result(f"got {json.dumps(params['inputResponses'])} {params.get('requestState')}")
            ask = {"method": "elicitation/create", "params": {"mode": "form", "message": "who?", "requestedSchema": {}}}
            return {"resultType": "input_required", "inputRequests": {"who": ask}, "requestState": "step-1"}
        if name == "odd":
            return {"content": [{"type": "text", "text": "odd"}], "resultType": "strange"}
        if name == "wrong_id":
            emit({"jsonrpc": "2.0", "id": 987654, "result": text_result("not yours")})
            return None
        return self.misbehave(name, emit)

    def misbehave(self, name: str, emit: Any) -> dict[str, Any] | None:
        if name == "die":
            os._exit(7)
        if name == "garbage":
            emit("this is no JSON {")
            emit('{"jsonrpc": "2.0", "id": 1, "id": 2, "result": {}}')
            return None
        if name == "huge":
            return text_result("x" * (9 << 20))
        if name == "flood":
            for _ in range(2_000):
                sys.stderr.write("noise " * 200 + self.secret + "\n")
            return text_result("flooded")
        raise LookupError(-32602)


def main() -> None:
    era = sys.argv[1]
    log = open(sys.argv[sys.argv.index("--log") + 1], "a") if "--log" in sys.argv else None  # noqa: SIM115, PTH123
    server = Server(era, os.environ.get("API_KEY", ""))
    lock = threading.Lock()

    def emit(message: Any) -> None:
        with lock:
            sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
            sys.stdout.flush()

    def note(entry: Any) -> None:
        if log is not None:
            with lock:
                log.write(json.dumps(entry) + "\n")
                log.flush()

    note({"started": os.getpid(), "environment": dict(os.environ)})
    sys.stdout.write("a banner that is no JSON\n")
    for line in sys.stdin:
        message = json.loads(line)
        note(message)
        if message.get("method") == "tools/call":
            threading.Thread(target=server.handle, args=(message, emit), daemon=True).start()
        else:
            server.handle(message, emit)
    note({"ended": os.getpid()})


if __name__ == "__main__":
    main()
