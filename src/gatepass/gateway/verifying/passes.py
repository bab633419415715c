"""Step 2 for what is not an API token: access tokens and capabilities, and the proof of the key that they are bound to.

The law: nothing of a text is believed that a key of the issuer did not sign, and what was signed is worth something
only here (this issuer, exactly this surface), now, and to whoever proves the key that it names, for this method and
this URL as *we* know ourselves, whatever a header says. Its power is its record's, on the live list, never the text's.
What is remembered between two calls are signature facts, found by a digest of the text and gone with the key that
signed.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import CredentialId, Instant
from gatepass.credentials import IssuedRecord
from gatepass.credentials.access_tokens import Signed, SignedTokens, meant
from gatepass.credentials.capability import Capabilities, Fault, UnprovenCapability, UnverifiedCapability
from gatepass.credentials.capability.faults import refused
from gatepass.credentials.proofs import Nonces, Proof, ProvenCall, ReplayStore, use_once, verify_proof
from gatepass.errors import Unauthenticated
from gatepass.gateway.requests import Request
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.verifying.holdings import Holding, of_link
from gatepass.gateway.verifying.opaque import HEARTBEAT
from gatepass.gateway.verifying.presented import Presented, Scheme, Shape
from gatepass.keys.jose import KeySet
from gatepass.keys.jose.base64url import encode

__all__ = ["Passes", "Verified"]

MOST_FACTS: Final = 4096
"""Signed texts that are remembered."""
_CERTIFICATE: Final = "x5t#"


@dataclass(frozen=True, slots=True)
class Verified:
    """A credential, and the proof that came with it: genuine, and perhaps not for the first time."""

    holding: Holding
    proof: Proof | None = None
    proof_key: str | None = None
    """What was proven: the proof's key, or the certificate of the connection as a credential names it."""


