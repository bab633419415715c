"""Authorities in stories: which grant permits, which reason is given, what is missing, and what stays bounded."""

from decimal import Decimal

import msgspec
import pytest
from tests.authority.world import NOW, attempt, authority, partly

from gatepass import exact
from gatepass.access import UNKNOWN, Resource, Veto
from gatepass.authority import (
    Approved,
    Audience,
    Authority,
    Calls,
    Expires,
    Grant,
    Log,
    Permission,
    Rate,
    SingleUse,
    Unreadable,
    Within,
    authority_from_json,
    authority_to_json,
    covers,
    excess,
    may_permit,
    meet,
    narrow,
    permits,
)
from gatepass.authority.algebra import MAX_COMPARISONS
from gatepass.authority.grants import MAX_GRANTS
from gatepass.authority.scopes.permissions import Target

REFUND = Permission.parse("orders:refund:*?amount<=50&amount>=0")
READ = Permission.parse("orders:read")
LATER = Expires(type(NOW)(NOW + 1))
NOW_OVER = Expires(NOW)


def test_reads_at_any_time_refunds_only_with_approval() -> None:
    support = Authority((Grant(READ), Grant(REFUND, (Approved(),))))
    assert permits(support, attempt("orders:read", "order-1")).grant == Grant(READ)
    refund = attempt("orders:refund", "order-1", properties='{"amount":5}')
    assert permits(support, refund).vetoes == (Veto("approval_unavailable", "it needs a person's approval"),)
    approved = attempt("orders:refund", "order-1", properties='{"amount":5}', approved_by=frozenset({"per_1"}))
    assert permits(support, approved).grant == support.grants[1]
    assert may_permit(support, partly("orders:refund"))


def test_the_grant_that_costs_least_permits() -> None:
    metered = Grant(READ, (Calls("crd_1/a", 5),))
    logged = Grant(READ, (Log(),))
    heavy = Grant(READ, (Calls("crd_1/a", 5), Rate("crd_1/a", 5, 1000), Log()))
    read = attempt("orders:read", honoured=frozenset({"log"}))
    assert permits(Authority((heavy, metered, logged)), read).grant == metered
    assert permits(Authority((heavy, logged, metered)), read).grant == logged
    assert permits(Authority((heavy, metered, Grant(READ))), read).grant == Grant(READ)
    assert permits(Authority((heavy,)), read).obligations == ("log",)
    assert len(permits(Authority((heavy,)), read).reservations) == 2


def test_a_grant_that_fails_leaves_the_next_to_be_tried() -> None:
    slim, wide = Permission.parse("orders:refund:a:*?amount<=5"), Permission.parse("orders:refund:a:*?amount<=50")
    refund = attempt("orders:refund", "a:1", properties='{"amount":6}')
    assert permits(Authority.of(slim, wide), refund).grant == Grant(wide)
    batch = attempt("orders:read", "a:1", "b:1")
    assert permits(authority("orders:read:a:*", "orders:read:*"), batch).permitted
    assert not permits(authority("orders:read:a:*", "orders:read:b:*"), batch).permitted
    late = Grant(wide, (NOW_OVER,))
    assert permits(Authority((late, Grant(slim), Grant(wide))), refund).grant == Grant(wide)
    assert Authority.of(late, slim) == Authority((late, Grant(slim)))


def test_of_grants_that_cost_the_same_the_first_permits_and_of_vetoes_the_first_are_given() -> None:
    one, other = Grant(READ, (Calls("crd_1/a", 5),)), Grant(READ, (Calls("crd_2/a", 5),))
    assert permits(Authority((one, other)), attempt("orders:read")).grant == one
    dead, early = Grant(READ, (NOW_OVER,)), Grant(READ, (Audience(frozenset("a")),))
    assert permits(Authority((dead, early)), attempt("orders:read")).vetoes[0].detail == "it has expired"


def test_a_malformed_resource_is_told() -> None:
    refused = permits(authority("orders:read"), attempt("orders:read", "a//b"))
    assert refused.vetoes == (Veto("scope_missing", "an id is covered by no permission: it has an empty segment"),)


def test_the_grant_that_reaches_the_resource_is_nearest_however_many_do_not() -> None:
    elsewhere = [f"orders:refund:{number}" for number in range(40)]
    refused = permits(authority(*elsewhere, "orders:refund:a?amount<=5"), attempt("orders:refund", "a"))
    assert refused.vetoes == (Veto("scope_missing", "`amount` is missing and has to be within `amount<=5`"),)


