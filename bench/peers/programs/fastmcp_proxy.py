"""FastMCP's own proxy behind its own JWT check, as its documentation starts it. Runs in the peer's environment.

python fastmcp_proxy.py UPSTREAM_URL PORT PUBLIC_KEY_FILE ISSUER AUDIENCE
"""

import sys
from pathlib import Path

from fastmcp.server import create_proxy  # type: ignore[import-not-found]  # the peer's environment has it
from fastmcp.server.auth.providers.jwt import JWTVerifier  # type: ignore[import-not-found]

target, port, key, issuer, audience = sys.argv[1:]
proxy = create_proxy(target, name="bench")
proxy.auth = JWTVerifier(public_key=Path(key).read_text(), issuer=issuer, audience=audience, algorithm="ES256")
proxy.run(
    transport="http",
    host="127.0.0.1",
    port=int(port),
    path="/mcp",
    stateless_http=True,
    json_response=True,
    show_banner=False,
    log_level="ERROR",
    uvicorn_config={"access_log": False},
)
