"""The ten laws of `docs/authority.md`, each over related authorities, each failing if its premise is seldom met."""

import contextlib
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from tests.laws import strategies as some
from tests.laws.premises import law

from gatepass import exact
from gatepass.access import UNKNOWN, Access, Action, ActionClass, Json, PartialAccess, Reservation
from gatepass.authority import (
    Authority,
    Caveat,
    Grant,
    Pattern,
    Permission,
    Scope,
    Unreadable,
    Within,
    authority_from_json,
    authority_to_json,
    covers,
    excess,
    from_details,
    may_permit,
    meet,
    narrow,
    permits,
    read_caveat,
    to_details,
    write_caveat,
)
from gatepass.authority.scopes.limits import domain_of
from gatepass.authority.scopes.permissions import Target
from gatepass.errors import Malformed


def no_looser(mine: Iterable[Reservation], its: Iterable[Reservation]) -> bool:
    """Whether each of `its` meters is drawn by `mine`, under no higher a limit."""
    drawn = {reservation.meter: reservation for reservation in mine}
    return all(
        reservation.meter in drawn and drawn[reservation.meter].limit <= reservation.limit for reservation in its
    )


Narrowing = tuple[Authority, list[Permission] | None, list[Caveat]]


def narrowings(authority: Authority) -> SearchStrategy[Narrowing]:
    """Ways to narrow `authority`, most of which leave something of it."""
    parts = st.one_of(*(some.narrower(grant.permission) for grant in authority.grants), some.permissions())
    return st.tuples(
        st.just(authority),
        st.none() | st.lists(parts, min_size=1, max_size=2),
        st.lists(some.conditions() | some.meters(), max_size=1),
    )


@law(
    case=some.authorities(1)
    .flatmap(narrowings)
    .flatmap(lambda n: st.tuples(st.just(n), some.accesses(narrow(n[0], to=n[1], caveats=n[2])) | some.accesses(n[0])))
)
def test_law_1_what_is_narrowed_permits_no_more(
    case: tuple[Narrowing, Access],
) -> bool:
    (authority, to, caveats), access = case
    narrowed = narrow(authority, to=to, caveats=caveats)
    if not permits(narrowed, access).permitted:
        return False
    assert permits(authority, access).permitted
    assert all(caveat.veto(access) is None for caveat in caveats)
    assert to is None or permits(Authority.of(*to), access).permitted
    assert covers(authority, narrowed)
    return True


@law(case=some.authorities(1).flatmap(lambda b: st.tuples(some.wider_authority(b), st.just(b), some.accesses(b))))
def test_law_2_what_is_covered_permits_no_more(case: tuple[Authority, Authority, Access]) -> bool:
    wide, slim, access = case
    verdict = permits(slim, access)
    if not (covers(wide, slim) and verdict.permitted):
        return False
    permitted = permits(wide, access)
    assert permitted.permitted
    assert len(permitted.reservations) + len(permitted.obligations) <= len(verdict.reservations) + len(
        verdict.obligations
    )
    for grant in slim.grants:
        # Each grant on its own: the one that covers it asks for no meter that it does not ask for.
        mine = permits(Authority((grant,)), access)
        if mine.permitted:
            verdicts = [permits(Authority((each,)), access) for each in wide.grants]
            assert any(its.permitted and no_looser(mine.reservations, its.reservations) for its in verdicts)
    return True


@law(authority=some.authorities())
def test_law_3_covers_is_reflexive(authority: Authority) -> bool:
    assert covers(authority, authority)
    assert covers(authority, Authority(authority.grants))
    assert excess(authority, authority) == ()
    return bool(authority.grants)


@law(
    case=some.authorities(1, 2).flatmap(
        lambda c: some.wider_authority(c).flatmap(lambda b: st.tuples(some.wider_authority(b), st.just(b), st.just(c)))
    )
)
def test_law_3_covers_is_transitive(case: tuple[Authority, Authority, Authority]) -> bool:
    widest, middle, slim = case
    if not (covers(widest, middle) and covers(middle, slim)):
        return False
    assert covers(widest, slim)
    return bool(slim.grants)


@law(
    case=some.authorities(1, 2).flatmap(
        lambda a: some.related(a).flatmap(
            lambda b: st.tuples(
                st.just(a),
                st.just(b),
                st.one_of(
                    some.accesses(meet(a, b)),
                    some.accesses(meet(b, a)),
                    some.accesses(Authority((*a.grants, *b.grants))),
                ),
            )
        )
    )
)
def test_law_4_meet_permits_exactly_what_both_permit(case: tuple[Authority, Authority, Access]) -> bool:
    one, other, access = case
    met = meet(one, other)
    both = permits(one, access).permitted and permits(other, access).permitted
    assert permits(met, access).permitted == both
    assert permits(meet(other, one), access).permitted == both
    assert covers(one, met)
    assert covers(other, met)
    if not both:
        return False
    assert no_looser(permits(met, access).reservations, ()) is True
    return True


