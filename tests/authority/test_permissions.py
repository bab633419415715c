"""Permissions: how they are written, what they cover, and what they say when they do not."""

from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.authority.world import attempt, members, partly

from gatepass.access import Resource
from gatepass.authority import Limit, Pattern, Permission, Scope
from gatepass.authority.scopes.limits import Bound, Numbers, Texts, domain_of
from gatepass.authority.scopes.notation import path_of, path_text
from gatepass.authority.scopes.permissions import ABSENT, Missed, Target, is_free, look_up
from gatepass.errors import Malformed

SCOPES = (
    "reports:read",
    "kv:write:agents:jobs:*",
    "storage:write:files/finreports.csv",
    "github:create_issue:acme/*",
    "orders:refund:order-12345?amount<=50&amount>=0&currency=USD&user=user-678",
    "orders:refund:*?amount!=#3&amount<50&amount>0&flag=#false|#true&labels.env=prod&note!=&note!=x&path~a/*",
    "web:get:https://api.example.com/v1/*",
)


@pytest.mark.parametrize("text", SCOPES)
def test_a_scope_prints_as_it_was_read(text: str) -> None:
    permission = Permission.parse(text)
    assert str(permission) == text
    assert repr(permission) == f"Permission('{text}')"
    assert str(Scope.parse(text)) == text
    assert repr(Scope.parse(text)) == f"Scope('{text}')"
    assert permission == Permission(permission.type, permission.action, permission.pattern, permission.limits)


