"""A pass that was verified, and the question what it allows.

The law: the answer is the algebra's, which the gateway asks too. Beyond reading a key has to have been proven. What
only the issuer's gateway can count (a rate, a budget, a single use) is refused here, because whoever does not hold the
counter cannot say that there is something left. What is not known here is said, not assumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gatepass.access import Access, Action, ActionClass, Context, Instant, Json, Resource, Subject
from gatepass.authority import Credential, permits
from gatepass.errors import Denied

__all__ = ["Accepted"]

_WITHDRAWN: Final = "whether it was withdrawn since it was issued: it may have been, until it expires"
_ROLE: Final = "whether the role of its agent, or a policy, has been narrowed since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was verified of one request."""

    credential: Credential
    audience: str
    at: Instant
    source: str | None
    known_live: bool
    """Whether the issuer was asked, just now."""
    honoured: frozenset[str]
    """The obligations that the API says it honours, such as `log`."""

    @property
    def proven(self) -> bool:
        """Whether the caller proved a key for this request."""
        return self.credential.binding is not None

    @property
    def not_known(self) -> tuple[str, ...]:
        """What a verifier that has nothing but public keys cannot know of this pass."""
        return (_ROLE,) if self.known_live else (_WITHDRAWN, _ROLE)

    def check(
        self,
        scope_type: str,
        action: Action,
        *ids: str,
        properties: Mapping[str, Json] | None = None,
        free: frozenset[str] = frozenset(),
    ) -> tuple[str, ...]:
        """Raise `Denied` unless the pass allows `action` on these ids with these properties.

        Returns the obligations that the API now has. Numbers among the properties are `Decimal`; `free` names the
        properties that no limit has to name. Codes: `proof_required`, `meter_elsewhere`, or what stood in the way.
        """
        if action.kind is not ActionClass.READ and not self.proven:
            raise Denied("proof_required", f"`{scope_type}:{action.name}` needs a pass that is bound to a key")
        verdict = permits(self.credential.authority, self._access(scope_type, action, ids, properties or {}, free))
        if not verdict.permitted:
            first = verdict.vetoes[0] if verdict.vetoes else None
            missing = {} if verdict.missing_scope is None else {"missing_scope": verdict.missing_scope}
            code, why = (
                ("scope_missing", "the pass does not allow this") if first is None else (first.code, first.detail)
            )
            raise Denied(code, why, details=missing)
        if verdict.reservations:
            raise Denied("meter_elsewhere", "the pass is counted, and the counter is at its issuer's gateway")
        return verdict.obligations

    def _access(
        self,
        scope_type: str,
        action: Action,
        ids: tuple[str, ...],
        properties: Mapping[str, Json],
        free: frozenset[str],
    ) -> Access:
        held = self.credential
        return Access(
            subject=Subject(credential=held.id, run=held.run),
            action=action,
            resource=Resource(scope_type, ids),
            context=Context(
                at=self.at,
                source=self.source,
                audience=self.audience,
                proof_key=held.binding,
                purpose=held.purpose,
                honoured=self.honoured,
            ),
            properties=properties,
            free=free,
        )
