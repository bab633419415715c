"""A story joins what was issued, what was decided under it, and what came of it."""

from typing import Any

import pytest
from tests.audit.chains import chained

from gatepass.access import CredentialId, DecisionId, Instant, Outcome
from gatepass.audit import Entry, Found, Query, tell, write_body
from gatepass.errors import Malformed

BOT = CredentialId("crd_bot")


def entries(*said: Entry) -> list[Found]:
    return [Found(row) for row in chained([write_body(entry)[0] for entry in said])]


def decided(number: int, outcome: Outcome) -> Entry:
    decision = DecisionId(f"dec_{number}")
    return Entry(at=Instant(number), event="call.decided", decision=decision, outcome=outcome, credential=BOT)


def finished(number: int) -> Entry:
    return Entry(
        at=Instant(number), event="call.finished", decision=DecisionId(f"dec_{number}"), credential=BOT, status=200
    )


def test_a_story_has_the_issuance_the_decisions_and_what_came_of_them() -> None:
    told = entries(
        Entry(at=Instant(1), event="token.issued", subject=BOT, actor="per_ada"),
        decided(1, Outcome.PERMIT),
        decided(2, Outcome.DENY),
        decided(3, Outcome.PERMIT),
        finished(1),
        Entry(at=Instant(9), event="token.revoked", subject=BOT, actor="per_ada"),
    )
    story = tell(told)
    assert [found.labels.event for found in story.changes] == ["token.issued", "token.revoked"]
    assert story.credentials == (BOT,)
    assert [(call.decision, call.decided, call.finished) for call in story.calls] == [
        ("dec_1", told[1], told[4]),
        ("dec_2", told[2], None),
        ("dec_3", told[3], None),
    ]
    assert story.whole


def test_an_outcome_whose_decision_lies_before_the_story_stands_alone() -> None:
    told = entries(finished(1))
    (call,) = tell(told, whole=False).calls
    assert (call.decided, call.finished) == (None, told[0])


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 501},
        {"before": 0},
        {"before": 1 << 63},
        {"since": Instant(1 << 70)},
        {"credential": CredentialId("c" * 257)},
        {"event": "a\x00b"},
    ],
)
def test_a_query_out_of_bounds_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        Query(**asked)
    assert caught.value.code == "malformed_request"
