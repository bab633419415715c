"""Gateways for MCP from PyPI: FastMCP's proxy, LiteLLM, ContextForge; one worker each, their auth switched on.

Each is set up by its documentation. Each is asked one `tools/call` an HTTP request, without a session, in the newest
revision that it answers that way; nobody is charged for a handshake a call.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench.load.upstream import KEY
from bench.peers.installing import environment, version_of
from bench.peers.probing import answered, called
from bench.peers.subjects import Ground, Subject, mcp_exchange
from bench.peers.tokens import AUDIENCE, ISSUER, Signed
from bench.stage import Failed, Started, free_port, start, until

__all__ = ["context_forge", "fastmcp", "litellm"]

PROXY: Final = Path(__file__).parent / "programs" / "fastmcp_proxy.py"


@contextmanager
def fastmcp(ground: Ground) -> Iterator[Subject]:
    """`create_proxy` to the upstream's URL, with `JWTVerifier` and a fixed key."""
    bin_, folder, port, signed = environment("fastmcp"), ground.folder / "fastmcp", free_port(), Signed.anew()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "key.pem").write_text(signed.pem)
    target = f"http://127.0.0.1:{ground.upstream_port}/mcp"
    command = (bin_ / "python", PROXY, target, str(port), folder / "key.pem", ISSUER, AUDIENCE)
    env = {"FASTMCP_CHECK_FOR_UPDATES": "off", "HOME": str(folder)}
    with start("fastmcp", command, folder=folder, cores=ground.cores.subject, env=env) as started:
        asked = mcp_exchange(port, "/mcp", headers={"Authorization": f"Bearer {signed.token}"})
        yield Subject(
            name="FastMCP proxy",
            started=started,
            exchange=asked,
            version=version_of("fastmcp", "fastmcp"),
            settings="create_proxy, JWTVerifier (ES256, fixed key), stateless, JSON answers, no access log",
            ready_s=until(started, answered(asked)),
        )


@contextmanager
def litellm(ground: Ground) -> Iterator[Subject]:
    """The proxy's `/mcp`, with a master key: its virtual keys need an engine that is downloaded from elsewhere."""
    bin_, folder, port = environment("litellm"), ground.folder / "litellm", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    key = f"sk-{secrets.token_hex(16)}"
    server = {
        "url": f"http://127.0.0.1:{ground.upstream_port}/mcp",
        "transport": "http",
        "auth_type": "bearer_token",
        "auth_value": KEY,
    }
    conf = {"model_list": [], "general_settings": {"master_key": key}, "mcp_servers": {"orders": server}}
    (folder / "config.yaml").write_text(json.dumps(conf))
    env = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "HOME": str(folder),
        "PATH": f"{bin_}:{os.defpath}",
    }
    command = (
        bin_ / "litellm",
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    )
    with start("litellm", command, folder=folder, cores=ground.cores.subject, env=env) as started:
        asked = mcp_exchange(
            port,
            "/mcp/",
            headers={"Authorization": f"Bearer {key}", "x-litellm-api-key": f"Bearer {key}"},
            tool="orders-refund",
            modern=False,
            keyed=True,
        )
        yield Subject(
            name="LiteLLM",
            started=started,
            exchange=asked,
            version=version_of("litellm", "litellm"),
            settings="/mcp with a master key, bearer injected, production mode, no database",
            ready_s=until(started, answered(asked)),
        )


