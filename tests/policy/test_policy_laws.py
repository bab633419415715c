"""The laws of the decision, over authorities, roles and attempts that are related to each other."""

from dataclasses import replace
from typing import TypeVar

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from tests.laws import strategies as some
from tests.laws.premises import law

from gatepass.access import Access, ActionClass, AgentId, CredentialId, Instant, Outcome, PartialAccess, PersonId
from gatepass.authority import Authority, Credential, Permission, may_permit, narrow, permits
from gatepass.policy import Bearers, RolePolicy, decide, may

T = TypeVar("T")

BEARERS = Bearers(Instant(2**60), "plain tokens here")
ENDED = Bearers(Instant(0), "it was so once")

ALL = frozenset(ActionClass)


def mostly(usual: SearchStrategy[T], other: SearchStrategy[T], *, of: int = 8) -> SearchStrategy[T]:
    """`other` about once in `of` times. (`one_of` takes the same branch named twice for one.)"""
    return st.sampled_from([True] * (of - 1) + [False]).flatmap(lambda is_usual: usual if is_usual else other)


classes = mostly(st.just(ALL), st.frozensets(st.sampled_from(ActionClass)))

Case = tuple[Credential, frozenset[ActionClass], RolePolicy | None, Access]


def held(authority: Authority) -> Credential:
    return Credential(
        id=CredentialId("crd_1"),
        subject=AgentId("agt_1"),
        owner=PersonId("per_1"),
        authority=authority,
        issued=Instant(some.NOW - 1),
        expires=Instant(some.NOW + 1),
    )


def everything(authority: Authority) -> Authority:
    """The actions of an authority without pattern, limits and caveats: what a generous role grants."""
    return Authority.of(*(Permission(grant.permission.type, grant.permission.action) for grant in authority.grants))


@st.composite
def roles(draw: DrawFn, authority: Authority) -> RolePolicy | None:
    """A role that often permits what `authority` does, and sometimes asks."""
    closer = st.one_of(st.just(authority), some.wider_authority(authority), some.related(authority))
    ceiling = draw(mostly(st.just(everything(authority)), closer, of=3))
    questions = draw(mostly(st.just(Authority()), some.related(authority) | some.authorities(), of=3))
    if draw(mostly(st.just(False), st.just(True), of=20)):
        questions = replace(questions, unread=("what?",))
    bearers = draw(mostly(st.just(BEARERS), st.sampled_from([None, ENDED]), of=4))
    return draw(mostly(st.just(RolePolicy("support", ceiling, questions, bearers)), st.none(), of=20))


@st.composite
def cases(draw: DrawFn) -> Case:
    """An attempt that the credential often permits, under a role that often permits it too, and sometimes asks."""
    authority = draw(some.authorities(1))
    return held(authority), draw(classes), draw(roles(authority)), draw(some.accesses(authority))


@law(case=cases())
def test_what_is_permitted_both_permit_and_nobody_has_to_be_asked(case: Case) -> bool:
    credential, allowed, role, attempt = case
    decision = decide(*case)
    if decision.outcome is not Outcome.PERMIT:
        return False
    assert role is not None
    assert attempt.action.kind in allowed
    assert permits(credential.authority, attempt).permitted
    assert permits(role.authority, attempt).permitted
    assert not permits(role.asks_person, attempt).permitted
    assert (decision.code, decision.faults, decision.missing_scope) == ("ok", (), None)
    excepted = attempt.action.kind is not ActionClass.READ and attempt.context.proof_key is None
    assert not excepted or (role.bearers is not None and attempt.context.at < role.bearers.until)
    assert len(decision.because) == 2 + excepted
    owed = (*permits(credential.authority, attempt).reservations, *permits(role.authority, attempt).reservations)
    assert set(decision.reservations) == set(owed)
    return True


@law(case=cases(), data=st.data())
def test_what_is_permitted_or_waits_may_be_permitted_when_part_of_it_is_unknown(
    case: Case, data: st.DataObject
) -> bool:
    credential, allowed, role, attempt = case
    if decide(*case).outcome is Outcome.DENY:
        return False
    part = data.draw(some.parts_of(attempt))
    # What is not proven counts as no proof.
    known = msgspec.structs.replace(part.context, proof_key=attempt.context.proof_key)
    assert may(credential, allowed, role, msgspec.structs.replace(part, context=known))
    return True


