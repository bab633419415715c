"""The catalogue: asking comes to named actions, what is broad is told, what is unknown is refused with the nearest."""

from typing import Any

import pytest

from gatepass.access import ActionClass
from gatepass.authority import Catalogue, Permission, PropertyType, Scope
from gatepass.errors import Malformed

ORDERS: Any = {
    "actions": {
        "refund": {
            "class": "write",
            "properties": {
                "amount": {"type": "number", "non_negative": True},
                "fee": "number",
                "currency": "string",
                "express": "boolean",
                "labels": "object",
                "labels.fixed": "string",
                "lines": "array",
                "note": {"type": "string", "free": True},
                "extra": {},
                "deep.er": "string",
            },
        },
        "cancel": {"class": "write"},
        "read": {"class": "read"},
        "list": {"class": "read"},
        "purge": {"class": "admin"},
        "delete": {"class": "delete"},
    },
    "shorthands": {
        "refunds-under-50": "orders:refund:*?amount<=50&currency=USD",
        "look": ["orders:read:*", "orders:list"],
    },
}
KV: Any = {"minimum": 2, "actions": {"put": {"class": "write"}, "get": {"class": "read"}}}


def shop() -> Catalogue:
    return Catalogue.from_mapping({"orders": ORDERS, "kv": KV})


def expanded(text: str, catalogue: Catalogue | None = None) -> list[str]:
    return [str(permission) for permission in (catalogue or shop()).expand(Scope.parse(text))]


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("orders:refund:order-1", ["orders:refund:order-1"]),
        ("orders:read", ["orders:list", "orders:read"]),
        ("orders:write:order-1", ["orders:cancel:order-1", "orders:refund:order-1"]),
        ("orders:delete:order-1", ["orders:delete:order-1"]),
        ("orders:*:a", ["orders:cancel:a", "orders:delete:a", "orders:list:a", "orders:read:a", "orders:refund:a"]),
        ("orders:purge", ["orders:purge"]),
        ("orders:refunds-under-50", ["orders:refund:*?amount<=50&amount>=0&currency=USD"]),
        ("write:refunds-under-50", ["orders:refund:*?amount<=50&amount>=0&currency=USD"]),
        ("orders:look", ["orders:list", "orders:list:*", "orders:read:*"]),
        ("orders:refund?amount<=50", ["orders:refund?amount<=50&amount>=0"]),
        ("orders:refund?amount<50&amount>10", ["orders:refund?amount<50&amount>10"]),
        ("orders:refund?amount<=0", ["orders:refund?amount=#0"]),
        ("orders:refund?fee<=5&fee>=1", ["orders:refund?fee<=5&fee>=1"]),
        ("orders:refund?fee>=1", ["orders:refund?fee>=1"]),
        ("orders:refund?fee=#1|#null", ["orders:refund?fee=#1|#null"]),
        ("orders:refund?labels.env=prod", ["orders:refund?labels.env=prod"]),
        ("orders:refund?labels.a.b=x", ["orders:refund?labels.a.b=x"]),
        ("orders:refund?labels.fixed=x", ["orders:refund?labels.fixed=x"]),
        ("orders:refund?extra=#1", ["orders:refund?extra=#1"]),
        ("orders:refund?extra.more=x", ["orders:refund?extra.more=x"]),
        ("orders:refund?express=#true", ["orders:refund?express=#true"]),
        ("orders:refund?deep.er~a:*", ["orders:refund?deep.er~a:*"]),
    ],
)
def test_what_is_asked_for_comes_to_named_actions(asked: str, granted: list[str]) -> None:
    assert expanded(asked) == granted