@law(one=some.grants(), other=some.grants())
def test_law_4_the_meters_of_both_are_drawn(one: Grant, other: Grant) -> bool:
    same = Grant(one.permission, other.caveats)
    (met,) = meet(Authority((one,)), Authority((same,))).grants or (None,)
    if met is None:
        return False
    for grant in (one, same):
        assert all(
            any(its.implies(mine) for its in met.conditions)
            for mine in grant.conditions
            if not isinstance(mine, Within)
        )
    return True


@law(permission=some.permissions())
def test_law_5_parsing_undoes_printing(permission: Permission) -> bool:
    text = str(permission)
    assert Permission.parse(text) == permission
    assert str(Scope.parse(text)) == text
    assert from_details(exact.read(exact.write(to_details(permission)))) == (permission,)
    assert all(0x21 <= ord(c) <= 0x7E and c not in '"\\' for c in text)
    return True


@law(authority=some.authorities())
def test_law_5_the_json_form_loses_nothing(authority: Authority) -> bool:
    written = exact.write(authority_to_json(authority))
    again = authority_from_json(exact.read(written))
    assert exact.write(authority_to_json(again)) == written
    assert again == authority
    return bool(authority.grants)


@law(caveat=some.caveats())
def test_law_5_a_caveat_is_read_as_it_was_written(caveat: Caveat) -> bool:
    assert read_caveat(exact.read(exact.write(write_caveat(caveat)))) == caveat
    return True


anything = st.recursive(
    some.any_value(),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)


@law(
    one=some.authorities(),
    other=some.authorities(),
    access=some.authorities().flatmap(some.accesses),
    value=anything,
    text=st.text(max_size=40),
)
def test_law_6_nothing_raises(one: Authority, other: Authority, access: Access, value: Json, text: str) -> bool:
    odd = Access(
        access.subject, access.action, access.resource, access.context, {text: value, "amount": value}, access.free
    )
    for authority in (one, other, meet(one, other), narrow(one, to=[], caveats=[Unreadable(value)])):
        permits(authority, access)
        permits(authority, odd)
    covers(one, other)
    excess(one, other)
    authority_from_json(value)
    authority_from_json({"grants": (value, {"scope": text}, {"scope": "a:b", "caveats": (value,)})})
    read_caveat(value)
    for number in range(20):
        read_caveat((Decimal(number), value))
        read_caveat((Decimal(number), text, value))
    for parse in (Permission.parse, Scope.parse, Pattern.parse, from_details):
        with contextlib.suppress(Malformed):
            parse(text)
    with contextlib.suppress(Malformed):
        from_details(value)
    return True


@law(access=some.authorities().flatmap(some.accesses))
def test_law_7_the_empty_authority_permits_nothing(access: Access) -> bool:
    assert not permits(Authority(), access).permitted
    assert not permits(
        narrow(Authority.of(Permission(access.resource.type, access.action.name)), to=()), access
    ).permitted
    assert not permits(authority_from_json({"grants": ({"scope": "what is this"},)}), access).permitted
    return True


@law(
    case=some.authorities(1).flatmap(lambda a: st.tuples(st.just(a), some.accesses(a))),
    raw=st.sampled_from(((Decimal(99), "x"), (Decimal(0),), (Decimal(1), "soon"), "expires", None, ())),
)
def test_law_8_a_caveat_that_nobody_knows_permits_nothing(case: tuple[Authority, Access], raw: Json) -> bool:
    authority, access = case
    unknown = narrow(authority, caveats=[read_caveat(raw)])
    verdict = permits(unknown, access)
    assert not verdict.permitted
    if not permits(authority, access).permitted:
        return False
    assert "caveat_unreadable" in {veto.code for veto in verdict.vetoes}
    return True


@law(
    case=some.authorities(1).flatmap(
        lambda a: some.accesses(a).flatmap(lambda x: st.tuples(st.just(a), st.just(x), some.parts_of(x)))
    )
)
def test_law_9_what_is_permitted_is_listed(case: tuple[Authority, Access, PartialAccess]) -> bool:
    authority, access, partial = case
    if not permits(authority, access).permitted:
        return False
    assert may_permit(authority, partial)
    return True


