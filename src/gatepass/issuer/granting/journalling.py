"""What the journal says of an issuance, and of a refusal: all that somebody will ask about it one day.

The law: no text of a token, a secret or a proof is in an entry. Everything that a client chose is cut to a length.
"""

from collections.abc import Mapping
from typing import Final

from gatepass.access import Instant, Outcome
from gatepass.audit import Entry
from gatepass.credentials import IssuedRecord
from gatepass.credentials.access_tokens import AccessToken
from gatepass.errors import Error
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.bases import Basis
from gatepass.issuer.granting.requests import TokenRequest
from gatepass.policy import Granted
from gatepass.registry import Agent

__all__ = ["ISSUED", "REFUSED", "issued_entry", "refused_entry"]

ISSUED: Final = "credential.issued"
REFUSED: Final = "issuance.refused"
_LONGEST: Final = 1024


def issued_entry(
    record: IssuedRecord,
    *,
    token: AccessToken,
    basis: Basis,
    granted: Granted,
    request: TokenRequest,
    issuer: str,
    auditor: str | None,
) -> Entry:
    """Issuer, requester, owner, principal, scope, expiry, purpose, contact, key, version, host, evidence, request."""
    details = {
        "issuer": issuer,
        "client": record.client,
        "authenticated_by": basis.client.how,
        "grant_type": request.grant_type,
        "principal": token.subject,
        "audience": record.audience,
        "scopes": " ".join(grant.text for grant in record.authority.grants),
        "conditions": str(sum(len(grant.caveats) for grant in record.authority.grants) or ""),
        "expires": str(record.expires),
        "auditor": auditor,
        "key": record.key,
        "binding": record.binding,
        "parent": record.parent,
        "root": record.root,
        "may_act": token.may_act,
        "agent_version": token.agent.agent_version,
        "host_id": token.agent.host_id,
        **{f"evidence.{name}": value for name, value in basis.client.evidence.items()},
        **_asked(request),
    }
    return Entry(
        at=record.issued,
        event=ISSUED,
        outcome=Outcome.PERMIT,
        because=granted.because,
        credential=record.id,
        subject=record.parent or record.id,
        agent=record.agent,
        owner=record.owner,
        person=record.person,
        run=record.run,
        role=basis.agent.role,
        purpose=record.purpose,
        source=request.source,
        correlation=request.correlation,
        details=_short(details),
    )


def refused_entry(
    error: Error, *, request: TokenRequest, client: Client, agent: Agent | None, at: Instant, issuer: str
) -> Entry:
    """Who asked for what, and why it was refused."""
    details = {
        "issuer": issuer,
        "client": client.agent,
        "authenticated_by": client.how,
        "grant_type": request.grant_type,
        "reason": error.message,
        **{f"evidence.{name}": value for name, value in client.evidence.items()},
        **_asked(request),
    }
    return Entry(
        at=at,
        event=REFUSED,
        outcome=Outcome.DENY,
        code=error.code,
        credential=client.root,
        agent=client.agent,
        owner=None if agent is None else agent.owner,
        role=None if agent is None else agent.role,
        source=request.source,
        correlation=request.correlation,
        details=_short(details),
    )


def _asked(request: TokenRequest) -> Mapping[str, str | None]:
    """The request that it came of, as far as it is no secret."""
    return {
        "asked_scope": request.scope,
        "asked_details": request.authorization_details,
        "asked_resource": " ".join((*request.resource, *request.audience)),
        "asked_run": request.run_id,
    }


def _short(details: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text[:_LONGEST] for name, text in details.items() if text}