@pytest.mark.parametrize("text", ["orders:*", "orders:*:order-1", "orders:write?amount<=5"])
def test_a_scope_may_ask_for_every_action(text: str) -> None:
    assert str(Scope.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the scope `` is malformed: a scope begins with type:action, in lower case"),
        ("reports", "the scope `reports` is malformed: a scope begins with type:action, in lower case"),
        ("Reports:read", "the scope `Reports:read` is malformed: a scope begins with type:action, in lower case"),
        ("reports:*", "the scope `reports:*` is malformed: a scope begins with type:action, in lower case"),
        (
            "re\nports:read",
            "the scope `re\\u000aports:read` is malformed: a scope begins with type:action, in lower case",
        ),
        ("kv:get:", "the pattern `` is malformed: it is empty"),
        ("kv:get?", "the scope `kv:get?` is malformed: a limit is written name, operator, value"),
        ("kv:get?x", "the scope `kv:get?x` is malformed: a limit is written name, operator, value"),
        ("kv:get?a=1=2", "the scope `kv:get?a=1=2` is malformed: a limit is written name, operator, value"),
        ("kv:get?=1", "`` is not the name of a property"),
        ("kv:get?a..b=1", "`a..b` is not the name of a property"),
        ("kv:get?a%2eb=1", "`a%2eb` is not the name of a property"),
        ("kv:get?" + "a" * 129 + "=1", "`" + "a" * 129 + "` is not the name of a property"),
        ("kv:get?n<=x", "the scope `kv:get?n<=x` is malformed: the limit `n<=x`: `x` is not a number"),
        ("kv:get?n=#x", "the scope `kv:get?n=#x` is malformed: the limit `n=#x`: `x` is not a number"),
        (
            "kv:get?n=a b",
            "the scope `kv:get?n=a b` is malformed: the limit `n=a b`: a value is not in canonical percent-encoding",
        ),
        (
            "kv:get?p~a*",
            (
                "the scope `kv:get?p~a*` is malformed: the limit `p~a*`: the pattern `a*` is malformed: "
                "`*` stands for a whole segment; write %2A where it is meant literally"
            ),
        ),
        ("kv:get?n<5&n>6", "the scope `kv:get?n<5&n>6` is malformed: no value of `n` can satisfy its limits"),
        (
            "kv:get?a=x&a.b=y",
            "the scope `kv:get?a=x&a.b=y` is malformed: `a.b` walks into a property that is limited itself",
        ),
        ("kv:get?b=1&a=2", "the scope `kv:get?b=1&a=2` is malformed: it is written `kv:get?a=2&b=1`"),
        ("kv:get?n=%61", "the scope `kv:get?n=%61` is malformed: it is written `kv:get?n=a`"),
        ("kv:get:" + "a" * 4100, "a scope of 4107 characters is too long, at most 4096"),
        ("kv:get?n!=a|b", "the scope `kv:get?n!=a|b` is malformed: it is written `kv:get?n!=a&n!=b`"),
        ("kv:get?" + "&".join(f"p{n:02}=1" for n in range(33)), "more than 32 properties are limited"),
        ("kv:get?" + "&".join(f"p!={n:02}" for n in range(65)), "limits on one property name more than 64 values"),
    ],
)
def test_a_malformed_scope_says_why(text: str, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Permission.parse(text)
    assert (refusal.value.code, refusal.value.message) == ("malformed_scope", message)


@pytest.mark.parametrize(
    ("kind", "action", "limits", "message"),
    [
        ("Kv", "get", (), "a type and an action are names in lower case"),
        ("kv", "*", (), "a type and an action are names in lower case"),
        ("kv", "get", (Limit(("n",), Numbers()),), "the limits are not in canonical form"),
        ("kv", "get", (Limit(("n",), Texts(Pattern.parse("a"))),), "the limits are not in canonical form"),
        (
            "kv",
            "get",
            (Limit(("b",), domain_of("=", ["x"])), Limit(("a",), domain_of("=", ["x"]))),
            "the limits are not in canonical form",
        ),
        (
            "kv",
            "get",
            (Limit(("a",), domain_of("!=", ["x"])), Limit(("a",), domain_of("!=", ["y"]))),
            "the limits are not in canonical form",
        ),
        ("kv", "get", (Limit(("a",), domain_of("=", ["x" * 1024])),) * 1, None),
        (
            "kv",
            "get",
            tuple(Limit((name,), domain_of("=", [name * 1024])) for name in "abcd"),
            "the text form is longer than 4096 characters",
        ),
    ],
)
def test_a_permission_made_by_hand_is_checked(
    kind: str, action: str, limits: tuple[Limit, ...], message: str | None
) -> None:
    if message is None:
        assert Permission(kind, action, None, limits).limits == limits
        return
    with pytest.raises(Malformed) as refusal:
        Permission(kind, action, None, limits)
    assert (refusal.value.code, refusal.value.message) == ("malformed_scope", message)


def test_a_permission_that_is_covered_or_met_keeps_its_text_form() -> None:
    many = Permission.parse("kv:get?" + "&".join(f"p!={n:02}" for n in range(64)))
    more = Permission.parse("kv:get?" + "&".join(f"p!={n:02}" for n in range(32, 96)))
    assert many.meet(more) == (many, more), "what both say is too long to be said at once"
    long = tuple(Permission.parse(f"kv:get?{name}=" + name * 1000) for name in "abcd")
    assert long[0].meet(long[1]) == (long[0], long[1]), "limits on different properties"
    assert long[0].meet(long[0]) == (long[0],)


@pytest.mark.parametrize(
    ("scope", "properties", "missed", "detail"),
    [
        ("carts:refund", "{}", Missed.ACTION, "it is for `carts:refund`"),
        ("orders:cancel", "{}", Missed.ACTION, "it is for `orders:cancel`"),
        ("orders:refund:b", "{}", Missed.RESOURCE, "`orders:refund:b` does not reach the resource"),
        ("orders:refund?n<=5", "{}", Missed.LIMITS, "`n` is missing and has to be within `n<=5`"),
        ("orders:refund?n<=5", '{"n":6}', Missed.LIMITS, "`n` has to be within `n<=5`"),
        ("orders:refund?n<=5", '{"n":5,"l":6}', Missed.LIMITS, "`l` is neither limited nor declared free"),
        ("orders:refund?a.b=x", '{"a":{"b":"x","c":1}}', Missed.LIMITS, "`a.c` is neither limited nor declared free"),
        (
            "orders:refund?a.b=x",
            '{"a":{"b":"x"},"a.b":1}',
            Missed.LIMITS,
            "`a%2Eb` is neither limited nor declared free",
        ),
        (
            "orders:refund?n<=5",
            '{"n":5,"\\n\\u202e":6}',
            Missed.LIMITS,
            "`%0A%E2%80%AE` is neither limited nor declared free",
        ),
        ("orders:refund?n<=5", '{"m":6,"n":5,"k":7}', Missed.LIMITS, "`k` is neither limited nor declared free"),
        ("orders:refund?n<=5", '{"n":5,"k":{}}', Missed.LIMITS, "`k` is neither limited nor declared free"),
        ("orders:refund?n<=5", '{"n":5}', None, ""),
        ("orders:refund", '{"n":5}', None, ""),
        ("orders:refund?a.b=x", '{"a":{"b":"x"}}', None, ""),
    ],
)
def test_a_permission_says_how_it_falls_short(scope: str, properties: str, missed: Missed | None, detail: str) -> None:
    access = attempt("orders:refund", "a", properties=properties, free=frozenset({"m"}))
    fault = Permission.parse(scope).fault(access, Target.of(access.resource))
    assert fault == (None if missed is None else (missed, detail))


@pytest.mark.parametrize(
    ("resource", "detail"),
    [
        (Resource("orders", ("a", "b//c")), "an id is covered by no permission: it has an empty segment"),
        (Resource("orders", ("a",) * 1001), "more than 1000 ids at once"),
        (Resource("orders", ("a",) * 999 + ("",)), "an id is covered by no permission: it is empty"),
        (Resource("orders", pattern="a*"), "the resource's pattern is malformed"),
    ],
)
def test_a_malformed_resource_is_no_target(resource: Resource, detail: str) -> None:
    assert Target.of(resource) is None
    access = attempt("orders:refund", *resource.ids, pattern=resource.pattern)
    assert Permission.parse("orders:refund").fault(access, None) == (Missed.RESOURCE, detail)


def test_a_limit_is_judged_where_its_value_is_known() -> None:
    permission = Permission.parse("orders:refund?a.b=x&n<=5")
    assert permission.may_allow(partly())
    assert permission.may_allow(partly(properties='{"n":5}'))
    assert not permission.may_allow(partly(properties='{"n":6}'))
    assert permission.may_allow(partly(properties='{"a":{"b":"x"}}'))
    assert not permission.may_allow(partly(properties='{"a":{}}')), "an object that is known is known whole"
    assert not permission.may_allow(partly(properties='{"a":{"b":"x","c":1}}'))
    assert not permission.may_allow(partly(properties='{"m":1}'))
    assert permission.may_allow(partly(properties='{"m":1}', free=frozenset({"m"})))
    assert permission.may_allow(partly(open_properties=frozenset({"a", "n"})))
    assert not permission.may_allow(partly(open_properties=frozenset({"n"})))
    assert Permission.parse("orders:refund").may_allow(partly(properties='{"m":1}', open_properties=frozenset()))


def test_names_of_properties() -> None:
    assert path_of("labels.env") == ("labels", "env")
    assert path_of("labels%2Eenv") == ("labels.env",)
    assert path_text(("a.b", "c d", "é")) == "a%2Eb.c%20d.%C3%A9"
    assert path_text(("aXb", "X")) == "aXb.X"
    assert path_of("a.b.c.d.e.f.g.h") == tuple("abcdefgh")
    for text in ("", ".", "a.", ".a", "a..b", "a.b.c.d.e.f.g.h.i", "A b", "%61", "a%0A", "e%CC%81", "a" * 129):
        with pytest.raises(Malformed):
            path_of(text)
    assert path_of("a" * 128) == ("a" * 128,)
    with pytest.raises(Malformed):
        path_of("a." * 1_000_000)


def test_a_scope_is_read_up_to_its_longest() -> None:
    text = "kv:get?" + "&".join(f"{name}=" + "x" * 1020 for name in "abc")
    text += "&d=" + "x" * (4096 - len(text) - 3)
    assert len(str(Permission.parse(text))) == 4096
    with pytest.raises(Malformed, match="a scope of 4097 characters is too long"):
        Permission.parse(text + "x")


def test_permissions_of_different_types_or_actions_share_nothing() -> None:
    here = Permission.parse("kv:get:a")
    assert here.meet(Permission.parse("kv:put:a")) == ()
    assert here.meet(Permission.parse("files:get:a")) == ()
    assert not here.covers(Permission.parse("kv:put:a"))
    assert not here.covers(Permission.parse("files:get:a"))


def test_any_mapping_is_an_object() -> None:
    properties = MappingProxyType({"a": MappingProxyType({"b": "x"})})
    assert look_up(properties, ("a", "b")) == "x"
    assert look_up(properties, ("a", "c")) is ABSENT


def test_what_is_not_there_is_absent() -> None:
    properties = members('{"a":{"b":null},"c":"d"}')
    assert look_up(properties, ("a", "b")) is None
    for path in (("x",), ("a", "x"), ("c", "d"), ("a", "b", "c")):
        assert look_up(properties, path) is ABSENT


def test_a_free_object_frees_its_members() -> None:
    assert is_free(("a",), frozenset({"a"}))
    assert is_free(("a", "b"), frozenset({"a"}))
    assert is_free(("a", "b"), frozenset({"a.b"}))
    assert not is_free(("a",), frozenset({"a.b"}))
    assert not is_free(("a.b",), frozenset({"a.b"}))
    assert is_free(("a.b",), frozenset({"a%2Eb"}))
    assert not is_free(("a",), frozenset())


def test_limits_are_found_by_their_path() -> None:
    permission = Permission.parse("orders:refund?a.b=x&n<=5")
    assert permission.domain(("n",)) == Numbers(high=Bound(Decimal(5), included=True))
    assert permission.domain(("a",)) is None


@given(
    st.dictionaries(st.sampled_from(["amount", "currency", "reason", "a.b", "ü"]), st.sampled_from(["1", "2"])),
    st.frozensets(st.sampled_from(["amount", "reason", "a.b", "a%2Eb", "ü", "%C3%BC"])),
)
def test_names_alone_answer_as_a_walk_does(properties: dict[str, str], free: frozenset[str]) -> None:
    permission = Permission.parse("orders:refund?amount=1&currency=2")
    walked = next(permission._unlimited(properties, free), None) is None
    assert permission._accounts_for(properties, free) == walked
