"""Limits on one property, checked against every value of a small world: covering and meeting are exact."""

import itertools
from collections.abc import Iterable
from decimal import Decimal

import pytest

from gatepass.access import Json
from gatepass.authority import Pattern
from gatepass.authority.scopes.limits import (
    MAX_TEXT,
    Bound,
    Choice,
    Domain,
    Kind,
    Numbers,
    Scalar,
    Texts,
    domain_of,
    is_normal,
    scalar,
)
from gatepass.errors import Malformed

NUMBERS = tuple(map(Decimal, ("0", "1", "2")))
TEXTS = ("a", "b", "a:b", "c:b")
# Between, beyond and beside all that the limits name.
VALUES: tuple[Json, ...] = (
    *map(Decimal, ("-1", "0", "0.5", "1", "1.5", "2", "3")),
    *TEXTS,
    "z",
    "a:z",
    "a:z:z",
    "z:b",
    "",
    True,
    False,
    None,
)


def all_domains() -> dict[Domain, frozenset[int]]:
    """Every domain of one to three statements, with the places of the values that each statement admits."""
    statements: list[tuple[str, Json]] = [
        *itertools.product(("<", "<=", ">", ">=", "!="), NUMBERS),
        *itertools.product(("!=", "~"), TEXTS),
        ("~", "a:*"),
        ("~", "*:b"),
        ("~", "*"),
        ("!=", True),
    ]
    single = {statement: domain_of(statement[0], [statement[1]]) for statement in statements}
    choices = [
        domain_of("=", values)
        for size in (1, 2)
        for values in itertools.combinations((*NUMBERS, *TEXTS, True, None), size)
    ]
    found: dict[Domain, frozenset[int]] = {domain: admitted(domain) for domain in (*single.values(), *choices)}
    for one, other in itertools.combinations(list(found), 2):
        met = one.meet(other)
        if met is not None:
            found[met] = found[one] & found[other]
    return found


def admitted(domain: Domain) -> frozenset[int]:
    return frozenset(place for place, value in enumerate(VALUES) if domain.admits(value))


def test_what_two_domains_share_is_exactly_their_meet() -> None:
    domains = all_domains()
    for domain, places in domains.items():
        assert admitted(domain) == places, domain
        assert is_normal(domain), domain
    for one, other in itertools.product(list(domains)[::3], list(domains)[::2]):
        met = one.meet(other)
        assert (frozenset() if met is None else admitted(met)) == domains[one] & domains[other], (one, other)
        assert met is None or is_normal(met)
        assert other.meet(one) == met


def test_a_domain_covers_another_exactly_when_it_admits_all_of_its_values() -> None:
    domains = all_domains()
    for one, other in itertools.product(list(domains)[::2], list(domains)[::3]):
        assert one.covers(other) == (domains[one] >= domains[other] and widest(one, other)), (one, other)


def widest(one: Domain, other: Domain) -> bool:
    """What the small world cannot tell: a choice never covers what admits more than it names."""
    return isinstance(other, Choice) or not isinstance(one, Choice)


def test_domains_that_admit_the_same_are_the_same() -> None:
    domains = all_domains()
    by_values: dict[frozenset[int], set[Domain]] = {}
    for domain, places in domains.items():
        by_values.setdefault(places, set()).add(domain)
    for same in by_values.values():
        for one, other in itertools.combinations(same, 2):
            assert not (one.covers(other) and other.covers(one)), (one, other)


@pytest.mark.parametrize(
    "value",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        (),
        ("a",),
        {},
        {"a": "a"},
        "e\u0301",
        "\ud800",
        "a\x00",
        1,
        1.0,
        b"a",
    ],
)
def test_what_no_limit_can_name_no_limit_admits(value: Json) -> None:
    domains = all_domains()
    assert scalar(value) is None
    for domain in domains:
        assert not domain.admits(value)


def test_true_is_not_one_and_false_is_not_zero() -> None:
    one, yes = domain_of("=", [Decimal(1)]), domain_of("=", [True])
    assert one != yes
    assert not one.admits(True)
    assert not yes.admits(Decimal(1))
    assert one.meet(yes) is None
    both = domain_of("=", [Decimal(1), True])
    assert isinstance(both, Choice)
    assert len(both.values) == 2
    assert not Numbers(low=Bound(Decimal(0), included=True)).admits(True)


def test_long_texts_are_not_judged() -> None:
    other = domain_of("!=", ["x"])
    assert other.admits("y" * MAX_TEXT)
    assert not other.admits("y" * (MAX_TEXT + 1))
    assert domain_of("=", ["y" * 1024]).admits("y" * 1024)
    with pytest.raises(Malformed, match="canonical text"):
        domain_of("=", ["y" * 1025])
    assert not domain_of("~", ["*"]).admits("y" * 1025)