def test_a_credential_never_widens_when_an_upstream_grows() -> None:
    before = expanded("orders:write")
    grown = {**ORDERS, "actions": {**ORDERS["actions"], "ship": {"class": "write"}}}
    assert expanded("orders:write", Catalogue.from_mapping({"orders": grown})) == sorted([*before, "orders:ship"])
    assert before == ["orders:cancel", "orders:refund"]


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        (
            "orders:refnd",
            "unknown_scope",
            "the scope `orders:refnd` is not in the catalogue; the nearest: `orders:refund`, `orders:read`",
        ),
        (
            "ordrs:refund",
            "unknown_scope",
            (
                "the scope `ordrs:refund` is not in the catalogue; "
                "the nearest: `orders:refund`, `orders:read`, `orders:refunds-under-50`"
            ),
        ),
        (
            "orders:purg",
            "unknown_scope",
            "the scope `orders:purg` is not in the catalogue; the nearest: `orders:purge`",
        ),
        ("zzz:qqq", "unknown_scope", "the scope `zzz:qqq` is not in the catalogue"),
        (
            "kv:delete",
            "unknown_scope",
            "the scope `kv:delete` is not in the catalogue; the nearest: `kv:get`, `kv:put`",
        ),
        (
            "orders:admin",
            "unknown_scope",
            "the scope `orders:admin` is not in the catalogue; the nearest: `orders:purge`",
        ),
        ("write:look", "unknown_scope", "the scope `write:look` is not in the catalogue; the nearest: `orders:look`"),
        (
            "orders:refunds-under-50:order-1",
            "unknown_scope",
            "the shorthand `orders:refunds-under-50` stands alone, without a pattern or limits",
        ),
        ("orders:refund?amout<=5", "unknown_scope", "`orders:refund` has no property `amout`; the nearest: `amount`"),
        ("orders:refund?zzz=5", "unknown_scope", "`orders:refund` has no property `zzz`"),
        (
            "orders:refund?currency.code=USD",
            "unknown_scope",
            "`orders:refund` has no property `currency.code`; the nearest: `currency`",
        ),
        (
            "orders:refund?labels.fixed.x=y",
            "unknown_scope",
            "`orders:refund` has no property `labels.fixed.x`; the nearest: `labels.fixed`",
        ),
        ("orders:refund?deep=x", "unknown_scope", "`orders:refund` has no property `deep`; the nearest: `deep.er`"),
        ("orders:write?amount<=5", "unknown_scope", "`orders:cancel` has no property `amount`"),
        ("orders:refund?fee<=5", "malformed_scope", "`fee<=5` has no lower bound; add `fee>=0`"),
        ("orders:refund?fee<5", "malformed_scope", "`fee<5` has no lower bound; add `fee>=0`"),
        ("orders:refund?fee=5", "malformed_scope", "`fee=5` can never hold: `fee` is of type number"),
        ("orders:refund?fee~a:*", "malformed_scope", "`fee~a:*` can never hold: `fee` is of type number"),
        ("orders:refund?currency=#5", "malformed_scope", "`currency=#5` can never hold: `currency` is of type string"),
        ("orders:refund?currency>=5", "malformed_scope", "`currency>=5` can never hold: `currency` is of type string"),
        ("orders:refund?express=yes", "malformed_scope", "`express=yes` can never hold: `express` is of type boolean"),
        ("orders:refund?labels=x", "malformed_scope", "`labels=x` can never hold: `labels` is of type object"),
        ("orders:refund?labels!=x", "malformed_scope", "`labels!=x` can never hold: `labels` is of type object"),
        ("orders:refund?lines=x", "malformed_scope", "`lines=x` can never hold: `lines` is of type array"),
        ("orders:refund?amount<0", "malformed_scope", "no value of `amount` can satisfy its limits"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused_with_the_nearest(asked: str, code: str, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        shop().expand(Scope.parse(asked))
    assert (refusal.value.code, refusal.value.message) == (code, message)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("orders:read", None),
        ("orders:list", None),
        ("orders:look", None),
        ("kv:get", None),
        ("kv:*:a:b:*", "`kv:*:a:b:*` names every action of a class, not one"),
        ("orders:write:order-1", "`orders:write:order-1` names every action of a class, not one"),
        ("orders:delete:order-1", None),
        ("orders:refund", "`orders:refund` names no pattern"),
        ("orders:refund?amount<=5", "`orders:refund?amount<=5` names no pattern"),
        ("orders:refund:*", "the pattern of `orders:refund:*` has 0 fixed segments, fewer than 1"),
        ("orders:refund:https://*", "the pattern of `orders:refund:https://*` has 0 fixed segments, fewer than 1"),
        ("orders:refund:order-1", None),
        ("orders:refund:*:lines", None),
        ("kv:put:agents:*", "the pattern of `kv:put:agents:*` has 1 fixed segments, fewer than 2"),
        ("kv:put:agents:jobs:*", None),
        (
            "orders:refunds-under-50",
            "the pattern of `orders:refund:*?amount<=50&currency=USD` has 0 fixed segments, fewer than 1",
        ),
        ("nothing:known", "`nothing:known` names no pattern"),
        ("nothing:known:a", None),
    ],
)
def test_broad_is_told(asked: str, why: str | None) -> None:
    assert shop().broad(Scope.parse(asked)) == why


