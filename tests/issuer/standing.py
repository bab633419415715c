"""A snapshot with an issuer's keys, an agent, and credentials of every shape made by our own hands."""

from dataclasses import replace
from typing import Any

from tests.keys.randomness import Numbered

from gatepass.access import AgentId, CredentialId, Instant, PersonId, RunId
from gatepass.authority import Authority, Grant, Permission
from gatepass.credentials import IssuedRecord, IssuedToken, Rate, TokenKind, TokenLimits, TokenRecord, issue
from gatepass.credentials.access_tokens import AccessToken, Confirmation
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.capability.narrowing import Next, extend
from gatepass.gateway.snapshot import Snapshot
from gatepass.issuer import Places
from gatepass.issuer.standing import Standing, StatusLists, find
from gatepass.keys import IssuerKey, Keyring
from gatepass.keys.issuing import IssuerKeys
from gatepass.keys.jose.signing import HolderKey
from gatepass.registry import Agent, Run
from gatepass.revocation import Live, Scope, Withdrawn
from gatepass.revocation import Places as StatusPlaces

NOW = 1_780_000_000_000
BASE = "http://127.0.0.1:8420"
ORDERS = f"{BASE}/u/orders"
BOT, OTHER, ADA = AgentId("agt_bot"), AgentId("agt_other"), PersonId("per_ada")
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"
RUN = Run(id=RunId("run_1"), agent=BOT, opened=Instant(NOW), opened_by=BOT, closes=Instant(NOW + 3_600_000))
HOLDER, BOB = (HolderKey.generate(Numbered(name)) for name in (b"holder", b"bob"))


class World:
    """Where tokens are made, and asked about."""

    def __init__(self, seed: bytes = b"standing") -> None:
        self.now = NOW
        self.entropy = Numbered(seed)
        keyring = Keyring.create(Instant(NOW), self.entropy)
        self.keys = IssuerKeys(lambda: keyring, self.entropy)
        self.snapshot = Snapshot(live=Live())
        self.key = self.new_key()
        for agent in (BOT, OTHER):
            self.snapshot.put(Agent(id=agent, name=agent[4:], owner=ADA, role="support", created=Instant(NOW)))
        self.places = Places(BASE)
        self.lists = StatusPlaces(self.entropy)
        self.status = StatusLists(
            world=self.snapshot,
            places=self.lists,
            addresses=self.places,
            opens=self.keys.open,
            clock=lambda: Instant(self.now),
        )
        self.number = 0

    def new_key(self) -> IssuerKey:
        key = self.keys.make(Instant(NOW), Instant(NOW))
        self.snapshot.put(key)
        return key

    def record(self, **said: Any) -> IssuedRecord:
        """An access token's record, on the live list."""
        self.number += 1
        status, promise = self.lists.take(Instant(self.now))
        if promise is not None:
            self.lists.know(promise, Instant(self.now))
        told: dict[str, Any] = {
            "id": CredentialId(f"crd_short{self.number}"),
            "agent": BOT,
            "client": BOT,
            "owner": ADA,
            "person": ADA,
            "authority": Authority((Grant(Permission.parse(REFUND)),)),
            "audience": ORDERS,
            "key": self.key.id,
            "root": None,
            "meters": CredentialId("crd_meters"),
            "issued": Instant(self.now),
            "expires": Instant(self.now + 600_000),
            "status": status,
            "purpose": "refunds",
        }
        record = IssuedRecord(**{**told, **said})
        self.snapshot.put(record)
        return record

    def access_token_of_certificate(self, record: IssuedRecord) -> str:
        """The text of one that is bound to a certificate."""
        _, _, thumbprint = str(record.binding).rpartition(":")
        said = AccessToken(
            credential=record.credential,
            issuer=BASE,
            audience=record.audience,
            client=record.client,
            subject=record.agent,
            confirmation=Confirmation(thumbprint, certificate=True),
        )
        return Minter(self.keys.open(self.key), self.key.id).mint(said)

    def access_token(self, record: IssuedRecord, *, key: IssuerKey | None = None, issuer: str = BASE) -> str:
        """Its text."""
        signs = key or self.key
        said = AccessToken(
            credential=record.credential,
            issuer=issuer,
            audience=record.audience,
            client=record.client,
            subject=record.agent,
            confirmation=None if record.binding is None else Confirmation(record.binding),
            status=self.status.place(record.status),
        )
        return Minter(self.keys.open(signs), signs.id).mint(said)

    def bound(self, **said: Any) -> tuple[IssuedRecord, str]:
        """A token that is bound to the holder's key."""
        record = self.record(binding=HOLDER.public.thumbprint, **said)
        return record, self.access_token(record)

    def chain(self, links: int = 1, **said: Any) -> tuple[IssuedRecord, UnverifiedCapability]:
        """A capability of so many links; each next one is the same authority in the other's hand."""
        record = self.record(**said)
        made = mint(
            record.credential,
            HOLDER.public,
            issuer=BASE,
            audiences=(record.audience,),
            key=self.keys.open(self.key),
            key_id=self.key.id,
        )
        hands = [HOLDER, BOB]
        for number in range(1, links):
            mine, to = hands[(number - 1) % 2], hands[number % 2]
            step = Next(to=to.public, at=Instant(self.now), entropy=self.entropy, expires=None)
            made = extend(made, mine, step, lambda _id, parent: parent)
        return record, made

    def api_token(self, **said: Any) -> tuple[TokenRecord, IssuedToken]:
        """An API token of the bot's."""
        token = issue(TokenKind.MACHINE, Instant(self.now), self.entropy)
        record = TokenRecord(
            id=token.id,
            kind=TokenKind.MACHINE,
            name="t",
            hash=token.hash,
            owner=ADA,
            agent=BOT,
            authority=Authority((Grant(Permission.parse(REFUND)),)),
            limits=TokenLimits(attempts=Rate(100, 60_000), calls=Rate(100, 60_000)),
            issued=Instant(self.now),
            expires=Instant(self.now + 3_600_000),
            issuer=ADA,
            meters=token.id,
        )
        record = replace(record, **said)
        self.snapshot.put(record)
        return record, token

    def find(self, text: str) -> Standing | None:
        return find(text, self.snapshot, self.places, Instant(self.now))

    def withdraw(self, scope: Scope, id_: str) -> None:
        self.snapshot.withdraw(Withdrawn(scope, id_, Instant(self.now)))
