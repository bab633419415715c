"""How one token takes over from another, how one is revoked, and why one is refused now.

The law: a rotation changes the secret and nothing else. The new token has the same authority, limits, owner, agent,
run and end, stands at the same place in the tree of descent, and draws on the same meters; only a renewal, which
`lifetime.life` has to allow first, gives it a later end. For the length of the overlap both work; then the old one
retires by itself. All of these are functions from records to records: whoever calls them stores the result.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from gatepass.access import CredentialId, Instant, PersonId, Veto
from gatepass.credentials.lifetime import Life
from gatepass.credentials.records import TokenKind, TokenRecord
from gatepass.credentials.tokens import IssuedToken
from gatepass.errors import Conflict, Malformed

__all__ = ["LONGEST_OVERLAP", "Rotation", "line", "refusal", "revoke", "rotate"]

LONGEST_OVERLAP: Final = 24 * 3_600_000
"""Milliseconds. Two secrets for one authority are twice the risk, so it is for a deploy and not for a season."""

_LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Rotation:
    """Both records after a rotation. They are stored together, or not at all."""

    old: TokenRecord
    new: TokenRecord


def refusal(record: TokenRecord, now: Instant) -> Veto | None:
    """Why the token is not honoured now, as far as its own record tells; None when it is.

    Withdrawals of its ancestors, agent, person, run and upstream are the live list's matter.
    """
    if record.revoked is not None:
        return Veto("credential_invalid", "the token was revoked")
    if record.retires is not None and now >= record.retires:
        return Veto("credential_invalid", "the token was replaced by rotation, and the overlap is over")
    if now >= record.expires:
        return Veto("credential_invalid", "the token has expired")
    return None


def rotate(
    record: TokenRecord,
    token: IssuedToken,
    *,
    at: Instant,
    by: PersonId,
    overlap: int = 0,
    renewed: Life | None = None,
) -> Rotation:
    """Let `token` take over from `record`. `overlap` is in milliseconds, at most a day; 0 retires the old one at once.

    `renewed` is what `lifetime.life` allowed for a renewal; None keeps the old end. Raises `Conflict` for a token
    that is dead or has been rotated already, `Malformed` for what cannot be a rotation of it.
    """
    if record.kind is TokenKind.SESSION or token.kind is not record.kind:
        raise Malformed("malformed_request", "a session is not rotated, and a token keeps its kind")
    if not 0 <= overlap <= LONGEST_OVERLAP:
        raise Malformed("malformed_request", f"an overlap is 0 to {LONGEST_OVERLAP // 1000} seconds")
    if veto := refusal(record, at):
        raise Conflict("conflict", f"`{record.id}` cannot be rotated: {veto.detail}", hint="Create a new token.")
    if record.replaced_by is not None:
        raise Conflict("conflict", f"`{record.id}` was rotated already", hint=f"Rotate `{record.replaced_by}`.")
    if token.id == record.id or token.hash == record.hash:
        raise Conflict("conflict", "a token cannot take over from itself")
    new = replace(
        record,
        id=token.id,
        hash=token.hash,
        issued=at,
        expires=record.expires if renewed is None else renewed.expires,
        latest=record.latest if renewed is None else renewed.latest,
        issuer=by,
        replaces=record.id,
        replaced_by=None,
        retires=None,
    )
    old = replace(record, replaced_by=token.id, retires=Instant(min(at + overlap, record.expires)))
    return Rotation(old, new)


def revoke(record: TokenRecord, *, at: Instant, because: str) -> TokenRecord:
    """The record, revoked. The first revocation counts: a later one changes neither its time nor its reason."""
    if record.revoked is not None:
        return record
    told = "".join(character if character.isprintable() else " " for character in because[:_LONGEST_REASON])
    return replace(record, revoked=at, revoked_because=told)


def line(record: TokenRecord, find: Callable[[CredentialId], TokenRecord | None]) -> tuple[TokenRecord, ...]:
    """`record` and the tokens that it took over from, newest first: what revoking it has to revoke.

    They are one credential whose secret was changed: in an overlap the older secret still works. The other way round
    it is not so: revoking an old token, say because it leaked, leaves the one that took over alive.
    """
    found = {record.id: record}
    newest = record
    while newest.replaces is not None and newest.replaces not in found:
        previous = find(newest.replaces)
        if previous is None or previous.replaced_by != newest.id:
            break
        found[previous.id] = newest = previous
    return tuple(found.values())