@law(case=cases(), data=st.data())
def test_what_is_listed_both_may_permit(case: Case, data: st.DataObject) -> bool:
    credential, allowed, role, attempt = case
    part: PartialAccess = data.draw(some.parts_of(attempt))
    if not may(credential, allowed, role, part):
        return False
    assert role is not None
    assert part.action.kind in allowed
    assert may_permit(credential.authority, part)
    assert may_permit(role.authority, part)
    return True


@st.composite
def less(draw: DrawFn, authority: Authority) -> Authority:
    """Some part of an authority, which often still permits what all of it does."""
    match draw(st.sampled_from(("same",) * 5 + ("fewer", "part", "condition"))):
        case "fewer":
            return Authority(authority.grants[: draw(st.integers(0, 2))], authority.unread)
        case "part":
            parts = [draw(some.narrower(grant.permission)) for grant in authority.grants]
            return narrow(authority, to=parts)
        case "condition":
            return narrow(authority, caveats=[draw(some.conditions() | some.meters())])
        case _:
            return authority


@st.composite
def narrowed(draw: DrawFn) -> tuple[Case, Case]:
    """A case, and the same with less: of the credential, of the role, of the classes, or with more to ask."""
    authority = draw(some.authorities(1))
    part = draw(less(authority))
    attempt = draw(some.accesses(part))
    allowed, role = draw(classes), draw(roles(authority))
    fewer, narrow_role = allowed, role
    if role is not None:
        more = draw(mostly(st.just([]), st.lists(some.grants(), max_size=1)))
        questions = Authority((*role.asks_person.grants, *more), role.asks_person.unread)
        narrow_role = RolePolicy("support", draw(less(role.authority)), questions)
    fewer &= draw(classes)
    return (held(authority), allowed, role, attempt), (held(part), fewer, narrow_role, attempt)


@law(both=narrowed())
def test_narrowing_never_turns_a_denial_into_a_permit(both: tuple[Case, Case]) -> bool:
    wide, narrow_ = both
    if decide(*narrow_).outcome is not Outcome.PERMIT:
        return False
    assert decide(*wide).outcome is Outcome.PERMIT
    return True


@law(both=narrowed())
def test_narrowing_never_turns_a_denial_into_a_question(both: tuple[Case, Case]) -> bool:
    wide, narrow_ = both
    if decide(*narrow_).outcome is Outcome.DENY:
        return False
    assert decide(*wide).outcome is not Outcome.DENY
    return True


@law(case=cases())
def test_silence_means_no(case: Case) -> bool:
    """Whatever else is said: a credential or a role that says nothing permits nothing, and lists nothing."""
    credential, allowed, role, attempt = case
    silent = held(Authority())
    nobody = RolePolicy("support", Authority(), Authority() if role is None else role.asks_person)
    part = PartialAccess(attempt.subject, attempt.action, attempt.resource.type, attempt.resource, attempt.context)
    for one, other in ((silent, role), (credential, nobody), (credential, None)):
        assert decide(one, allowed, other, attempt).outcome is Outcome.DENY
        assert not may(one, allowed, other, part)
    assert decide(credential, frozenset(), role, attempt).outcome is Outcome.DENY
    return True


@law(case=cases())
def test_whatever_a_role_asks_about_is_never_permitted_unasked(case: Case) -> bool:
    """The role's questions as an authority: what they permit, or would with other caveats, does not go through."""
    credential, allowed, role, attempt = case
    if role is None or decide(credential, allowed, role, attempt).outcome is Outcome.DENY:
        return False
    bare = Authority.of(*(grant.permission for grant in role.asks_person.grants))
    if permits(bare, attempt).permitted:
        assert decide(credential, allowed, role, attempt).outcome is Outcome.STEP_UP
    return True


@given(cases(), st.data())
def test_no_input_raises_and_every_denial_says_why(case: Case, data: st.DataObject) -> None:
    credential, allowed, role, attempt = case
    odd = msgspec.structs.replace(attempt, properties={**attempt.properties, "amount": data.draw(some.any_value())})
    decision = decide(credential, allowed, role, odd)
    assert decision == decide(credential, allowed, role, odd)
    assert decision.because
    if decision.outcome is not Outcome.PERMIT:
        assert decision.reservations == ()
    assert isinstance(may(credential, allowed, role, data.draw(some.parts_of(odd))), bool)
