"""The decision: a credential and a role must both permit; the answer names what decided."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gatepass.access import (
    UNKNOWN,
    Access,
    Action,
    ActionClass,
    AgentId,
    Context,
    CredentialId,
    Decision,
    Instant,
    Json,
    Outcome,
    PartialAccess,
    PersonId,
    Resource,
    Subject,
)
from gatepass.authority import Approved, Authority, Calls, Credential, Expires, Grant, Log, Permission, Unreadable
from gatepass.policy import Bearers, RolePolicy, decide, may

ALL = frozenset(ActionClass)
NOON = Instant(1_800_000_000_000)
REFUND = "orders:refund:order-12345?amount<=50&amount>=0&currency=USD"


def authority(*scopes: str | Grant) -> Authority:
    return Authority.of(*(scope if isinstance(scope, Grant) else Permission.parse(scope) for scope in scopes))


BEARERS = Bearers(Instant(NOON + 1), "plain tokens here")


def credential(*scopes: str | Grant) -> Credential:
    return Credential(
        id=CredentialId("crd_a"),
        subject=AgentId("agt_bot"),
        owner=PersonId("per_ada"),
        authority=authority(*scopes),
        issued=NOON,
        expires=Instant(NOON + 1),
    )


def role(*scopes: str | Grant, asks: tuple[str | Grant, ...] = ()) -> RolePolicy:
    return RolePolicy("support", authority(*scopes), authority(*asks), BEARERS)


def access(
    action: str = "orders:refund",
    *ids: str,
    kind: ActionClass = ActionClass.WRITE,
    pattern: str | None = None,
    by: str = "crd_a",
    free: frozenset[str] = frozenset(),
    **properties: Any,
) -> Access:
    type_, _, name = action.partition(":")
    return Access(
        Subject(CredentialId(by), AgentId("agt_bot")),
        Action(name, kind),
        Resource(type_, ids, pattern),
        Context(NOON, honoured=frozenset({"log"})),
        properties,
        free,
    )


def refund(amount: object = "49.50", order: str = "order-12345", **more: Any) -> Access:
    return access("orders:refund", order, amount=Decimal(str(amount)), currency="USD", **more)


def outcome(decision: Decision) -> tuple[Outcome, str]:
    return decision.outcome, decision.code


DENY, PERMIT, STEP_UP = Outcome.DENY, Outcome.PERMIT, Outcome.STEP_UP


def test_a_refund_within_the_token_and_the_role_is_permitted_and_says_by_what() -> None:
    decision = decide(credential(REFUND), ALL, role("orders:refund"), refund())
    assert decision == Decision(
        PERMIT,
        "ok",
        (
            "credential grants `orders:refund:order-12345?amount<=50&amount>=0&currency=USD`",
            "role `support` grants `orders:refund`",
            "role `support` lets bearers act until 2027-01-15T08:00:00.001Z: plain tokens here",
        ),
    )


@pytest.mark.parametrize("attempt", [refund(51), refund(-1), refund(order="order-1")])
def test_what_the_token_does_not_cover_is_refused_naming_the_scope_that_would(attempt: Access) -> None:
    decision = decide(credential(REFUND), ALL, role("orders:refund"), attempt)
    assert outcome(decision) == (DENY, "scope_missing")
    assert decision.because
    assert all(because.startswith("credential: ") for because in decision.because)
    assert decision.missing_scope is not None
    wider = credential(REFUND, decision.missing_scope)
    assert decide(wider, ALL, role("orders:refund"), attempt).outcome is PERMIT


def test_neither_alone_permits() -> None:
    nothing = role()
    assert outcome(decide(credential(REFUND), ALL, nothing, refund())) == (DENY, "role_forbids")
    assert outcome(decide(credential(), ALL, role("orders:refund"), refund())) == (DENY, "scope_missing")
    assert outcome(decide(credential(), ALL, nothing, refund())) == (DENY, "scope_missing")


def test_no_role_permits_nothing() -> None:
    decision = decide(credential(REFUND), ALL, None, refund())
    assert decision == Decision(DENY, "role_forbids", ("no role: nothing is permitted without one",))


def test_narrowing_the_role_narrows_a_token_that_was_issued_before() -> None:
    token = credential("orders:refund")
    assert decide(token, ALL, role("orders:refund"), refund(51)).outcome is PERMIT
    narrowed = role("orders:refund?amount<=50&amount>=0&currency=USD")
    decision = decide(token, ALL, narrowed, refund(51))
    assert outcome(decision) == (DENY, "role_forbids")
    assert decision.because == ("role `support`: `amount` has to be within `amount<=50&amount>=0`",)
    assert decision.missing_scope is None  # a wider token would not help


@pytest.mark.parametrize("kind", list(ActionClass))
def test_a_class_that_the_limits_leave_out_is_refused_whatever_the_scopes_say(kind: ActionClass) -> None:
    attempt = access("orders:refund", kind=kind)
    token, ceiling = credential("orders:refund"), role("orders:refund")
    assert outcome(decide(token, ALL, ceiling, attempt)) == (PERMIT, "ok")
    decision = decide(token, ALL - {kind}, ceiling, attempt)
    assert outcome(decision) == (DENY, "class_forbidden")
    assert decision.because == (f"the credential's limits do not allow class `{kind}`",)
    assert outcome(decide(token, frozenset(), ceiling, attempt)) == (DENY, "class_forbidden")


def test_a_caveat_that_vetoes_is_named() -> None:
    past = Grant(Permission.parse("orders:refund"), (Expires(NOON),))
    decision = decide(credential(past), ALL, role("orders:refund"), refund())
    assert outcome(decision) == (DENY, "caveat_veto")
    assert len(decision.because) == 1
    assert decision.missing_scope is None


def test_a_caveat_that_nobody_can_read_denies_and_is_a_fault() -> None:
    strange = Grant(Permission.parse("orders:refund"), (Unreadable((Decimal(99),)),))
    decision = decide(credential(strange), ALL, role("orders:refund"), refund())
    assert outcome(decision) == (DENY, "caveat_unreadable")
    assert decision.faults


def test_meters_and_duties_of_the_grants_come_with_the_permit() -> None:
    counted = Grant(Permission.parse("orders:refund"), (Calls("crd_a/five", 5), Log("log")))
    decision = decide(credential(counted), ALL, role("orders:refund"), refund())
    assert outcome(decision) == (PERMIT, "ok")
    assert [(one.meter, one.limit) for one in decision.reservations] == [("crd_a/five/calls", Decimal(5))]
    assert decision.obligations == ("log",)


def test_a_role_that_carries_caveats_all_the_same_is_heeded() -> None:
    token = credential("orders:refund")
    ended = role(Grant(Permission.parse("orders:refund"), (Expires(NOON),)))
    assert outcome(decide(token, ALL, ended, refund())) == (DENY, "role_forbids")
    counted = role(Grant(Permission.parse("orders:refund"), (Calls("crd_r/all", 5), Log("log"))))
    decision = decide(token, ALL, counted, refund())
    assert [one.meter for one in decision.reservations] == ["crd_r/all/calls"]
    assert decision.obligations == ("log",)


def test_an_attempt_in_another_credentials_name_is_refused() -> None:
    decision = decide(credential(REFUND), ALL, role("orders:refund"), refund(by="crd_b"))
    assert outcome(decision) == (DENY, "credential_invalid")
    assert decision.faults == ("the attempt names another credential than the one that is judged",)
    assert not may(credential("orders:refund"), ALL, role("orders:refund"), partial(by="crd_b"))


# -- a person has to be asked


def test_what_a_role_asks_a_person_about_waits() -> None:
    ceiling = role("orders:refund", asks=("orders:refund?amount>20",))
    assert decide(credential(REFUND), ALL, ceiling, refund(20)).outcome is PERMIT
    decision = decide(credential(REFUND), ALL, ceiling, refund("20.01"))
    assert outcome(decision) == (STEP_UP, "approval_unavailable")
    assert decision.because[-1] == "role `support` asks a person about `orders:refund?amount>20`"
    assert decision.reservations == ()


def test_a_person_is_not_asked_about_what_is_refused_anyway() -> None:
    ceiling = role("orders:refund", asks=("orders:refund",))
    assert decide(credential(REFUND), ALL, ceiling, refund(51)).outcome is DENY
    assert decide(credential("orders:refund"), ALL, role(asks=("orders:refund",)), refund()).outcome is DENY


def test_a_grant_that_needs_an_approval_waits_if_all_else_permits() -> None:
    asked = Grant(Permission.parse("orders:refund"), (Approved(),))
    assert outcome(decide(credential(asked), ALL, role("orders:refund"), refund())) == (
        STEP_UP,
        "approval_unavailable",
    )
    assert decide(credential(asked), ALL, role(), refund()).outcome is DENY
    both = Grant(Permission.parse("orders:refund"), (Approved(), Expires(NOON)))
    assert outcome(decide(credential(both), ALL, role("orders:refund"), refund())) == (DENY, "caveat_veto")


QUESTION = "orders:refund?amount>20"


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({}, "`amount` is missing"),
        ({"amount": "1000"}, "`amount` is of another type"),
        ({"amount": True}, "`amount` is of another type"),
        ({"amount": None}, "`amount` is of another type"),
        ({"amount": (Decimal(1000),)}, "`amount` is of another type"),
        ({"amount": {"value": Decimal(1000)}}, "`amount` is of another type"),
        ({"amount": Decimal("NaN")}, "`amount` is of another type"),
        ({"amount": Decimal("sNaN")}, "`amount` is of another type"),
        ({"amount": Decimal("Infinity")}, "`amount` is of another type"),
    ],
)
def test_a_question_that_cannot_be_evaluated_denies(properties: dict[str, Any], why: str) -> None:
    """Otherwise `"amount": "1000"` is a refund of 1000 that nobody was asked about."""
    attempt = access("orders:refund", "order-1", **properties)
    token, ceiling = credential("orders:refund"), role("orders:refund", asks=(QUESTION,))
    assert decide(token, ALL, role("orders:refund"), attempt).outcome is PERMIT
    decision = decide(token, ALL, ceiling, attempt)
    assert outcome(decision) == (DENY, "policy_faulty")
    assert decision.faults == (f"`{QUESTION}` cannot be evaluated: {why}",)
    assert decision.because == (f"role `support`: {decision.faults[0]}",)


@pytest.mark.parametrize(
    ("question", "value", "expected"),
    [
        ("orders:refund?user=boss", "boss", STEP_UP),
        ("orders:refund?user=boss", "someone", PERMIT),
        ("orders:refund?user=boss", "x" * 70_000, PERMIT),
        ("orders:refund?user=boss", "e\u0301", DENY),
        ("orders:refund?user=boss", Decimal(1), DENY),
        ("orders:refund?user!=me", "me", PERMIT),
        ("orders:refund?user!=me", "you", STEP_UP),
        ("orders:refund?user!=me", "m\u0000e", DENY),
        ("orders:refund?user=#true", True, STEP_UP),
        ("orders:refund?user=#true", False, PERMIT),
        ("orders:refund?user=#true", "true", DENY),
        ("orders:refund?user=#null", None, STEP_UP),
        ("orders:refund?user=boss|#1", Decimal("1.0"), STEP_UP),
        ("orders:refund?user=boss|#1", Decimal(2), PERMIT),
        ("orders:refund?user~staff:*", "staff:ada", STEP_UP),
        ("orders:refund?user~staff:*", "guest:ada", PERMIT),
        ("orders:refund?user~staff:*", "staff::ada", DENY),
        ("orders:refund?user~staff:*", "staff:../ada", DENY),
    ],
)
def test_only_a_value_that_was_compared_passes_unasked(question: str, value: Any, expected: Outcome) -> None:
    attempt = access("orders:refund", "order-1", user=value)
    assert (
        decide(credential("orders:refund"), ALL, role("orders:refund", asks=(question,)), attempt).outcome is expected
    )


def test_one_value_outside_is_enough_to_pass_unasked_and_one_unclear_is_not() -> None:
    asks = ("orders:refund?amount>20&user=boss",)
    token, ceiling = credential("orders:refund"), role("orders:refund", asks=asks)
    for properties, expected in (
        ({"amount": Decimal(10)}, PERMIT),  # whatever the user
        ({"user": "someone"}, PERMIT),
        ({"amount": Decimal(30)}, DENY),
        ({"amount": Decimal(30), "user": "boss"}, STEP_UP),
        ({"amount": "30", "user": "someone"}, PERMIT),
    ):
        attempt = access("orders:refund", "order-1", **properties)
        assert decide(token, ALL, ceiling, attempt).outcome is expected, properties


@pytest.mark.parametrize(
    ("ids", "pattern", "expected"),
    [
        (("vip/1",), None, STEP_UP),
        (("plain/1",), None, PERMIT),
        (("plain/1", "vip/1"), None, STEP_UP),  # a batch that hides one among others
        (("vip/1", "plain/1"), None, STEP_UP),
        ((), None, STEP_UP),  # the type as a whole
        ((), "vip/*", STEP_UP),
        ((), "*/1", STEP_UP),  # a listing that shows some of it
        ((), "plain/*", PERMIT),
    ],
)
def test_a_question_about_some_ids_concerns_whatever_touches_one(
    ids: tuple[str, ...], pattern: str | None, expected: Outcome
) -> None:
    attempt = access("orders:refund", *ids, pattern=pattern)
    ceiling = role("orders:refund", asks=("orders:refund:vip/*",))
    assert decide(credential("orders:refund"), ALL, ceiling, attempt).outcome is expected


def test_caveats_of_a_question_excuse_nobody() -> None:
    long_ago = Grant(Permission.parse("orders:refund"), (Expires(NOON), Unreadable((Decimal(99),))))
    ceiling = role("orders:refund", asks=(long_ago,))
    assert decide(credential("orders:refund"), ALL, ceiling, refund()).outcome is STEP_UP


def test_a_question_that_cannot_even_be_read_denies_everything_and_lists_nothing() -> None:
    ceiling = RolePolicy("support", authority("orders:refund"), Authority((), ({"scope": "???"},)), BEARERS)
    decision = decide(credential("orders:refund"), ALL, ceiling, refund())
    assert outcome(decision) == (DENY, "policy_faulty")
    assert decision.faults == ("1 of the role's questions cannot be read",)
    assert not may(credential("orders:refund"), ALL, ceiling, partial())


def test_many_faults_are_named_briefly() -> None:
    asks = tuple(f"orders:refund?amount>{number}" for number in range(20, 40))
    decision = decide(credential("orders:refund"), ALL, role("orders:refund", asks=asks), access("orders:refund"))
    assert len(decision.faults) == 3


def test_a_question_about_another_action_concerns_nobody_here() -> None:
    ceiling = role("orders:refund", asks=("orders:delete", "files:refund"))
    assert decide(credential(REFUND), ALL, ceiling, refund()).outcome is PERMIT


# -- lists


def partial(
    resource: Resource | None = None, by: str = "crd_a", kind: ActionClass = ActionClass.WRITE, **known: Any
) -> PartialAccess:
    properties: Mapping[str, Json] = known
    return PartialAccess(
        Subject(CredentialId(by), AgentId("agt_bot")),
        Action("refund", kind),
        "orders",
        UNKNOWN if resource is None else resource,
        Context(NOON, honoured=frozenset({"log"})),
        properties,
    )


def test_a_list_shows_what_could_be_permitted() -> None:
    token, ceiling = credential(REFUND), role("orders:refund", asks=("orders:refund?amount>20",))
    assert may(token, ALL, ceiling, partial())
    assert may(token, ALL, ceiling, partial(amount=Decimal(49)))  # a person might say yes
    assert not may(token, ALL, ceiling, partial(amount=Decimal(51)))
    assert not may(token, ALL - {ActionClass.WRITE}, ceiling, partial())
    assert not may(token, ALL, None, partial())
    assert not may(token, ALL, role("orders:list"), partial())
    assert not may(credential("orders:list"), ALL, ceiling, partial())


def proven(attempt: Access, key: str | None = "k" * 43) -> Access:
    return msgspec.structs.replace(attempt, context=msgspec.structs.replace(attempt.context, proof_key=key))


@pytest.mark.parametrize("kind", [ActionClass.WRITE, ActionClass.DELETE, ActionClass.ADMIN])
def test_beyond_reading_a_proof_of_possession_is_needed(kind: ActionClass) -> None:
    strict = replace(role("orders:refund"), bearers=None)
    attempt = access("orders:refund", kind=kind)
    decision = decide(credential("orders:refund"), ALL, strict, attempt)
    assert outcome(decision) == (DENY, "proof_required")
    assert decision.because[-1] == f"role `support` needs a proof of possession for class `{kind}`"
    assert decision.reservations == ()
    assert decide(credential("orders:refund"), ALL, strict, proven(attempt)).outcome is PERMIT
    assert not may(credential("orders:refund"), ALL, strict, partial(kind=kind)), "what cannot be called is not listed"


def test_reading_needs_no_proof() -> None:
    strict = replace(role("orders:refund"), bearers=None)
    attempt = access("orders:refund", kind=ActionClass.READ)
    assert decide(credential("orders:refund"), ALL, strict, attempt).outcome is PERMIT
    assert may(credential("orders:refund"), ALL, strict, partial(kind=ActionClass.READ))


def test_an_exception_ends_at_its_instant_and_is_named_while_it_lasts() -> None:
    ended = replace(role("orders:refund"), bearers=Bearers(NOON, "it was so once"))
    decision = decide(credential("orders:refund"), ALL, ended, refund())
    assert outcome(decision) == (DENY, "proof_required")
    assert decision.because[-1].endswith("for class `write`, and its exception ended 2027-01-15T08:00:00.000Z")
    assert decide(credential("orders:refund"), ALL, role("orders:refund"), refund()).because[-1] == (
        "role `support` lets bearers act until 2027-01-15T08:00:00.001Z: plain tokens here"
    )
    with_proof = decide(credential("orders:refund"), ALL, ended, proven(refund()))
    assert with_proof.outcome is PERMIT
    assert not any("bearers" in because for because in with_proof.because)


def test_a_missing_proof_hides_no_other_reason() -> None:
    strict = replace(role("orders:refund?amount<=10"), bearers=None)
    assert outcome(decide(credential(REFUND), ALL, strict, refund(51)))[1] == "scope_missing"
    assert outcome(decide(credential(REFUND), ALL, strict, refund(20)))[1] == "role_forbids"


def test_an_exception_beyond_any_calendar_is_only_odd() -> None:
    far = replace(role("orders:refund"), bearers=Bearers(Instant(2**60), "for ever"))
    assert decide(credential("orders:refund"), ALL, far, refund()).because[-1].endswith(f"until {2**60}: for ever")
