"""Mutual TLS through a real nginx: what it saw arrives, and what anybody else says does not."""

import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.e2e import place
from tests.e2e.strangers.nginx import ADDRESS, free_port, terminating
from tests.keys.x509.certificates import self_signed

from gatepass.gateway.requests import Reply, Request
from gatepass.keys.x509 import ClientCertificate
from gatepass.web.app import App, Surfaces
from gatepass.web.certificates import CertificateProxies
from gatepass.web.hosts import Hosts
from gatepass.web.serving import serve


class Seen:
    """A surface that says what arrives."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def handle(self, request: Request) -> Reply:
        self.requests.append(request)

        async def body() -> AsyncIterator[bytes]:
            yield b"seen"

        return Reply(200, ((b"content-length", b"4"),), body())


@asynccontextmanager
async def behind(seen: Seen) -> AsyncIterator[int]:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("nobody manages here")

    app = App(
        surfaces=Surfaces(rest=seen, mcp=seen, header_only=seen),
        management=nothing,
        hosts=Hosts(agents=frozenset({"127.0.0.1"}), people=frozenset({"localhost"})),
        proxies=CertificateProxies((ip_network(f"{ADDRESS}/32"),)),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    stop, listening = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(app, [listener], stop, listening=listening.set))  # type: ignore[arg-type]
        await listening.wait()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()


def trusting(server: Path, client: tuple[bytes, bytes] | None = None) -> ssl.SSLContext:
    """TLS to the nginx of a test, with a client certificate and its key if there is one."""
    context = ssl.create_default_context(cafile=str(server))
    if client is not None:
        pair = server.parent / "client.pem"
        pair.write_bytes(b"".join(client))
        context.load_cert_chain(str(pair))
    return context


FORGED = {"Client-Cert": f":{base64.b64encode(b'0' * 400).decode()}:", "Client-Cert-Chain": ":AAAA:"}


@pytest.mark.parametrize("size", [0, 4096], ids=["P-256", "RSA"])
def test_what_nginx_saw_arrives_and_what_the_client_says_does_not(tmp_path: Path, size: int) -> None:
    der, pem, key = self_signed("bot", rsa.generate_private_key(65537, size) if size else None)
    seen, port = Seen(), free_port()

    async def story() -> None:
        async with behind(seen) as inner:
            with terminating(tmp_path / "nginx", port, inner) as server:
                for client, headers in (((pem, key), {}), ((pem, key), FORGED), (None, {}), (None, FORGED)):
                    context = trusting(server, client)
                    async with httpx2.AsyncClient(verify=context, trust_env=False) as http:
                        answer = await http.get(f"https://127.0.0.1:{port}/u/orders/x", headers=headers)
                        assert answer.status_code == 200, answer.text
            async with httpx2.AsyncClient(trust_env=False) as http:
                await http.get(f"http://127.0.0.1:{inner}/u/orders/x", headers=FORGED)

    anyio.run(story)
    assert [request.certificate for request in seen.requests] == [der, der, None, None, None]
    assert not any(name.startswith(b"client-cert") for request in seen.requests for name, _ in request.headers)


def test_a_token_is_bound_to_the_certificate_from_end_to_end(tmp_path: Path) -> None:
    """A real `gatepass up` behind nginx: the agent has a certificate and no other secret."""
    key = ec.generate_private_key(ec.SECP256R1())
    der, pem, private = self_signed("bot", key)
    _, other, others = self_signed("another")
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    settings = {"GATEPASS_SERVER__AGENTS_URL": url, "GATEPASS_SERVER__CERTIFICATE_PROXIES": f"{ADDRESS}/32"}
    asked = {"grant_type": "client_credentials", "client_id": "bot", "scope": "things:take:lamp"}
    asked["resource"] = f"{url}/u/things"

    async def story() -> None:
        async with place.upstream() as upstream:
            with place.running(tmp_path, **settings) as running:
                management = place.signed_in(running)
                place.furnished(management, upstream.port)
                management.replace("roles", "worker", {"scopes": ("things:*",)})
                jwk = dict(ClientCertificate.read(der).key.jwk)
                management.act("agents", "bot", "keys", {"label": "its certificate", "jwk": jwk})
                inner = int(running.people_url.rpartition(":")[2])
                with terminating(tmp_path / "nginx", port, inner) as server:
                    mine, theirs = trusting(server, (pem, private)), trusting(server, (other, others))
                    async with httpx2.AsyncClient(verify=mine, trust_env=False) as http:
                        answer = await http.post(f"{url}/oauth2/token", data=asked)
                        assert answer.status_code == 200, answer.text
                        assert answer.json()["token_type"] == "Bearer"
                        said = {"authorization": f"Bearer {answer.json()['access_token']}"}
                        lamp = f"{url}/u/things/things/lamp"
                        assert (await http.post(lamp, headers=said)).status_code == 200
                        assert (await http.post(f"{url}/u/things/things/vase", headers=said)).status_code == 403
                    for context in (theirs, trusting(server)):
                        async with httpx2.AsyncClient(verify=context, trust_env=False) as http:
                            assert (await http.post(f"{url}/oauth2/token", data=asked)).status_code == 401
                            assert (await http.post(lamp, headers=said)).status_code == 401
                    forged = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
                    async with httpx2.AsyncClient(trust_env=False) as http:
                        plain = f"http://127.0.0.1:{inner}"
                        assert (await http.post(f"{plain}/oauth2/token", data=asked, headers=forged)).status_code == 401
                        direct = await http.post(f"{plain}/u/things/things/lamp", headers={**said, **forged})
                        assert direct.status_code == 401
        assert [thing for _, thing in upstream.touched] == ["lamp"]

    anyio.run(story)