def test_a_permission_is_broad_by_its_pattern() -> None:
    assert shop().broad(Permission.parse("orders:refund")) == "`orders:refund` names no pattern"
    assert shop().broad(Permission.parse("orders:list")) is None
    assert shop().broad(Permission.parse("kv:read")) == "`kv:read` names no pattern", "a name that nobody declares"
    assert shop().broad(Scope.parse("kv:read")) is None, "a class"
    assert shop().broad(Permission.parse("orders:read")) is None
    assert shop().broad(Permission.parse("orders:delete")) == "`orders:delete` names no pattern"
    assert shop().broad(Permission.parse("orders:write")) == "`orders:write` names no pattern"


def test_a_class_word_is_a_name_where_it_is_its_classs_only_action() -> None:
    catalogue = Catalogue.from_mapping(
        {"kv": {"actions": {"write": {"class": "write"}, "read": {"class": "read"}, "admin": {"class": "admin"}}}}
    )
    assert expanded("kv:write:a", catalogue) == ["kv:write:a"]
    assert catalogue.broad(Scope.parse("kv:write:a")) is None
    assert expanded("kv:admin", catalogue) == ["kv:admin"]
    assert expanded("kv:*", catalogue) == ["kv:read", "kv:write"]


def test_a_class_that_has_no_action_is_unknown() -> None:
    reader = Catalogue.from_mapping({"reports": {"actions": {"read": {"class": "read"}, "list": {"class": "read"}}}})
    with pytest.raises(Malformed, match="the scope `reports:delete` is not in the catalogue"):
        reader.expand(Scope.parse("reports:delete"))
    admin = Catalogue.from_mapping({"reports": {"actions": {"purge": {"class": "admin"}}}})
    with pytest.raises(Malformed, match=r"the scope `reports:\*` is not in the catalogue"):
        admin.expand(Scope.parse("reports:*"))


def test_shorthands_of_two_types_need_their_type() -> None:
    def type_of(name: str) -> Any:
        return {"actions": {"put": {"class": "write"}}, "shorthands": {"mine": f"{name}:put:me:*"}}

    catalogue = Catalogue.from_mapping({"kv": type_of("kv"), "files": type_of("files")})
    assert expanded("kv:mine", catalogue) == ["kv:put:me:*"]
    with pytest.raises(Malformed, match="the scope `write:mine` is not in the catalogue"):
        catalogue.expand(Scope.parse("write:mine"))


def test_what_an_action_declares() -> None:
    refund = shop().action("orders", "refund")
    assert refund is not None
    assert refund.kind is ActionClass.WRITE
    assert refund.free == frozenset({"note"})
    assert [path for path, spec in refund.properties.items() if spec.non_negative] == [("amount",)]
    assert [path for path, spec in refund.properties.items() if spec.free] == [("note",)]
    assert refund.properties[("extra",)].type is PropertyType.ANY
    assert shop().action("orders", "nothing") is None
    assert shop().action("nothing", "read") is None
    assert shop().types["kv"].minimum == 2
    assert "orders:refund" in shop().names()
    assert "orders:look" in shop().names()
    assert list(shop().names()) == sorted(shop().names())


