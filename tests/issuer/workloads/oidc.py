"""A small OIDC issuer: a real HTTP server on loopback, with a discovery document, keys that rotate, and tokens."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gatepass.keys.jose.base64url import encode


@dataclass
class Issuer:
    url: str = ""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    """By `kid`; the last signs."""
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""
    instead: dict[str, bytes] = field(default_factory=dict)
    """Whole answers, by path, where another one than the right one is given."""
    silent: bool = False
    discovery: dict[str, Any] = field(default_factory=dict)

    def rotate(self) -> str:
        name = f"key-{len(self.keys) + 1}"
        self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return name

    def token(self, claims: dict[str, Any], kid: str | None = None, **header: Any) -> str:
        name = kid or list(self.keys)[-1]
        said = {"alg": "RS256", "typ": "JWT", "kid": name, **header}
        text = f"{encode(json.dumps(said).encode())}.{encode(json.dumps(claims).encode())}"
        signature = self.keys[name].sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encode(signature)}"

    def jwks(self) -> dict[str, Any]:
        listed = []
        for name, key in self.keys.items():
            numbers = key.public_key().public_numbers()
            n, e = (encode(each.to_bytes((each.bit_length() + 7) // 8, "big")) for each in (numbers.n, numbers.e))
            listed.append({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": n, "e": e})
        return {"keys": listed}

    def document(self, path: str) -> bytes | None:
        if path in self.instead:
            return self.instead[path]
        said: Any = None
        if path == "/.well-known/openid-configuration":
            said = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", **self.discovery}
        elif path == "/jwks":
            said = self.jwks()
        return None if said is None else answer(json.dumps(said).encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                self.asked.append(path)
                if self.silent:
                    await asyncio.Event().wait()
                writer.write(self.document(path) or answer(b"{}", b"404 Not Found"))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@asynccontextmanager
async def running(issuer: Issuer) -> AsyncGenerator[Issuer]:
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    if not issuer.keys:
        issuer.rotate()
    try:
        yield issuer
    finally:
        server.close()
        await server.wait_closed()
