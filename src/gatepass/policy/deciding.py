"""The one decision function: a call, a list and an explanation ask the same.

    1 class        the class of the action is among those that the credential's limits allow
    2 authority    a grant of the credential covers it and no caveat vetoes
    3 role         so does the agent's role, as it is now; no role permits nothing
    4 possession   beyond reading, the caller has proven a key, or the role has an exception that has not ended
    5 person       none of the role's questions concerns it, or a person has to be asked; a question that cannot be
                   understood denies

The laws: neither the credential nor the role permits alone. Silence means no. Narrowing either never turns a denial
into a permit. What is permitted, or waits for a person, may be permitted when part of it is not known yet. Nothing that
is passed in makes these functions raise; they read no clock and keep nothing, so a decision can be replayed.

What is left to others: that the credential is genuine, unexpired and not withdrawn (before), and that the
reservations can be drawn (after).
"""

from collections.abc import Callable
from typing import TypeVar

from gatepass.access import Access, ActionClass, Decision, Instant, Outcome, PartialAccess
from gatepass.authority import Authority, Credential, Verdict, may_permit, permits
from gatepass.authority.scopes.permissions import Target
from gatepass.policy.asking import Asked, asks, unreadable
from gatepass.policy.roles import RolePolicy

__all__ = ["decide", "may"]

T = TypeVar("T")

_WAITS = "approval_unavailable"
"""What a caveat says that only a person's approval is missing for, and a decision whose outcome is `step_up`."""


def decide(
    credential: Credential, classes: frozenset[ActionClass], role: RolePolicy | None, access: Access
) -> Decision:
    """Decide `access` under `credential`, whose limits allow `classes`, for an agent whose role is `role` now.

    A `step_up` holds whatever a person is yet to say: it is for the caller to look for an approval.
    """
    target = Target.of(access.resource)  # cut up once for both
    return _weigh(
        credential,
        classes,
        role,
        access,
        ask=lambda authority: permits(authority, access, target),
        question=lambda questions: asks(questions, access),
    )


def may(
    credential: Credential, classes: frozenset[ActionClass], role: RolePolicy | None, partial: PartialAccess
) -> bool:
    """Whether some completion of `partial` could be permitted. What is unknown counts as maybe, a person as willing.

    A proof of possession is never assumed: whoever asks for a list has proven a key with that, or has not.
    """
    decision = _weigh(
        credential,
        classes,
        role,
        partial,
        ask=lambda authority: Verdict(permitted=may_permit(authority, partial)),
        question=unreadable,
    )
    return decision.outcome is not Outcome.DENY


def _weigh(
    credential: Credential,
    classes: frozenset[ActionClass],
    role: RolePolicy | None,
    attempt: Access | PartialAccess,
    *,
    ask: Callable[[Authority], Verdict],
    question: Callable[[Authority], Asked],
) -> Decision:
    """The numbered steps. `ask` judges by an authority, `question` looks among what a person is asked about."""
    kind = attempt.action.kind
    if attempt.subject.credential != credential.id:
        fault = "the attempt names another credential than the one that is judged"
        return _deny("credential_invalid", fault, faults=(fault,))

    if kind not in classes:  # (1)
        return _deny("class_forbidden", f"the credential's limits do not allow class `{kind}`")

    own = ask(credential.authority)  # (2)
    if not own.permitted and not _waits(own):
        return _refused(own)

    if role is None:  # (3)
        return _deny("role_forbids", "no role: nothing is permitted without one")
    ceiling = ask(role.authority)
    if not ceiling.permitted:
        return _deny("role_forbids", *(f"role `{role.name}`: {veto.detail}" for veto in ceiling.vetoes))

    because = (*_granted("credential", own), *_granted(f"role `{role.name}`", ceiling))
    if kind is not ActionClass.READ and attempt.context.proof_key is None:  # (4)
        excepted = _excepted(role, attempt.context.at)
        if excepted is None:
            return _deny("proof_required", *because, _unproven(kind, role))
        because = (*because, excepted)
    waiting = _person(role, question(role.asks_person), own, because)  # (5)
    if waiting is not None:
        return waiting

    return Decision(
        Outcome.PERMIT,
        "ok",
        because,
        obligations=_both(own.obligations, ceiling.obligations),
        reservations=_both(own.reservations, ceiling.reservations),
    )


def _person(role: RolePolicy, asked: Asked, own: Verdict, because: tuple[str, ...]) -> Decision | None:
    """The answer where a person has to be asked, or where nobody can say whether; None where nobody has to."""
    if asked.faults:
        return _deny("policy_faulty", *(f"role `{role.name}`: {fault}" for fault in asked.faults), faults=asked.faults)
    if asked.question is not None:
        asks = f"role `{role.name}` asks a person about `{asked.question}`"
        return Decision(Outcome.STEP_UP, _WAITS, (*because, asks))
    if not own.permitted:
        return Decision(Outcome.STEP_UP, _WAITS, (*because, *(f"credential: {veto.detail}" for veto in own.vetoes)))
    return None


def _excepted(role: RolePolicy, at: Instant) -> str | None:
    """Why the role's credentials may act as a bearer's at this instant; None where they may not."""
    if role.bearers is None or at >= role.bearers.until:
        return None
    return f"role `{role.name}` lets bearers act {role.bearers.text}"


def _unproven(kind: ActionClass, role: RolePolicy) -> str:
    ended = "" if role.bearers is None else f", and its exception ended {role.bearers.date}"
    return f"role `{role.name}` needs a proof of possession for class `{kind}`{ended}"


def _waits(verdict: Verdict) -> bool:
    """Whether a person's approval is all that is missing."""
    return bool(verdict.vetoes) and all(veto.code == _WAITS for veto in verdict.vetoes)


def _refused(verdict: Verdict) -> Decision:
    """The credential's own no, under the code of what an approval would not mend."""
    codes = [veto.code for veto in verdict.vetoes if veto.code != _WAITS]
    code = codes[0] if codes else "scope_missing"
    return Decision(
        Outcome.DENY,
        code,
        tuple(f"credential: {veto.detail}" for veto in verdict.vetoes),
        faults=tuple(veto.detail for veto in verdict.vetoes if veto.code == "caveat_unreadable"),
        missing_scope=verdict.missing_scope if code == "scope_missing" else None,
    )


def _granted(whose: str, verdict: Verdict) -> tuple[str, ...]:
    return () if verdict.grant is None else (f"{whose} grants `{verdict.grant.text}`",)


def _both(one: tuple[T, ...], other: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*one, *other))) if one and other else one or other


def _deny(code: str, *because: str, faults: tuple[str, ...] = ()) -> Decision:
    return Decision(Outcome.DENY, code, because, faults)