def test_the_nearest_veto_is_given() -> None:
    far = Grant(READ, (NOW_OVER, Audience(frozenset("a")), Log()))
    near = Grant(READ, (LATER, Approved()))
    refused = permits(Authority((far, near)), attempt("orders:read"))
    assert refused.vetoes == (Veto("approval_unavailable", "it needs a person's approval"),)
    assert (refused.permitted, refused.grant, refused.missing_scope) == (False, None, None)
    assert len(permits(Authority((far,)), attempt("orders:read")).vetoes) == 3
    dead, waiting = Grant(READ, (NOW_OVER,)), Grant(READ, (Approved(), Approved(frozenset({"per_1"}))))
    for both in ((dead, waiting), (waiting, dead)):
        assert {veto.code for veto in permits(Authority(both), attempt("orders:read")).vetoes} == {
            "approval_unavailable"
        }
    assert len(permits(Authority((waiting, Grant(READ, (Approved(),)))), attempt("orders:read")).vetoes) == 1
    elsewhere = Grant(Permission.parse("orders:read:a"), (NOW_OVER,))
    assert permits(Authority((elsewhere,)), attempt("orders:read", "b")).vetoes[0].code == "scope_missing"


@pytest.mark.parametrize(
    ("scopes", "details"),
    [
        ([], ["no grant of `orders:refund`"]),
        (["orders:read"], ["no grant of `orders:refund`"]),
        (
            ["orders:refund:a", "orders:refund:b"],
            ["`orders:refund:a` does not reach the resource", "`orders:refund:b` does not reach the resource"],
        ),
        (["orders:refund:a", "orders:refund:*?amount<=5"], ["`amount` has to be within `amount<=5`"]),
        (["orders:refund:*?amount<=5", "orders:refund:*?amount<=5&x=y"], ["`amount` has to be within `amount<=5`"]),
        (
            [f"orders:refund:{name}" for name in "abcdef"],
            [f"`orders:refund:{name}` does not reach the resource" for name in "abc"],
        ),
    ],
)
def test_the_nearest_reasons_are_given(scopes: list[str], details: list[str]) -> None:
    refused = permits(authority(*scopes), attempt("orders:refund", "order-1", properties='{"amount":6}'))
    assert refused.vetoes == tuple(Veto("scope_missing", detail) for detail in details)


@pytest.mark.parametrize(
    ("ids", "pattern", "properties", "free", "held", "missing"),
    [
        (["a:1"], None, "{}", [], [], "orders:refund:a:1"),
        ([], None, "{}", [], [], "orders:refund"),
        ([], "a:*", "{}", [], [], "orders:refund:a:*"),
        (["a:1", "a:2"], None, "{}", [], [], "orders:refund:a:*"),
        (["a b?"], None, "{}", [], [], "orders:refund:a%20b%3F"),
        (["a:1"], None, '{"note":"private"}', [], [], "orders:refund:a:1"),
        (["a:1"], None, '{"n":6}', [], ["orders:refund:*?n<=5"], "orders:refund:a:1?n=#6"),
        (["a:1"], None, '{"note":"x","n":6}', ["note"], ["orders:refund:*?n<=5"], "orders:refund:a:1?n=#6"),
        (
            ["a:1"],
            None,
            '{"o":{"p":1,"q":2},"n":6}',
            ["o.p"],
            ["orders:refund:*?n<=5"],
            "orders:refund:a:1?n=#6&o.q=#2",
        ),
        (["a:1"], None, '{"n":6,"note":"x"}', ["note"], ["orders:refund:*?n<=5"], "orders:refund:a:1?n=#6"),
        (
            ["a:1"],
            None,
            '{"n":6,"o":{"p":true,"q":null}}',
            [],
            ["orders:refund:*?n<=5"],
            "orders:refund:a:1?n=#6&o.p=#true&o.q=#null",
        ),
        (["a:1"], None, '{"n":6,"list":[1]}', [], ["orders:refund:*?n<=5"], None),
        (["a:1"], None, '{"n":6,"text":"e\\u0301"}', [], ["orders:refund:*?n<=5"], None),
        (
            ["a:1"],
            None,
            '{"n":6,"deep":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}',
            [],
            ["orders:refund:*?n<=5"],
            None,
        ),
        (["a:1"], None, "{}", [], ["orders:refund:*?n<=5"], None),
        (["a::1"], None, "{}", [], [], None),
        ([], "a*", "{}", [], [], None),
        (["a" * 1024 + ""], None, "{}", [], [], "orders:refund:" + "a" * 1024),
        (["\U0001f600" * 1024], None, "{}", [], [], None),
    ],
)
def test_what_was_missing_is_the_narrowest_scope_that_would_have_been_enough(  # noqa: PLR0917 - a table
    ids: list[str], pattern: str | None, properties: str, free: list[str], held: list[str], missing: str | None
) -> None:
    access = attempt("orders:refund", *ids, pattern=pattern, properties=properties, free=frozenset(free))
    refused = permits(authority(*held), access)
    assert not refused.permitted
    assert refused.missing_scope == missing
    assert missing is None or permits(authority(missing), access).permitted


