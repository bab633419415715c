"""An MCP server built on the official SDK, of one era: over stdio when run, over HTTP as an application.

python sdk_server.py modern|legacy
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.runner import serve_loop
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

TOOLS = ("which", "refund", "leak", "count", "confirm", "hidden")


def schema(name: str) -> dict[str, Any]:
    if name == "refund":
        order = {"type": "string", "x-mcp-header": "Order"}
        return {
            "type": "object",
            "properties": {"order": order, "amount": {"type": "number"}, "user": {"type": "string"}},
        }
    return {"type": "object"}


def text(value: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=value)])


def build(secret: str, authorized: str | None = None) -> Server[Any]:  # noqa: C901  one handler a method, one arm a tool
    """The server. With `authorized`, a request over HTTP without that header is an error of the tool."""

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        start = int(params.cursor) if params is not None and params.cursor else 0
        tools = [types.Tool(name=name, description=name, input_schema=schema(name)) for name in TOOLS]
        more = str(start + 4) if start + 4 < len(tools) else None
        return types.ListToolsResult(tools=tools[start : start + 4], next_cursor=more)

    async def call_tool(
        ctx: Any, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        arguments = params.arguments or {}
        if authorized is not None and ctx.request.headers.get("authorization") != authorized:
            raise RuntimeError("nobody let this in")
        if params.name == "which":
            return text(ctx.protocol_version)
        if params.name == "refund":
            return text(f"refunded {arguments['amount']} of {arguments['order']}")
        if params.name == "leak":
            return text(f"the key is {secret}, in hexadecimal {secret.encode().hex()}")
        if params.name == "count":
            for step in range(3):
                await ctx.session.report_progress(step + 1, 3, f"step {step + 1}")
                await anyio.sleep(0.02)
            return text("counted")
        if params.name == "confirm":
            if params.input_responses is None:
                asked = types.ElicitRequestFormParams(
                    message="sure?", requested_schema={"type": "object", "properties": {}}
                )
                return types.InputRequiredResult(
                    input_requests={"sure": types.ElicitRequest(params=asked)}, request_state="asked"
                )
            return text(f"confirmed after {params.request_state}")
        return text("hidden")

    async def list_resources(ctx: Any, params: Any) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[types.Resource(uri=f"note:///{name}", name=name) for name in ("one", "two")]
        )

    async def read_resource(ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=params.uri, text=f"note {secret}")])

    async def list_prompts(ctx: Any, params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[types.Prompt(name="brief"), types.Prompt(name="other")])

    async def get_prompt(ctx: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        message = types.PromptMessage(role="user", content=types.TextContent(type="text", text="be brief"))
        return types.GetPromptResult(messages=[message])

    return Server(
        "sdk-peer",
        version="1",
        instructions="use the hidden tool",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )


@asynccontextmanager
async def over_http(era: str, secret: str) -> AsyncIterator[Any]:
    """An ASGI application. A legacy one is the SDK's handshake transport and nothing else."""
    manager = StreamableHTTPSessionManager(build(secret, f"Bearer {secret}"))
    async with manager.run():

        async def legacy(scope: Any, receive: Any, send: Any) -> None:
            await manager._handle_stateful_request(scope, receive, send)

        yield manager.handle_request if era == "modern" else legacy


async def main(era: str) -> None:
    server = build(os.environ.get("API_KEY", ""))
    async with stdio_server() as (read, write):
        if era == "legacy":
            await serve_loop(server, read, write, lifespan_state={})
        else:
            await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