@contextmanager
def context_forge(ground: Ground) -> Iterator[Subject]:
    """A virtual server with one tool of a registered gateway, on SQLite, asked with a JWT of its own making."""
    bin_, folder, port = environment("contextforge", (3, 13), (3, 12)), ground.folder / "contextforge", free_port()
    folder.mkdir(parents=True, exist_ok=True)
    secret, person = secrets.token_hex(32), "admin@example.com"
    env = {
        "HOME": str(folder),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder / 'mcp.db'}",
        "CACHE_TYPE": "memory",
        "JWT_SECRET_KEY": secret,
        "AUTH_ENCRYPTION_SECRET": secrets.token_hex(32),
        "AUTH_REQUIRED": "true",
        "PLATFORM_ADMIN_EMAIL": person,
        "PLATFORM_ADMIN_PASSWORD": f"Aa1!{secrets.token_hex(16)}",
        "DEFAULT_USER_PASSWORD": f"Aa1!{secrets.token_hex(16)}",
        "BASIC_AUTH_PASSWORD": f"Aa1!{secrets.token_hex(16)}",
        "MCPGATEWAY_UI_ENABLED": "false",
        "MCPGATEWAY_ADMIN_API_ENABLED": "true",
        "MCPGATEWAY_CATALOG_ENABLED": "false",
        "PLUGINS_ENABLED": "false",
        "TOOL_RATE_LIMIT": "1000000000",
        "RATE_LIMITING_ENABLED": "false",
        "SSRF_ALLOW_LOCALHOST": "true",
        "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        "JSON_RESPONSE_ENABLED": "true",
        "USE_STATEFUL_SESSIONS": "false",
        "LOG_LEVEL": "ERROR",
        "OBSERVABILITY_ENABLED": "false",
    }
    token = _forged_token(bin_, person, env, folder, ground)
    command = (
        bin_ / "mcpgateway",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
        "--no-access-log",
        "--log-level",
        "error",
    )
    with start("contextforge", command, folder=folder, cores=ground.cores.subject, env=env) as started:
        until(started, partial(_healthy, port))
        bearer = {"Authorization": f"Bearer {token}"}
        server = _registered(port, ground.upstream_port, bearer, started)
        tool = server["tool"]
        asked = mcp_exchange(port, f"/servers/{server['id']}/mcp/", headers=bearer, tool=tool, modern=False, keyed=True)
        yield Subject(
            name="ContextForge",
            started=started,
            exchange=asked,
            version=version_of("contextforge", "mcp-contextforge-gateway"),
            settings="a virtual server with one tool, JWT auth, SQLite, memory cache, rate limits and plugins off",
            ready_s=until(started, answered(asked)),
        )


def _forged_token(bin_: Path, person: str, env: dict[str, str], folder: Path, ground: Ground) -> str:
    """A token from its own tool: it knows best what it wants to read in one."""
    command = (
        bin_ / "python",
        "-m",
        "mcpgateway.utils.create_jwt_token",
        "--username",
        person,
        "--exp",
        "10080",
        "--secret",
        env["JWT_SECRET_KEY"],
        "--admin",
    )
    with start("create-jwt-token", command, folder=folder, cores=ground.cores.load, env=env, speaks=True) as started:
        said, _ = started.process.communicate(timeout=60)
        words = [word for word in said.decode().split() if word.count(".") == 2 and word.startswith("ey")]
        if not words:
            raise Failed(f"its tool made no token: {started.said()}")
        return words[-1]


def _healthy(port: int) -> str:
    try:
        called("GET", port, "/health")
    except Failed as failed:
        return str(failed)
    return ""


def _registered(port: int, upstream: int, bearer: dict[str, str], started: Started) -> dict[str, str]:
    """The upstream as a gateway, its tool in a virtual server: over its API, as its documentation has it."""
    gateway = {"name": "orders", "url": f"http://127.0.0.1:{upstream}/mcp", "transport": "STREAMABLEHTTP"}
    called("POST", port, "/gateways", {**gateway, "auth_type": "bearer", "auth_token": KEY}, bearer)
    tools = called("GET", port, "/tools", headers=bearer)
    tools = tools if isinstance(tools, list) else tools.get("data", tools.get("items", []))
    if not tools:
        raise Failed(f"it found no tool at the upstream: {started.said()}")
    server = {"name": "orders", "description": "orders", "associated_tools": [tools[0]["id"]]}
    made = called("POST", port, "/servers", {"server": server}, bearer)
    return {"id": str(made["id"]), "tool": str(tools[0]["name"])}