@pytest.mark.parametrize(
    ("operator", "values", "message"),
    [
        ("=", [], "it needs one to 64 values"),
        ("=", list(map(Decimal, range(65))), "it needs one to 64 values"),
        ("!=", [str(n) for n in range(65)], "it needs one to 64 values"),
        ("==", ["a"], "an operator is one of = != < <= > >= ~"),
        ("", ["a"], "an operator is one of = != < <= > >= ~"),
        ("<", ["5"], "it needs a number"),
        ("<=", [True], "it needs a number"),
        (">", [None], "it needs a number"),
        (">=", [Decimal("NaN")], "it needs a number"),
        (">=", [Decimal("1e401")], "the exponent of `1e+401` is beyond 400"),
        ("<", [Decimal("1" * 101)], "a number of 101 digits is too long"),
        ("~", [Decimal(5)], "`~` needs a pattern"),
        (
            "~",
            ["a*"],
            "the pattern `a*` is malformed: `*` stands for a whole segment; write %2A where it is meant literally",
        ),
        ("=", [()], "a value is canonical text of at most 1024 characters, a number, true, false or null"),
        ("!=", ["e\u0301"], "a value is canonical text of at most 1024 characters, a number, true, false or null"),
        ("!=", [None], "no value can satisfy it: null is the only one of its type"),
        ("!=", [True, False], "no value can satisfy it"),
        ("!=", ["a", Decimal(1)], "no value can satisfy it"),
        ("~", ["a:*", "b:*"], "no value can satisfy it"),
    ],
)
def test_a_limit_that_cannot_be_says_why(operator: str, values: Iterable[Json], message: str) -> None:
    with pytest.raises(Malformed) as refusal:
        domain_of(operator, values)
    assert (refusal.value.code, refusal.value.message) == ("malformed_scope", message)


@pytest.mark.parametrize(
    "domain",
    [
        Choice(frozenset()),
        Choice(frozenset({Scalar(Kind.TEXT, "e\u0301")})),
        Choice(frozenset({Scalar(Kind.NUMBER, True)})),
        Choice(frozenset({Scalar(Kind.NUMBER, Decimal("NaN"))})),
        Choice(frozenset({Scalar(Kind.NUMBER, Decimal("1e999"))})),
        Numbers(),
        Numbers(Bound(Decimal(1), included=True), Bound(Decimal(0), included=True)),
        Numbers(Bound(Decimal(1), included=True), Bound(Decimal(1), included=True)),
        Numbers(Bound(Decimal(1), included=False), Bound(Decimal(1), included=True)),
        Numbers(Bound(Decimal(1), included=True), None, frozenset({Decimal(1)})),
        Numbers(None, Bound(Decimal(1), included=True), frozenset({Decimal(2)})),
        Numbers(None, Bound(Decimal("1e999"), included=True)),
        Numbers(Bound(Decimal("NaN"), included=True), None),
        Numbers(but=frozenset({Decimal("1e999")})),
        Texts(),
        Texts(Pattern.parse("a")),
        Texts(Pattern.parse("a:*"), frozenset({"b"})),
        Texts(but=frozenset({"e\u0301"})),
    ],
)
def test_a_domain_made_by_hand_is_not_normal_unless_it_is_in_its_one_form(domain: Domain) -> None:
    assert not is_normal(domain)


def test_equal_numbers_are_one() -> None:
    assert domain_of("=", [Decimal(50), Decimal("50.00"), Decimal("5e1")]) == domain_of("=", [Decimal(50)])
    assert domain_of("=", [Decimal("-0")]) == domain_of("=", [Decimal(0)])
    assert domain_of("<=", [Decimal("0.30")]).admits(Decimal("0.3"))
    assert not domain_of("<", [Decimal("0.3")]).admits(Decimal("0.1") + Decimal("0.2"))
    assert domain_of("<", [Decimal("1e400")]).admits(Decimal("9" * 100))
    assert domain_of(">", [Decimal(0)]).admits(Decimal("1e-999999999"))
    assert not domain_of("<", [Decimal(0)]).admits(Decimal("1e999999999"))


def test_a_choice_is_written_in_its_order() -> None:
    values = [scalar(value) for value in ("b", "a", Decimal(10), Decimal(9), True, False, None)]
    listed = sorted(value for value in values if value is not None)
    assert [value.value for value in listed] == ["a", "b", Decimal(9), Decimal(10), False, True, None]
