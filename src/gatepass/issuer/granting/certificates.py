"""An agent that authenticates with a certificate of its own (`self_signed_tls_client_auth`, RFC 8705, section 2.2).

The law: the certificate came with a TLS handshake that proved its key, here or at a proxy that is trusted with it; the
agent that `client_id` names has registered that key; the certificate is within its time. Who signed the certificate,
and what it calls itself, is not looked at: the key is the identity, the certificate its wrapping. Every failure is the
same sentence. What is issued is bound to this one certificate, unless a proof by another key came with the request.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gatepass.access import AgentId, Instant
from gatepass.errors import Error, Malformed, Unauthenticated
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.requests import TokenRequest
from gatepass.issuer.workloads.trusted import Trusted
from gatepass.issuer.world import World
from gatepass.keys.jose.base64url import encode
from gatepass.keys.x509 import ClientCertificate

__all__ = ["METHOD", "ByCertificate", "binding_of"]

METHOD: Final = "self_signed_tls_client_auth"
_CERTIFICATE: Final = "x5t#S256:"


def binding_of(certificate: bytes) -> str:
    """What is bound to a certificate, as `Context.proof_key` names it."""
    return f"{_CERTIFICATE}{encode(hashlib.sha256(certificate).digest())}"


@dataclass(frozen=True, slots=True)
class ByCertificate:
    """A way in which clients authenticate."""

    trusted: Trusted
    world: World
    clock: Callable[[], Instant]

    async def __call__(self, request: TokenRequest) -> Client | None:
        """The agent, or None where the request does not use this way. Raises `Unauthenticated` (`client_invalid`)."""
        if request.certificate is None or request.client_id is None or request.client_assertion is not None:
            return None
        at = self.clock()
        shown = _read(request.certificate, at)
        agent = self._named(request.client_id)
        if agent is None or all(key.thumbprint != shown.key.thumbprint for key in self.trusted.keys_of(agent, at)):
            raise _unknown()
        return Client(
            agent=agent,
            how=METHOD,
            evidence={"tls_client_certificate": shown.thumbprint},
            proof_key=binding_of(request.certificate),
        )

    def _named(self, name: str) -> AgentId | None:
        return next((agent.id for agent in self.world.agents.values() if name in {agent.id, agent.name}), None)


def _read(certificate: bytes, at: Instant) -> ClientCertificate:
    try:
        shown = ClientCertificate.read(certificate)
    except Malformed:
        raise _unknown() from None
    if not shown.begins <= at < shown.ends:
        raise _unknown()
    return shown


def _unknown() -> Error:
    return Unauthenticated("client_invalid", "the client is unknown, or its authentication does not hold")
