"""Entries, stories and files as pages show them, without a server."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from tests.administration.world import ORDERS

from gatepass.console.showing import facts_of, href_of, kind_of, line_of, mapped_by, moments_of, tally_of, title_of

CALL: dict[str, Any] = {
    "seq": 12,
    "at": "2026-11-22T18:00:00.000Z",
    "event": "call.decided",
    "outcome": "permit",
    "action": "orders:refund",
    "action_class": "write",
    "resource": "order-12345",
    "credential": "crd_one",
    "because": ("credential grants `orders:refund`",),
    "properties": {"amount": Decimal(20)},
    "reservations": ({"cost": 1, "kind": "rate", "limit": 300, "meter": "crd_one/calls", "period": 60000},),
}
DENIED = {**CALL, "seq": 14, "outcome": "deny", "code": "scope_missing", "because": ("no grant",)}
ISSUED = {"seq": 3, "at": "2026-11-22T17:00:00Z", "event": "token.issued", "actor": "per_1", "role": "support"}
STORY = {
    "credentials": ("crd_one",),
    "changes": (ISSUED, {"seq": 20, "at": "2026-11-22T19:00:00Z", "event": "token.revoked"}),
    "calls": (
        {"decision": "dec_1", "decided": CALL, "finished": {"seq": 13, "event": "call.finished", "status": 200}},
        {"decision": "dec_2", "decided": DENIED, "finished": None},
        {"decision": "dec_3", "decided": {**CALL, "seq": 15}, "finished": None},
        {"decision": "dec_4", "decided": None, "finished": {"seq": 16, "event": "call.finished", "code": "ok"}},
    ),
}


def test_a_call_is_named_by_what_it_did_and_what_it_drew() -> None:
    assert title_of(CALL) == "orders:refund order-12345"
    facts = {fact.label: fact.text for fact in facts_of(CALL, {})}
    assert facts["drew"] == "1 of 300 in 60 s (calls)"
    assert facts["looked at amount"] == "20"


def test_an_event_of_a_later_version_is_shown_by_its_name() -> None:
    assert title_of({"event": "moon.rose"}) == "moon.rose"
    assert kind_of({"event": "moon.rose"}) == "plain"


def test_a_story_is_in_the_journals_order_and_says_what_is_not_known() -> None:
    moments = moments_of(STORY, {"per_1": "ada"})
    assert [moment.seq for moment in moments] == [3, 12, 14, 15, 16, 20]
    assert [moment.kind for moment in moments] == ["issue", "good", "bad", "good", "plain", "bad"]
    assert moments[0].says == ("by ada", "under the role support")
    assert moments[1].says == ("the upstream answered 200",)
    assert moments[2].says == ("`scope_missing`", "no grant")
    assert moments[3].says == ("permitted; nothing is known of the outcome yet",)
    assert moments[4].says == ("what was decided is no longer in reach of this story",)


def test_a_story_is_counted() -> None:
    tally = tally_of(STORY)
    assert (tally.permitted, tally.refused, tally.asked) == (2, 1, 0)
    assert (tally.first, tally.last) == ("2026-11-22T17:00:00Z", "2026-11-22T19:00:00Z")


def test_an_id_leads_to_its_page_and_nothing_else_leads_anywhere() -> None:
    assert href_of("agt_1aB") == "/console/agents/agt_1aB"
    for odd in ("agt_/../x", "per_1", "javascript:alert(1)", "crd_", "crd_\n", None):
        assert href_of(odd) is None


def test_a_file_is_a_table_of_requests_and_scopes() -> None:
    rows = mapped_by(ORDERS)
    assert ("GET /orders", "orders:list", "read") in {(row.match, row.action, row.kind) for row in rows}


def test_what_the_strict_reader_refuses_is_not_unfolded() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *a]\n" for n in range(30))
    for text in (bomb, "rest: !!python/object:os.system {}", "[" * 500, "rest: 1", "- a", "rest: [1, {match: 2}]"):
        assert len(mapped_by(text)) <= 1


@given(some.text(max_size=200))
def test_no_file_breaks_the_page(text: str) -> None:
    mapped_by(text)
    line_of(text)