@dataclass(slots=True, kw_only=True)
class Passes:
    """Verifies what the issuer signed, for the surfaces under one base: an origin, which is the issuer's name."""

    base: str
    snapshot: Snapshot
    replay: ReplayStore
    nonces: Nonces
    _keys: KeySet | None = None
    _tokens: SignedTokens = field(default_factory=lambda: SignedTokens({}))
    _facts: OrderedDict[bytes, Signed] = field(default_factory=OrderedDict)

    def audience(self, surface: str, upstream: str) -> str:
        """The one name of a surface of an upstream. The header-only path of MCP means the place of MCP."""
        return f"{self.base}/{_PLACES[surface]}/{upstream}"

    def metadata(self, request: Request, surface: str) -> str | None:
        """Where the surface's document is (RFC 9728); None for the path that never answers discovery."""
        if request.target.startswith(b"/k/"):
            return None
        return f"{self.base}/.well-known/oauth-protected-resource/{_PLACES[surface]}/{request.upstream}"

    async def verify(self, presented: Presented, request: Request, surface: str, at: Instant) -> Verified:
        """What was presented, with its proof. Raises `Unauthenticated`, and `Malformed` for what is no credential."""
        if presented.shape is Shape.CAPABILITY:
            return await self._capability(presented, request, surface, at)
        return await self._access_token(presented, request, surface, at)

    async def first_use(self, proof: Proof) -> None:
        """Claim the one use of a proof. Raises `Unauthenticated` (`proof_replayed`), `Unavailable`."""
        await use_once(proof, self.replay)

    # -- access tokens

    async def _access_token(self, presented: Presented, request: Request, surface: str, at: Instant) -> Verified:
        signed = self._signed(presented.text)
        unproven = meant(signed.said, issuer=self.base, audience=self.audience(surface, request.upstream), at=at)
        record = await self._record(signed.said.credential.id)
        if record.binding != unproven.binding or record.audience != signed.said.audience or record.key != signed.key:
            raise _unknown()
        proof = self._proof(presented, request, unproven.binding, at)
        proven = _certificate(request, unproven.binding) if proof is None else proof.thumbprint
        unproven.proven_by(proven)
        return Verified(self._holding(record, at), proof, proven)

    def _signed(self, text: str) -> Signed:
        """The facts of a text, remembered. A key that was withdrawn takes what it signed with it."""
        keys = self.snapshot.issuer_keys
        if keys is not self._keys:
            self._keys, self._tokens = keys, SignedTokens(keys.named)
            self._facts = OrderedDict((text, fact) for text, fact in self._facts.items() if fact.key in keys.named)
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        known = self._facts.get(digest)
        if known is not None:
            self._facts.move_to_end(digest)
            return known
        made = self._facts[digest] = self._tokens.read(text)
        if len(self._facts) > MOST_FACTS:
            self._facts.popitem(last=False)
        return made

    async def _record(self, id_: CredentialId) -> IssuedRecord:
        record = await self.snapshot.heard_of_issued(id_, HEARTBEAT)
        if record is None:
            raise _unknown()
        return record

    def _holding(self, record: IssuedRecord, at: Instant) -> Holding:
        holding = self.snapshot.holding(record.id)
        if holding is None:
            raise _unknown()
        if veto := holding.refusal(at):
            raise Unauthenticated("credential_invalid", veto.detail)
        return holding

    # -- proofs

    def _proof(self, presented: Presented, request: Request, binding: str | None, at: Instant) -> Proof | None:
        """The proof by the key of `binding`. A bearer's credential has none, and takes none."""
        if binding is None or binding.startswith(_CERTIFICATE):
            if presented.scheme is Scheme.DPOP:
                raise Unauthenticated(
                    "credential_unproven", "the token is not bound to a key that proofs are made with"
                )
            return None
        if presented.scheme is Scheme.BEARER:
            raise Unauthenticated("credential_unproven", "the token is bound to a key, and was sent as a bearer's")
        call = ProvenCall(
            method=request.method,
            url=self.base + request.target.decode("latin-1"),
            at=at,
            credential=presented.text,
            binding=binding,
        )
        proofs = [value.decode("latin-1") for name, value in request.headers if name == b"dpop"]
        proof = verify_proof(proofs, call)
        self.nonces.check(proof, at)
        return proof

    # -- capabilities

    async def _capability(self, presented: Presented, request: Request, surface: str, at: Instant) -> Verified:
        chain = UnverifiedCapability.parse(presented.text)
        verifier = Capabilities(
            self.base, self.snapshot.issuer_keys.named, audience=self.audience(surface, request.upstream)
        )
        unproven = verifier.verify(chain, at=at)
        record = await self._root(unproven, at)
        proof = None
        if unproven.seal is None or presented.scheme is Scheme.DPOP:
            if presented.scheme is Scheme.BEARER:
                last = len(unproven.links) - 1
                raise refused(Fault.UNPROVEN, last, "its key was not proven", unproven.links[last].id)
            proof = self._proof(presented, request, unproven.holder, at)
        proven = None if proof is None else proof.thumbprint
        credential = unproven.proven_by(proven)
        root = self._holding(record, at)
        if len(unproven.links) == 1 and unproven.seal is None:
            return Verified(root, proof, proven)
        return Verified(self.snapshot.hear(of_link(credential, root), record.key), proof, proven)

    async def _root(self, unproven: UnprovenCapability, at: Instant) -> IssuedRecord:
        """The record of a chain's first link, if nothing of the chain was withdrawn; the refusal names the link."""
        unproven.check_live(self.snapshot.live.fallen)
        record = await self.snapshot.heard_of_issued(unproven.root.id, HEARTBEAT)
        if record is None or record.binding != unproven.root.holder.thumbprint or at >= record.expires:
            raise refused(Fault.WITHDRAWN, 0, "it is unknown here, expired or withdrawn", unproven.root.id)
        return record


def _certificate(request: Request, binding: str | None) -> str | None:
    """The certificate of the caller's connection, as a credential that is bound to one names it (RFC 8705)."""
    if binding is None or not binding.startswith(_CERTIFICATE) or request.certificate is None:
        return None
    return f"{_CERTIFICATE}S256:{encode(hashlib.sha256(request.certificate).digest())}"


_PLACES: Final = {"rest": "u", "mcp": "mcp"}


def _unknown() -> Unauthenticated:
    return Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
