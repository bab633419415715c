"""A deployment served for real: SQLite on disk, real sealing, real Argon2id, and a clock turned by hand."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.administration.issuers import NoKeys
from tests.administration.world import LIMITS, MINUTE, ORDERS, START
from tests.bearers import bearers
from tests.web.served import AGENTS, PEOPLE, Echo, running

from gatepass.access import CredentialId, Instant, Json
from gatepass.administration import Administration, Announcement, Facts, Terms
from gatepass.console import Console
from gatepass.credentials import Rate, TokenLimits
from gatepass.gateway.operations import read_operations
from gatepass.keys import IssuerKeys, Keyring, Sealer, hash_password, verify_password
from gatepass.keys.keyring import LiveKeyring
from gatepass.storage import Database, DataFolder, InProcessLedger
from gatepass.web.app import App, Surfaces
from gatepass.web.hosts import Hosts
from gatepass.web.management import build

HOUR = 60 * MINUTE
UPSTREAM = {
    "name": "orders",
    "kind": "rest",
    "target": "https://orders.example/v1",
    "operations": ORDERS,
    "injection": {"kind": "header", "name": "Authorization", "prefix": "Bearer "},
}
ROLE: dict[str, Any] = {
    "scopes": ["orders:list", "orders:refund:order-12345?amount<=50&currency=USD"],
    **bearers(at=START),
}


class OffTheLoop:
    """Argon2id in a thread."""

    async def hash(self, password: str) -> str:
        return await asyncio.to_thread(hash_password, password, os.urandom)

    async def verify(self, stored: str | None, password: str) -> bool:
        return await asyncio.to_thread(verify_password, stored, password)


async def explain(token: CredentialId, attempt: Mapping[str, Json]) -> Json:
    return {"token": token, "attempt": dict(attempt)}


@dataclass
class Deployment:
    """What is served, and whoever asks it."""

    folder: Path
    now: list[Instant] = field(default_factory=lambda: [START])
    announced: list[Announcement] = field(default_factory=list)
    opened: list[Administration] = field(default_factory=list)
    strangers: list[tuple[str, str]] = field(default_factory=list)
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=30))
    port: int = 0
    token: str | None = None
    limits: TokenLimits = LIMITS

    @property
    def administration(self) -> Administration:
        return self.opened[0]

    def later(self, milliseconds: int) -> None:
        self.now[0] = Instant(self.now[0] + milliseconds)

    def app(self) -> App:
        built: list[ASGIApp] = []

        @asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            folder = DataFolder.open(self.folder)
            database = await Database.open(folder, clock=lambda: self.now[0])
            keyring = LiveKeyring(Keyring.create(START, os.urandom), lambda _: None)
            administration = await Administration.open(
                store=database.store,
                announce=self.announced.append,
                clock=lambda: self.now[0],
                entropy=os.urandom,
                read_catalogue=lambda text, name: read_operations(text, name).catalogue,
                seals=Sealer(keyring, os.urandom),
                new_key=lambda at: keyring.rotate(at, os.urandom),
                signing_keys=IssuerKeys(keyring, os.urandom),
                passwords=OffTheLoop(),
                ledger=InProcessLedger(),
                archive=database.archive,
                explain=explain,
                proves=NoKeys(),
                stranger=lambda event, code, _source, _credential: self.strangers.append((event, code)),
                terms=Terms(
                    limits=self.limits, account=Rate(6_000, MINUTE), token_lifetime=8 * HOUR, session_lifetime=8 * HOUR
                ),
                facts=Facts(version="0.1", listening=("http://127.0.0.1:8420",), custody="the same user"),
            )
            await administration.people.found("ada")
            self.opened.append(administration)
            built.append(build(administration))
            yield
            await database.close()
            folder.close()

        async def management(scope: Scope, receive: Receive, send: Send) -> None:
            await built[0](scope, receive, send)

        return App(
            surfaces=Surfaces(rest=Echo("rest"), mcp=Echo("mcp"), header_only=Echo("k")),
            management=management,
            console=Console(api=management, host=PEOPLE, agents=AGENTS, clock=lambda: self.now[0]),
            hosts=Hosts(agents=frozenset({AGENTS}), people=frozenset({PEOPLE})),
            lifespan=lifespan,
        )

    # -- whoever asks

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """One request as `token` (the signed-in admin's unless said; None for nobody's)."""
        sent = {"host": PEOPLE}
        held = self.token if token == "" else token
        if held is not None:
            sent["authorization"] = f"Bearer {held}"
        if content is not None:
            sent["content-type"] = "application/json"
        url = f"http://127.0.0.1:{self.port}/api/v1{path}"
        return self.client.request(method, url, json=body, content=content, headers={**sent, **(headers or {})})

    def code(self, name: str = "ada") -> str:
        sessions = self.administration.sessions
        return sessions.offer(self.administration.desk.register.person(name)).text

    def sign_in(self, name: str = "ada") -> str:
        answer = self.ask("POST", "/session", {"code": self.code(name)}, token=None)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def furnish(self) -> Self:
        """An upstream, a role, an agent."""
        assert self.ask("POST", "/upstreams", UPSTREAM).status_code == 201
        assert self.ask("PUT", "/roles/support", ROLE).status_code == 200
        assert self.ask("POST", "/agents", {"name": "support-bot", "role": "support"}).status_code == 201
        return self

    def join(self, name: str, role: str | None) -> str:
        """A new person's session."""
        answer = self.ask("POST", "/people", {"name": name, "operator": role})
        assert answer.status_code == 201, answer.text
        session = self.ask("POST", "/session", {"code": answer.json()["code"]}, token=None)
        return str(session.json()["token"])

    def issue(self, name: str = "laptop", **form: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/tokens", {"name": name, "agent": "support-bot", "scopes": ["orders:list"], **form})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@contextmanager
def deployed(folder: Path, limits: TokenLimits = LIMITS) -> Iterator[Deployment]:
    """A served deployment with `ada` signed in."""
    deployment = Deployment(folder, limits=limits)
    with running(deployment.app()) as port, deployment.client:
        deployment.port = port
        deployment.token = deployment.sign_in()
        yield deployment