@law(permission=some.permissions(), other=some.permissions(), access=some.authorities().flatmap(some.accesses))
def test_law_9_what_cannot_be_satisfied_is_not_listed(
    permission: Permission, other: Permission, access: Access
) -> bool:
    same = Permission(permission.type, permission.action, other.pattern, other.limits)
    both = Grant(permission, (Within(same),))
    blank = PartialAccess(
        access.subject,
        Action(permission.action, ActionClass.WRITE),
        permission.type,
        UNKNOWN,
        access.context,
    )
    listed = may_permit(Authority((both,)), blank)
    satisfiable = bool(permission.meet(same)) and not disjoint_demands(permission, same)
    assert listed == satisfiable
    return not satisfiable


def disjoint_demands(one: Permission, other: Permission) -> bool:
    """Whether each limits what the other neither limits nor, with nothing declared free, could leave unlimited."""
    mine, its = ({limit.path for limit in each.limits} for each in (one, other))
    return bool(mine) and bool(its) and mine != its


Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
characters = st.sampled_from("aaaaaAbé-_.*%?:/ \u0301\u0430\u212b\ufb01\x00\u2028")


@law(
    one=st.text(characters, min_size=1, max_size=6),
    other=st.text(characters, min_size=1, max_size=6),
    same=st.booleans(),
)
def test_law_10_texts_that_differ_are_never_equal(one: str, other: str, same: bool) -> bool:  # noqa: FBT001 - drawn
    other = one if same else other
    equal = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    pattern = Pattern.of_id(one)
    if pattern is not None and pattern.covers_id(other):
        assert equal
        assert one == other
    if domain_admits(one, other):
        assert equal
    differs = domain_of("!=", ("other",)) if one == "other" else None
    assert differs is None or not differs.admits("other")
    return Pattern.of_id(one) is not None


def domain_admits(stated: str, value: str) -> bool:
    """Whether a limit `=stated` admits `value`."""
    try:
        return domain_of("=", (stated,)).admits(value)
    except Malformed:
        return False


@given(
    one=st.text(max_size=8),
    form=st.sampled_from(FORMS),
    extra=st.sampled_from("\u200b\u00ad\u0301\ufeff "),
)
def test_law_10_look_alikes_are_told_apart(one: str, form: Form, extra: str) -> None:
    for other in (unicodedata.normalize(form, one), one + extra, one.swapcase(), one.casefold()):
        if other == one:
            continue
        assert not domain_admits(one, other)
        pattern = Pattern.of_id(one)
        assert pattern is None or not pattern.covers_id(other)


@law(pattern=some.patterns(), other=some.patterns(), text=some.ids())
def test_patterns_cover_and_meet_exactly(pattern: Pattern, other: Pattern, text: str) -> bool:
    met = pattern.meet(other)
    both = pattern.covers_id(text) and other.covers_id(text)
    assert both == (met is not None and met.covers_id(text))
    if pattern.covers(other):
        assert met == other
        assert pattern.covers_id(text) or not other.covers_id(text)
    return True


@law(
    case=st.lists(some.permissions(), max_size=8).flatmap(
        lambda ps: st.tuples(st.just(Authority.of(*ps)), some.accesses(Authority.of(*ps)))
    )
)
def test_the_index_finds_what_a_search_finds(case: tuple[Authority, Access]) -> bool:
    authority, access = case
    target = Target.of(access.resource)
    if target is None:
        return False
    first = Target(target.ids[:1], target.pattern)
    kind, action = access.resource.type, access.action.name
    found = authority.reaching(kind, action, first)
    assert list(found) == [
        g
        for g in authority.grants
        if (g.permission.type, g.permission.action) == (kind, action) and g.permission.covers_target(first)
    ]
    return bool(found)


@law(
    case=st.tuples(some.caveats(), some.caveats()).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.just(pair[1]), some.accesses(Authority()))
    )
)
def test_what_a_caveat_vetoes_one_that_implies_it_vetoes(case: tuple[Caveat, Caveat, Access]) -> bool:
    mine, its, access = case
    if its.veto(access) is None:
        return False
    assert not mine.implies(its) or mine.veto(access) is not None
    return True


@law(
    caveat=some.caveats(),
    case=some.accesses(Authority()).flatmap(lambda x: st.tuples(st.just(x), some.parts_of(x))),
)
def test_what_a_caveat_lets_through_it_may_let_through(caveat: Caveat, case: tuple[Access, PartialAccess]) -> bool:
    access, partial = case
    if caveat.veto(access) is not None:
        return False
    assert caveat.may_hold(partial)
    return True
