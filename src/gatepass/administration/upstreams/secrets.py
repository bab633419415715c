"""Secrets in custody: written, replaced, deleted, never read. There is no method here that could give one back.

A secret belongs to one upstream and is sealed for that upstream's exact origin, which only happens in the
injected sealer. It comes in as bytes, goes into the sealer, and is kept nowhere else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.administration.changes import Desk, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.administration.upstreams.registering import bound_to
from gatepass.credentials import new_id
from gatepass.errors import Conflict, Malformed
from gatepass.keys import SealedSecret, origin_of
from gatepass.registry import InjectionKind, Upstream

__all__ = ["NewKey", "Seals", "Secrets"]

_PRINTABLE: Final = frozenset(range(0x20, 0x7F))


class Seals(Protocol):
    """Seals and re-wraps; cannot open. `keys.Sealer` is one."""

    def seal(
        self,
        plaintext: bytes,
        *,
        id: SecretId,  # noqa: A002  the record's own word
        name: str,
        upstream: UpstreamId,
        origin: str,
        version: int,
        at: Instant,
    ) -> SealedSecret:
        """Seal for one upstream at one origin."""
        ...

    def current(self, sealed: SealedSecret) -> bool:
        """Whether it is wrapped under the current key."""
        ...

    def rewrap(self, sealed: SealedSecret) -> SealedSecret:
        """The same under the current key."""
        ...


NewKey = Callable[[Instant], str]
"""Makes a new key-encryption key, keeps the old one for what it wrapped, and gives the new one's id."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What can be done with secrets."""

    desk: Desk
    seals: Seals
    new_key: NewKey

    async def store(self, operator: Operator, name: str, upstream: str, value: bytes) -> SealedSecret:
        """Take an upstream's secret into custody. From its answer on, calls carry it."""
        async with self.desk.turn(operator, Act.STORE_SECRET) as turn:
            register = self.desk.register
            if any(secret.name == checked_name(name) for secret in register.secrets.values()):
                raise Conflict("conflict", f"there is a secret `{name}` already", hint="Replace its value instead.")
            of = register.upstream(upstream)
            if of.secret is not None and (held := register.secrets.get(of.secret)) is not None:
                raise Conflict(
                    "conflict", f"`{of.name}` has its secret, `{held.name}`", hint="Replace its value instead."
                )
            id_ = SecretId(new_id("sec", turn.at, self.desk.entropy))
            sealed = self.seals.seal(
                _usable(value, of), id=id_, name=name, upstream=of.id, origin=origin_of(of), version=1, at=turn.at
            )
            entry = turn.entry("secret.stored", id_, {"name": name, "upstream": of.name, "origin": sealed.origin})
            await turn.commit(entry, puts=(sealed, replace(of, secret=id_)))
            return sealed

    async def replace(self, operator: Operator, ref: str, value: bytes) -> SealedSecret:
        """Put a new value in the place of the old one, for the upstream where it is now."""
        async with self.desk.turn(operator, Act.STORE_SECRET) as turn:
            before = self.desk.register.secret(ref)
            of = self.desk.register.upstreams[before.upstream]
            sealed = self.seals.seal(
                _usable(value, of),
                id=before.id,
                name=before.name,
                upstream=of.id,
                origin=origin_of(of),
                version=before.version + 1,
                at=turn.at,
            )
            told = {"name": sealed.name, "origin": sealed.origin, "version": str(sealed.version)}
            await turn.commit(turn.entry("secret.replaced", sealed.id, told), puts=(sealed,))
            return sealed

    async def delete(self, operator: Operator, ref: str) -> None:
        """Forget a secret. Its upstream still names it, so that calls are refused and never go out without one."""
        async with self.desk.turn(operator, Act.DELETE_SECRET) as turn:
            sealed = self.desk.register.secret(ref)
            await turn.commit(turn.entry("secret.deleted", sealed.id, {"name": sealed.name}), removals=(sealed,))

    async def rewrap(self, operator: Operator, *, new_key: bool = False) -> int:
        """Wrap every data key under the current key-encryption key, or first make a new one.

        Returns how many were not under it yet. Nothing stops meanwhile: what the old key wrapped opens until
        it is wrapped anew. Raises `Unavailable` where the key cannot be changed from here.
        """
        async with self.desk.turn(operator, Act.REWRAP_SECRETS) as turn:
            if new_key:
                id_ = self.new_key(turn.at)
                await turn.commit(turn.entry("key.rotated", id_))
            stale = [sealed for sealed in self.desk.register.secrets.values() if not self.seals.current(sealed)]
            if stale:
                rewrapped = [self.seals.rewrap(sealed) for sealed in stale]
                entry = turn.entry("secret.rewrapped", rewrapped[0].key_id, {"secrets": str(len(rewrapped))})
                await turn.commit(entry, puts=rewrapped)
            return len(stale)

    def usable(self, sealed: SealedSecret) -> bool:
        """Whether the secret opens for its upstream as that is now."""
        of = self.desk.register.upstreams.get(sealed.upstream)
        return of is not None and bound_to(sealed, of)


def _usable(value: bytes, of: Upstream) -> bytes:
    """The value, if it can be put where the upstream wants it. Nothing of it is repeated in an error."""
    if of.injection is None:
        hint = "Change the upstream so that it names a header, a query parameter or a variable."
        raise Conflict("conflict", f"`{of.name}` does not say where its secret goes", hint=hint)
    if of.injection.kind is InjectionKind.HEADER and not _PRINTABLE.issuperset(value):
        hint = "Take care that no line end was stored with it: `printf %s` writes none."
        raise Malformed("malformed_request", "a secret for a header is printable ASCII on one line", hint=hint)
    if of.injection.kind is InjectionKind.HEADER and value != value.strip():
        raise Malformed("malformed_request", "a secret for a header neither begins nor ends with a space")
    if of.injection.kind is InjectionKind.ENVIRONMENT and b"\0" in value:
        raise Malformed("malformed_request", "a secret for a variable has no zero byte")
    return value