def test_catalogues_stand_side_by_side() -> None:
    one = Catalogue.from_mapping({"a": {"actions": {"x": {"class": "read"}}}})
    other = Catalogue.from_mapping({"b": {"actions": {"x": {"class": "read"}}}})
    assert Catalogue.merge(one, other).names() == ("a:x", "b:x")
    assert Catalogue.merge() == Catalogue()
    with pytest.raises(Malformed) as refusal:
        Catalogue.merge(one, other, one)
    assert (refusal.value.code, refusal.value.message) == (
        "malformed_catalogue",
        "`types.a`: the type is declared twice",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([], "`types`: expected a mapping"),
        ({1: {}}, "`types`: expected a mapping"),
        ({"Kv": {}}, "`types.Kv`: expected a name in lower case"),
        ({"kv": None}, "`types.kv`: expected a mapping"),
        ({"kv": {}}, "`types.kv.actions`: expected a mapping"),
        ({"kv": {"actions": {"x": {"class": "read"}}, "shorthands": []}}, "`types.kv.shorthands`: expected a mapping"),
        ({"kv": {"actions": {}}}, "`types.kv.actions`: expected at least one action"),
        ({"kv": {"action": {}}}, "`types.kv.action`: expected one of minimum, actions, shorthands"),
        (
            {"kv": {"minimum": -1, "actions": {"x": {"class": "read"}}}},
            "`types.kv.minimum`: expected a whole number from 0 to 64",
        ),
        (
            {"kv": {"minimum": 65, "actions": {"x": {"class": "read"}}}},
            "`types.kv.minimum`: expected a whole number from 0 to 64",
        ),
        (
            {"kv": {"minimum": True, "actions": {"x": {"class": "read"}}}},
            "`types.kv.minimum`: expected a whole number from 0 to 64",
        ),
        (
            {"kv": {"minimum": "1", "actions": {"x": {"class": "read"}}}},
            "`types.kv.minimum`: expected a whole number from 0 to 64",
        ),
        ({"kv": {"actions": {"Get": {"class": "read"}}}}, "`types.kv.actions.Get`: expected a name in lower case"),
        ({"kv": {"actions": {"get": "read"}}}, "`types.kv.actions.get`: expected a mapping"),
        ({"kv": {"actions": {"get": {}}}}, "`types.kv.actions.get.class`: expected one of read, write, delete, admin"),
        (
            {"kv": {"actions": {"get": {"class": "Read"}}}},
            "`types.kv.actions.get.class`: expected one of read, write, delete, admin",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "kind": 1}}}},
            "`types.kv.actions.get.kind`: expected one of class, properties",
        ),
        (
            {"kv": {"actions": {"read": {"class": "write"}}}},
            "`types.kv.actions.read`: an action named `read` has to be of that class",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": []}}}},
            "`types.kv.actions.get.properties`: expected a mapping",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a..b": {}}}}}},
            "`types.kv.actions.get.properties`: `a..b` is not the name of a property",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a": 1}}}}},
            "`types.kv.actions.get.properties.a`: expected a mapping",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a": "text"}}}}},
            "`types.kv.actions.get.properties.a`: expected a type: string, number, boolean, object, array, any",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a": {"free": "yes"}}}}}},
            "`types.kv.actions.get.properties.a`: expected true or false for free and non_negative",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a": {"non_negative": True}}}}}},
            "`types.kv.actions.get.properties.a`: only a number is non_negative",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read", "properties": {"a": {"x": 1}}}}}},
            "`types.kv.actions.get.properties.a.x`: expected one of type, free, non_negative",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"get": "kv:get"}}},
            "`types.kv.shorthands.get`: a shorthand is named like an action or a class",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"read": "kv:get"}}},
            "`types.kv.shorthands.read`: a shorthand is named like an action or a class",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": []}}},
            "`types.kv.shorthands.s`: expected a name in lower case, and a scope or a list of scopes",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": [1]}}},
            "`types.kv.shorthands.s`: expected a name in lower case, and a scope or a list of scopes",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"S": "kv:get"}}},
            "`types.kv.shorthands.S`: expected a name in lower case, and a scope or a list of scopes",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": "kv"}}},
            "`types.kv.shorthands.s`: the scope `kv` is malformed: a scope begins with type:action, in lower case",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": "kv:put"}}},
            "`types.kv.shorthands.s`: the scope `kv:put` is not in the catalogue; the nearest: `kv:get`, `kv:s`",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": "files:get"}}},
            "`types.kv.shorthands.s`: expected scopes of the type `kv` that are no shorthands themselves",
        ),
        (
            {"kv": {"actions": {"get": {"class": "read"}}, "shorthands": {"s": "kv:t", "t": "kv:get"}}},
            "`types.kv.shorthands.s`: expected scopes of the type `kv` that are no shorthands themselves",
        ),
    ],
)
def test_a_catalogue_that_cannot_be_says_where_and_why(spec: Any, message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Catalogue.from_mapping(spec)
    assert (refusal.value.code, refusal.value.message) == ("malformed_catalogue", message)
