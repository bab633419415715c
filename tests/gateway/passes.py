"""A gateway with an issuer's key, and agents who hold keys: everything is real but the disk and the network."""

import os
from dataclasses import dataclass, field
from typing import Any

from tests.gateway.house import ADA, BOT, PLENTY, START, House, nothing

from gatepass.access import CredentialId, Instant
from gatepass.authority import Authority, Credential, Grant, Permission
from gatepass.authority.caveats import Caveat
from gatepass.credentials import IssuedRecord, new_id
from gatepass.credentials.access_tokens import AccessToken, Confirmation
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.minting import mint
from gatepass.credentials.proofs import Nonces
from gatepass.credentials.proofs.making import make_proof
from gatepass.gateway.requests import Request
from gatepass.gateway.verifying.passes import Passes
from gatepass.keys.jose import KeySet
from gatepass.keys.jose.signing import HolderKey
from gatepass.storage import MemoryReplay

BASE = "https://gatepass.example"
ORDERS = f"{BASE}/u/orders"


@dataclass
class Issuer:
    """The issuer's side of a house, as the surfaces see it: keys that sign, and records on the live list."""

    house: House = field(default_factory=lambda: House(bearers=False))

    def __post_init__(self) -> None:
        house = self.house
        self.keys = {name: HolderKey.generate(os.urandom) for name in ("k1", "k2")}
        self.publish("k1", "k2")
        self.replay = MemoryReplay(lambda: Instant(house.now))
        self.passes = house.admission.passes = Passes(
            base=BASE,
            snapshot=house.snapshot,
            replay=self.replay,
            nonces=Nonces(lambda said: said.ljust(32, b"n"), Instant(START - 600_000)),
        )
        house.snapshot.defaults = PLENTY

    def publish(self, *names: str) -> None:
        """These keys verify from now on, and no others."""
        self.house.snapshot.issuer_keys = KeySet(replace_id(self.keys[name], name) for name in names)

    def record(self, *scopes: str, caveats: tuple[Caveat, ...] = (), **members: Any) -> IssuedRecord:
        """A credential on the live list."""
        now = Instant(self.house.now)
        made: dict[str, Any] = {
            "id": CredentialId(new_id("crd", now, os.urandom)),
            "agent": BOT,
            "client": BOT,
            "owner": ADA,
            "person": ADA,
            "authority": Authority(tuple(Grant(Permission.parse(scope), caveats) for scope in scopes)),
            "audience": ORDERS,
            "key": "k1",
            "root": None,
            "meters": CredentialId(BOT),
            "issued": now,
            "expires": Instant(now + 300_000),
            "status": 7,
            **members,
        }
        record = IssuedRecord(**made)
        self.house.snapshot.put(record)
        return record

    def text(self, record: IssuedRecord, **said: Any) -> str:
        """What the issuer signs for a record; `said` is what else it would say."""
        claims: dict[str, Any] = {
            "credential": record.credential,
            "issuer": BASE,
            "audience": record.audience,
            "client": record.client,
            "subject": record.agent,
            "confirmation": None if record.binding is None else confirmation(record.binding),
            **said,
        }
        return Minter(self.keys[record.key], record.key).mint(AccessToken(**claims))

    def token(self, *scopes: str, key: HolderKey | None = None, **members: Any) -> str:
        """An access token, bound to `key` where one is given."""
        binding = None if key is None else key.public.thumbprint
        return self.text(self.record(*scopes, binding=binding, **members))

    def capability(self, key: HolderKey, *scopes: str, audiences: tuple[str, ...] = (ORDERS,), **members: Any) -> Any:
        """A chain of one link, on the live list."""
        record = self.record(*scopes, binding=key.public.thumbprint, **members)
        held: Credential = record.credential
        return mint(held, key.public, issuer=BASE, audiences=audiences, key=self.keys[record.key], key_id=record.key)

    def proof(
        self, key: HolderKey, text: str, *, method: str = "GET", path: str = "/u/orders/orders", **said: Any
    ) -> str:
        """A proof of now."""
        made: dict[str, Any] = {"method": method, "url": BASE + path, "at": Instant(self.house.now), **said}
        return make_proof(key, credential=text, entropy=os.urandom, **made)

    def request(
        self,
        text: str | UnverifiedCapability,
        proof: str | None = None,
        *,
        scheme: str | None = None,
        method: str = "GET",
        path: str = "/u/orders/orders",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        upstream: str = "orders",
        certificate: bytes | None = None,
    ) -> Request:
        """A request with a credential, and perhaps a proof."""
        shown = text if isinstance(text, str) else text.text
        used = scheme or ("Bearer" if proof is None else "DPoP")
        sent = [(b"authorization", f"{used} {shown}".encode()), *headers]
        if proof is not None:
            sent.append((b"dpop", proof.encode()))
        return Request(
            method=method,
            upstream=upstream,
            path=b"/orders",
            query=b"",
            headers=tuple(sent),
            source="192.0.2.7",
            body=nothing(),
            target=path.encode(),
            certificate=certificate,
        )


def replace_id(key: HolderKey, name: str) -> Any:
    public = key.public
    return type(public).parse({**public.jwk, "kid": name})


def confirmation(binding: str) -> Confirmation:
    if binding.startswith("x5t#S256:"):
        return Confirmation(binding.removeprefix("x5t#S256:"), certificate=True)
    return Confirmation(binding)