def test_what_could_not_be_read_is_told() -> None:
    unread = authority_from_json({"grants": ({"scope": "x"}, {"scope": "y"})})
    assert permits(unread, attempt("orders:read")).vetoes == (
        Veto("scope_missing", "no grant of `orders:read`"),
        Veto("caveat_unreadable", "2 grants cannot be read"),
    )
    assert covers(unread, Authority())
    assert not covers(authority("orders:read"), unread), "what it permits elsewhere is not known"
    assert authority_to_json(unread) == {"grants": ({"scope": "x"}, {"scope": "y"})}
    assert narrow(unread, caveats=[LATER]).unread == unread.unread
    assert meet(unread, unread) == Authority()


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "{}",
        '{"grants":{}}',
        '{"grants":[],"more":1}',
        '{"grants":[null]}',
        '{"grants":["orders:read"]}',
        '{"grants":[{}]}',
        '{"grants":[{"caveats":[]}]}',
        '{"grants":[{"scope":"orders:*"}]}',
        '{"grants":[{"scope":"orders:read","caveats":{}}]}',
        '{"grants":[{"scope":"orders:read","caveats":null}]}',
        '{"grants":[{"scope":"orders:read","extra":1}]}',
        '{"grants":[{"scope":["orders:read"]}]}',
    ],
)
def test_an_authority_that_cannot_be_read_permits_nothing(text: str) -> None:
    read = authority_from_json(exact.read(text))
    assert read.grants == ()
    assert len(read.unread) == 1
    assert not permits(read, attempt("orders:read")).permitted


def test_an_authority_that_can_be_read_is_read() -> None:
    assert authority_from_json({"grants": ()}) == Authority()
    assert authority_from_json({"grants": ({"scope": "orders:read"},)}) == Authority.of(READ)
    caveats = tuple((Decimal(11), "log") for _ in range(64))
    assert len(authority_from_json({"grants": ({"scope": "orders:read", "caveats": caveats},)}).grants) == 1
    assert authority_from_json({"grants": ({"scope": "orders:read", "caveats": (*caveats, caveats[0])},)}).grants == ()
    many = ({"scope": "orders:read"},) * MAX_GRANTS
    assert len(authority_from_json({"grants": many}).grants) == MAX_GRANTS
    assert authority_from_json({"grants": (*many, many[0])}).grants == ()


def test_narrowing_drops_and_adds_and_never_widens() -> None:
    whole = Authority((Grant(READ), Grant(REFUND, (LATER,))))
    part = narrow(
        whole, to=[Permission.parse("orders:refund:order-1?amount<=100&amount>=0"), Permission.parse("kv:get")]
    )
    assert part == Authority((Grant(Permission.parse("orders:refund:order-1?amount<=50&amount>=0"), (LATER,)),))
    assert narrow(whole) == whole
    assert narrow(whole, to=[]) == Authority()
    assert narrow(whole, caveats=[NOW_OVER]).grants == (Grant(READ, (NOW_OVER,)), Grant(REFUND, (NOW_OVER,)))
    assert narrow(whole, caveats=[Log()]).grants[1].caveats == (LATER, Log())


def test_a_refusal_says_which_grant_went_too_far_and_the_widest_allowed() -> None:
    role = authority("orders:refund:*?amount<=50&amount>=0", "orders:read")
    asked = Authority.of(
        Permission.parse("orders:refund:order-1?amount<=100&amount>=0"), READ, Permission.parse("kv:get:*")
    )
    first, second = excess(role, asked)
    assert str(first.grant.permission) == "orders:refund:order-1?amount<=100&amount>=0"
    assert [str(grant.permission) for grant in first.allowed.grants] == ["orders:refund:order-1?amount<=50&amount>=0"]
    assert str(second.grant.permission) == "kv:get:*"
    assert second.allowed == Authority()
    assert covers(role, first.allowed)


def test_limits_on_different_properties_meet_as_two_permissions() -> None:
    one, other = Permission.parse("orders:refund:*?amount<=50"), Permission.parse("orders:refund:order-1?currency=USD")
    (met,) = meet(Authority.of(one), Authority.of(other)).grants
    assert met.permissions == (
        Permission.parse("orders:refund:order-1?amount<=50"),
        Permission.parse("orders:refund:order-1?currency=USD"),
    )
    both = '{"amount":5,"currency":"USD"}'
    free = frozenset({"amount", "currency"})
    assert not permits(Authority((met,)), attempt("orders:refund", "order-1", properties=both)).permitted
    assert permits(Authority((met,)), attempt("orders:refund", "order-1", properties=both, free=free)).permitted
    assert not permits(Authority((met,)), attempt("orders:refund", "order-2", properties=both, free=free)).permitted
    again = meet(Authority((met,)), Authority.of(Permission.parse("orders:refund?note=x"))).grants
    assert len(again) == 1
    assert len(again[0].permissions) == 3


