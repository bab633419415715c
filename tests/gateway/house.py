"""A gateway's inside, in memory, with a clock turned by hand: everything is real but the disk and the network."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from tests.keys.randomness import Numbered

from gatepass.access import AgentId, CredentialId, Instant, PersonId, UpstreamId
from gatepass.authority import Authority, Grant, Permission
from gatepass.authority.caveats import Caveat
from gatepass.credentials import IssuedToken, Rate, TokenKind, TokenLimits, TokenRecord, issue
from gatepass.gateway.admission import Admission
from gatepass.gateway.requests import Request
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.keys import Keyring, Sealer, origin_of
from gatepass.registry import Agent, Injection, InjectionKind, Person, Role, Upstream, UpstreamKind
from gatepass.revocation import Live, Scope, Withdrawn
from gatepass.storage.ledger import InProcessLedger
from gatepass.storage.memory import MemoryJournal
from gatepass.vault import Custody

START = 1_800_000_000_000
ADA = PersonId("per_ada")
BOT = AgentId("agt_bot")
SECRET = b"sk_live_the_real_key"
OPERATIONS = """
types:
  orders:
    actions:
      list: {class: read}
      get: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, currency: string}}
rest:
  - {match: "GET /orders", action: "orders:list", resource: none}
  - {match: "GET /orders/{order}", action: "orders:get", resource: path.order}
  - {match: "POST /orders/{order}/refunds", action: "orders:refund", resource: path.order,
     properties: {amount: body.amount, currency: body.currency}}
"""
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
PLENTY = TokenLimits(attempts=Rate(1000, 60_000), calls=Rate(1000, 60_000))


@dataclass
class House:
    """One upstream with a secret, one person, one agent in one role."""

    now: int = START
    scopes: tuple[str, ...] = ("orders:list", "orders:get", "orders:refund")
    asks: tuple[str, ...] = ()
    bearers: bool = True
    """Whether the role lets bearers act beyond reading, for a week."""
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    ledger: InProcessLedger = field(default_factory=InProcessLedger)

    def __post_init__(self) -> None:
        self.entropy = Numbered(b"house")
        keyring = Keyring.create(Instant(START), self.entropy)
        self.snapshot = Snapshot(live=Live())
        self.admission = Admission(
            snapshot=self.snapshot,
            ledger=self.ledger,
            journal=self.journal,
            custody=Custody(lambda: keyring),
            clock=lambda: Instant(self.now),
            entropy=self.entropy,
            digest=lambda arguments: f"test:{hashlib.sha256(arguments).hexdigest()}",
            strangers=Strangers(),
        )
        self.upstream = Upstream(
            id=UpstreamId("ups_orders"),
            name="orders",
            kind=UpstreamKind.REST,
            target="http://127.0.0.1:9",
            operations=OPERATIONS,
            injection=Injection(InjectionKind.HEADER, "authorization", "Bearer "),
        )
        sealed = Sealer(lambda: keyring, self.entropy).seal(
            SECRET,
            id="sec_orders",  # type: ignore[arg-type]
            name="orders-key",
            upstream=self.upstream.id,
            origin=origin_of(self.upstream),
            version=1,
            at=Instant(START),
        )
        self.upstream = replace(self.upstream, secret=sealed.id)
        self.snapshot.put(Person(id=ADA, name="ada", operator=None, created=Instant(START)))
        self.snapshot.put(sealed)
        self.snapshot.put(self.upstream)
        self.put_role(*self.scopes)
        self.snapshot.put(Agent(id=BOT, name="bot", owner=ADA, role="support", created=Instant(START)))

    def put_role(self, *scopes: str) -> None:
        role = Role(name="support", scopes=scopes, asks_person=self.asks)
        if self.bearers:
            role = replace(role, bearer_until=Instant(START + 7 * 86_400_000), bearer_because="plain tokens here")
        self.snapshot.put(role)

    def token(
        self,
        *scopes: str,
        kind: TokenKind = TokenKind.MACHINE,
        limits: TokenLimits = PLENTY,
        caveats: tuple[Caveat, ...] = (),
        life: int = 3_600_000,
        **members: Any,
    ) -> IssuedToken:
        """Issue a token and put it on the live list."""
        token = issue(kind, Instant(self.now), self.entropy)
        self.snapshot.put(
            TokenRecord(
                id=token.id,
                kind=kind,
                name="t",
                hash=token.hash,
                owner=ADA,
                agent=BOT if kind is TokenKind.MACHINE else None,
                authority=Authority(tuple(Grant(Permission.parse(scope), caveats) for scope in scopes)),
                limits=limits,
                issued=Instant(self.now),
                expires=Instant(self.now + life),
                issuer=ADA,
                meters=token.id,
                **members,
            )
        )
        return token

    def request(self, token: IssuedToken | str | None, **members: Any) -> Request:
        """A GET of /orders under `token`."""
        text = token.reveal() if isinstance(token, IssuedToken) else token
        headers = () if text is None else ((b"authorization", f"Bearer {text}".encode()),)
        usual: dict[str, Any] = {
            "method": "GET",
            "upstream": "orders",
            "path": b"/orders",
            "query": b"",
            "headers": headers,
            "source": "192.0.2.7",
            "body": nothing(),
        }
        return Request(**{**usual, **members})

    def revoke(self, token: IssuedToken) -> None:
        self.withdraw(Scope.CREDENTIAL, token.id)

    def withdraw(self, scope: Scope, id_: str) -> None:
        self.snapshot.live.withdraw(Withdrawn(scope, id_, Instant(self.now)))

    def told(self) -> list[tuple[str, str | None]]:
        """Event and code of every entry after the first."""
        return [
            (str(found.members["event"]), str(found.members["code"]) if "code" in found.members else None)
            for found in self.journal.entries[1:]
        ]

    def record(self, id_: CredentialId) -> TokenRecord:
        return self.snapshot.tokens[id_]


async def nothing() -> AsyncIterator[bytes]:
    """No body."""
    no: tuple[bytes, ...] = ()
    for piece in no:
        yield piece
