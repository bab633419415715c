"""Verifies passes without the server: an access token or a capability, its proof, and that it is for this API.

The law, in this order. (1) Exactly one credential came, and it is one that can be verified by public keys; a form that
carries a private key is refused. (2) The issuer signed it, for this audience, and it has not ended. (3) It is proven
by the key or the certificate that it is bound to, for this request, for the first time. (4) Where the issuer can be
asked, it says that the pass is live. What comes out says what it allows, and what is not known about it.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from gatepass.access import Instant
from gatepass.authority import Credential
from gatepass.client.accepting.accepted import Accepted
from gatepass.client.accepting.keys import IssuerKeys
from gatepass.client.accepting.presenting import Presented
from gatepass.client.accepting.uses import Uses, UsesInMemory
from gatepass.client.holding.issuing import clock
from gatepass.credentials.access_tokens.verifying import TYPE, AccessTokens
from gatepass.credentials.capability.text import HANDOVER_PREFIX, PREFIX, ROOT_TYPE, UnverifiedCapability
from gatepass.credentials.capability.verifying import Capabilities
from gatepass.credentials.proofs.dpop import ProofFault, ProvenCall, verify_proof
from gatepass.errors import Unauthenticated
from gatepass.keys.jose.fixed import header_segment
from gatepass.keys.jose.jwk import PublicKey

__all__ = ["Asks", "Verifier"]

_CERTIFICATE: Final = "x5t#S256:"


class Asks(Protocol):
    """Asks the issuer whether a pass is live now."""

    def is_live(self, text: str, /) -> bool:
        """Raises `Unavailable` where it cannot say; the request is refused then."""
        ...


class Verifier:
    """Verifies what one issuer issued for one audience. For any number of threads and tasks at once."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        keys: IssuerKeys | None = None,
        uses: Uses | None = None,
        live: Asks | None = None,
        honoured: frozenset[str] = frozenset(),
        unsafe_http: bool = False,
        now: Callable[[], Instant] = clock,
    ) -> None:
        """`live` asks the issuer about every pass; `honoured` names the obligations that the API takes on."""
        self._keys = keys or IssuerKeys(issuer, now=now, unsafe_http=unsafe_http)
        self._issuer = self._keys.issuer
        self._audience = audience
        self._uses: Uses = uses or UsesInMemory(now())
        self._live = live
        self._honoured = honoured
        self._now = now

    def accept(self, presented: Presented) -> Accepted:
        """Verify one request. Raises `Unauthenticated`, `Malformed`, and `Unavailable` where it cannot be told."""
        at = self._now()
        held = self._verified(presented, at)
        if self._live is not None and not self._live.is_live(presented.text):
            raise Unauthenticated("credential_invalid", "the issuer says that the pass is not live")
        return Accepted(
            credential=held,
            audience=self._audience,
            at=at,
            source=presented.source,
            known_live=self._live is not None,
            honoured=self._honoured,
        )

    async def accept_async(self, presented: Presented) -> Accepted:
        """As `accept`; what asks the issuer does not hold up the loop."""
        if self._live is not None or self._keys.is_due(missing=True):
            return await asyncio.to_thread(self.accept, presented)
        return self.accept(presented)

    def _verified(self, presented: Presented, at: Instant) -> Credential:
        text = presented.text
        if text.startswith(HANDOVER_PREFIX):
            UnverifiedCapability.parse(text)
        if text.startswith(PREFIX):
            return self._capability(presented, at)
        if text.startswith("gp_"):
            raise Unauthenticated("credential_invalid", "an API token is taken by its issuer alone")
        keys = self._keys_for(text, TYPE)
        unproven = AccessTokens(self._issuer, keys, audience=self._audience).verify(text, at=at)
        return unproven.proven_by(self._proven(presented, unproven.binding, at))

    def _capability(self, presented: Presented, at: Instant) -> Credential:
        chain = UnverifiedCapability.parse(presented.text)
        keys = self._keys_for(chain.links[0], ROOT_TYPE)
        unproven = Capabilities(self._issuer, keys, audience=self._audience).verify(chain, at=at)
        sealed = unproven.seal is not None and not presented.with_proof
        return unproven.proven_by(self._proven(presented, None if sealed else unproven.holder, at))

    def _keys_for(self, text: str, kind: str) -> Mapping[str, PublicKey]:
        """The issuer's keys, asked for anew where the text names none of them."""
        keys, named = self._keys.current(), text.partition(".")[0]
        if any(header_segment(kind, id_) == named for id_ in keys):
            return keys
        return self._keys.current(missing=True)

    def _proven(self, presented: Presented, binding: str | None, at: Instant) -> str | None:
        """What the caller proved: a key's thumbprint, a certificate's, or nothing."""
        if binding is not None and binding.startswith(_CERTIFICATE) and not presented.with_proof:
            return None if presented.certificate is None else f"{_CERTIFICATE}{presented.certificate}"
        if not presented.with_proof:
            return None
        call = ProvenCall(method=presented.method, url=presented.url, at=at, credential=presented.text, binding=binding)
        proof = verify_proof(presented.proofs, call)
        if not self._uses.first(proof.use, proof.until, at):
            raise Unauthenticated("proof_replayed", "the proof was used before", details={"fault": ProofFault.REPLAYED})
        return proof.thumbprint