def test_meeting_keeps_the_strongest_of_each_caveat() -> None:
    one = Authority((Grant(READ, (LATER, Log(), Calls("crd_1/a", 5))),))
    other = Authority((Grant(READ, (NOW_OVER, Calls("crd_1/a", 3), Calls("crd_2/a", 9), SingleUse("crd_2/a"))),))
    (met,) = meet(one, other).grants
    assert met.caveats == (Log(), NOW_OVER, Calls("crd_1/a", 3), Calls("crd_2/a", 9), SingleUse("crd_2/a"))
    assert meet(Authority.of(READ, READ), Authority.of(READ)).grants == (Grant(READ),)


def test_within_the_same_permission_says_nothing_more() -> None:
    slim = Grant(Permission.parse("orders:read:a"), (Within(READ),))
    assert meet(Authority((slim,)), Authority.of(READ)).grants == (Grant(Permission.parse("orders:read:a")),)
    apart = Grant(Permission.parse("orders:read:a"), (Within(Permission.parse("orders:read:b")),))
    assert meet(Authority((apart,)), Authority.of(READ)).grants == ()
    elsewhere = Grant(READ, (Within(Permission.parse("kv:read")),))
    assert not may_permit(Authority((elsewhere,)), partly("orders:read"))


def test_a_listing_knows_the_resource_or_does_not() -> None:
    held = authority("orders:read:a:*")
    assert may_permit(held, partly("orders:read", UNKNOWN))
    assert may_permit(held, partly("orders:read", Resource("orders", ("a:b",))))
    assert may_permit(held, partly("orders:read", Resource("orders", pattern="a:b:*")))
    assert not may_permit(held, partly("orders:read", Resource("orders", ("b:b",))))
    assert not may_permit(held, partly("orders:read", Resource("orders", ("a:b", "b:b"))))
    assert not may_permit(held, partly("orders:read", Resource("orders")))
    assert not may_permit(held, partly("orders:read", Resource("orders", ("a:..",))))
    assert not may_permit(held, partly("orders:read", Resource("kv", ("a:b",))))
    assert not may_permit(held, partly("kv:read"))
    assert not may_permit(Authority((Grant(READ, (Unreadable("x"),)),)), partly("orders:read"))


def test_grants_are_found_in_their_order_and_by_their_separators() -> None:
    held = authority("kv:put:a:b", "kv:put", "kv:put:a:*", "kv:put:a/*", "kv:put:*:b")
    found = held.reaching("kv", "put", Target.of(Resource("kv", ("a:b",))) or Target())
    assert list(found) == [held.grants[place] for place in (0, 1, 2, 4)]
    assert list(held.reaching("kv", "put", Target())) == [held.grants[1]]
    two = authority("kv:put:a", "kv:put")
    assert list(two.covering(Permission.parse("kv:put:a"))) == list(two.grants)
    assert not permits(authority("kv:put:a:*"), attempt("kv:put", "a/b")).permitted


def test_a_property_that_no_json_can_name_is_told() -> None:
    odd = attempt("orders:refund", "a")
    odd = msgspec.structs.replace(odd, properties={"n": Decimal(1), "\ud800": None})
    assert permits(authority("orders:refund:a?n=#1"), odd).vetoes == (
        Veto("scope_missing", "`%ED%A0%80` is neither limited nor declared free"),
    )


def test_covering_gives_up_with_no_before_it_takes_long() -> None:
    many = [Permission.parse(f"orders:refund:*?n=#{number}") for number in range(600)]
    wide, slim = Authority.of(*many), Authority.of(*(Permission.parse(f"orders:refund:a?n=#{n}") for n in range(600)))
    assert len(many) ** 2 > MAX_COMPARISONS
    assert covers(wide, wide), "the same grants are not compared one by one"
    assert not covers(wide, slim)
    assert covers(Authority.of(*many[:400]), Authority(slim.grants[:400]))


def test_an_authority_is_a_value() -> None:
    one, other = authority("orders:read", "kv:get:a:*"), authority("orders:read", "kv:get:a:*")
    assert one == other
    assert hash(one) == hash(other)
    assert one != authority("kv:get:a:*", "orders:read")
