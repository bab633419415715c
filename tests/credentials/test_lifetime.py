"""Broad and long never come together, however it is asked for; every token ends."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.credentials.records import DAY, HOUR
from tests.credentials.records import ISSUED as AT

from gatepass.access import ActionClass, AgentId, Instant
from gatepass.authority import All, Authority, Catalogue, Expires, Grant, Permission, Scope, Within
from gatepass.credentials import Life, TokenKind, check_holder, life
from gatepass.credentials.lifetime import BROAD_LIMITS, DEFAULTS, LONGEST
from gatepass.errors import Denied, Malformed

CATALOGUE = Catalogue.from_mapping(
    {
        "orders": {
            "minimum": Decimal(1),
            "actions": {
                "list": {"class": "read"},
                "refund": {"class": "write"},
                "note": {"class": "write"},
                "purge": {"class": "delete"},
                "configure": {"class": "admin"},
            },
        }
    }
)


def allowed(*scopes: str | Grant, kind: TokenKind = TokenKind.MACHINE, renew: bool = False, **asked: Any) -> Life:
    """What issuing with these scopes comes to; `renew` leaves out the words asked for, which no record keeps."""
    written = [Scope.parse(scope) for scope in scopes if isinstance(scope, str)]
    grants = [scope for scope in scopes if isinstance(scope, Grant)]
    permissions = [permission for scope in written for permission in CATALOGUE.expand(scope)]
    authority = Authority.of(*permissions, *grants)
    return life(kind, authority, CATALOGUE, at=AT, asked=[] if renew else written, **asked)


def ends(life_: Life) -> int:
    return life_.expires - AT


class TestNarrow:
    @pytest.mark.parametrize("scope", ["orders:refund:order-1", "orders:list", "orders:read", "orders:purge:order-1"])
    def test_named_or_read_may_live_for_thirty_days(self, scope: str) -> None:
        assert allowed(scope, lifetime=30 * DAY) == Life(Instant(AT + 30 * DAY), None)

    @pytest.mark.parametrize(("kind", "longest"), [(TokenKind.MACHINE, "30d"), (TokenKind.PERSON, "1d")])
    def test_and_no_longer(self, kind: TokenKind, longest: str) -> None:
        with pytest.raises(Denied) as refused:
            allowed("orders:list", kind=kind, lifetime=LONGEST[kind] + 60_000)
        assert refused.value.code == "too_long"
        assert refused.value.message.endswith(f"was asked for, and this kind of token allows {longest}")
        assert refused.value.hint == f"Ask for at most {longest}, and renew the token before it ends."

    def test_a_role_may_allow_less_and_never_more(self) -> None:
        with pytest.raises(Denied) as refused:
            allowed("orders:list", lifetime=2 * HOUR, role_longest=HOUR)
        assert refused.value.message == "a life of 2h was asked for, and the role allows 1h"
        assert ends(allowed("orders:list", lifetime=HOUR, role_longest=HOUR)) == HOUR
        with pytest.raises(Denied):
            allowed("orders:list", lifetime=31 * DAY, role_longest=365 * DAY)


class TestBroad:
    @pytest.mark.parametrize(
        ("scope", "limit", "why"),
        [
            ("orders:refund", 8 * HOUR, "`orders:refund` names no pattern"),
            ("orders:purge", HOUR, "`orders:purge` names no pattern"),
            ("orders:refund:*", 8 * HOUR, "the pattern of `orders:refund:*` has 0 fixed segments, fewer than 1"),
            ("orders:write:acme/*", 8 * HOUR, "`orders:write:acme/*` names every action of a class, not one"),
            ("orders:*:acme/*", HOUR, "`orders:*:acme/*` names every action of a class, not one"),
        ],
    )
    def test_broad_and_long_is_refused_with_what_to_ask_for_instead(self, scope: str, limit: int, why: str) -> None:
        told = "8h" if limit == 8 * HOUR else "1h"
        with pytest.raises(Denied) as refused:
            allowed(scope, lifetime=DAY)
        assert refused.value.code == "too_broad"
        assert refused.value.message == f"{why}, so it may live for {told} at most; 1d was asked for"
        assert refused.value.hint == (
            f"Ask for at most {told}, or name what is meant by a pattern that begins with fixed segments."
        )
        assert allowed(scope, lifetime=limit) == Life(Instant(AT + limit), Instant(AT + limit))
        with pytest.raises(Denied):
            allowed(scope, lifetime=limit + 1)

    def test_one_broad_scope_bounds_the_whole_token(self) -> None:
        with pytest.raises(Denied):
            allowed("orders:list", "orders:refund:order-1", "orders:purge", lifetime=2 * HOUR)
        assert ends(allowed("orders:list", "orders:refund", "orders:purge", lifetime=HOUR)) == HOUR

    def test_it_makes_no_difference_in_which_order_they_are_asked_for(self) -> None:
        for scopes in (("orders:refund", "orders:purge"), ("orders:purge", "orders:refund")):
            with pytest.raises(Denied) as refused:
                allowed(*scopes, lifetime=2 * HOUR)
            assert "orders:purge" in refused.value.message

    def test_what_ends_by_its_own_condition_is_not_long(self) -> None:
        permission = Permission.parse("orders:refund")
        soon, late = Expires(Instant(AT + HOUR)), Expires(Instant(AT + DAY))
        assert ends(allowed(Grant(permission, (soon,)), lifetime=DAY)) == DAY
        assert ends(allowed(Grant(permission, (All((late, soon)),)), lifetime=DAY)) == DAY
        with pytest.raises(Denied):
            allowed(Grant(permission, (late,)), lifetime=DAY)

    def test_one_grant_that_ends_soon_does_not_excuse_another(self) -> None:
        permission = Permission.parse("orders:refund")
        with pytest.raises(Denied):
            allowed(Grant(permission, (Expires(Instant(AT + HOUR)),)), Grant(permission), lifetime=DAY)

    def test_a_class_that_was_asked_for_ends_when_the_last_of_its_grants_does(self) -> None:
        soon = (Expires(Instant(AT + HOUR)),)
        refund, note = Permission.parse("orders:refund:acme/*"), Permission.parse("orders:note:acme/*")
        asked = [Scope.parse("orders:write:acme/*")]
        for grants in ((Grant(refund, soon), Grant(note)), (Grant(note), Grant(refund, soon))):
            with pytest.raises(Denied):
                life(TokenKind.MACHINE, Authority(grants), CATALOGUE, at=AT, asked=asked, lifetime=DAY)
        both = Authority((Grant(refund, soon), Grant(note, soon)))
        assert ends(life(TokenKind.MACHINE, both, CATALOGUE, at=AT, asked=asked, lifetime=DAY)) == DAY

    def test_what_has_to_be_within_something_narrow_is_narrow(self) -> None:
        within = Within(Permission.parse("orders:refund:acme/*"))
        grant = Grant(Permission.parse("orders:refund"), (within,))
        assert allowed(grant, lifetime=DAY).latest is None
        with pytest.raises(Denied):
            allowed(Grant(grant.permission, (Within(Permission.parse("orders:refund:*")),)), lifetime=DAY)


class TestRenewal:
    def test_renewals_of_a_broad_token_are_counted_together(self) -> None:
        first = allowed("orders:refund", lifetime=2 * HOUR)
        assert first.latest == AT + 8 * HOUR
        grant = Grant(Permission.parse("orders:refund"))
        end, at = first.expires, AT
        for _ in range(100):
            at = Instant(min(end - 1, at + HOUR))
            try:
                renewed = life(
                    TokenKind.MACHINE, Authority((grant,)), CATALOGUE, at=at, lifetime=2 * HOUR, latest=first.latest
                )
            except Denied as refused:
                assert refused.code == "too_broad"  # noqa: PT017
                break
            end = renewed.expires
            assert renewed.latest == first.latest
        assert end <= AT + 8 * HOUR

    def test_the_class_that_was_asked_for_is_not_forgotten(self) -> None:
        """After expansion `orders:write:acme/*` looks like two narrow scopes; the record's `latest` remembers."""
        first = allowed("orders:write:acme/*", lifetime=HOUR)
        with pytest.raises(Denied) as refused:
            allowed("orders:refund:acme/*", "orders:note:acme/*", renew=True, lifetime=DAY, latest=first.latest)
        assert refused.value.message == (
            "the token that is renewed is broad, so it may live for 8h at most; 1d was asked for"
        )

    def test_when_its_time_is_used_up_it_is_not_renewed(self) -> None:
        for latest in (AT - DAY, AT, AT + 999):
            for lifetime in (None, HOUR):
                with pytest.raises(Denied) as refused:
                    allowed("orders:refund", renew=True, latest=Instant(latest), lifetime=lifetime)
                assert refused.value.message == "the token that is renewed is broad, and its time is used up"

    def test_a_narrow_token_may_be_renewed_without_end(self) -> None:
        assert allowed("orders:refund:order-1", renew=True, lifetime=30 * DAY).latest is None

    def test_a_catalogue_that_calls_it_broad_since_counts_from_now(self) -> None:
        renewed = allowed("orders:refund", renew=True, lifetime=HOUR)
        assert renewed.latest == AT + 8 * HOUR

    @given(st.integers(-DAY, 40 * DAY), st.integers(1, 40 * DAY), st.sampled_from(["orders:refund", "orders:purge"]))
    def test_no_renewal_moves_the_bound_away(self, latest: int, lifetime: int, scope: str) -> None:
        try:
            renewed = allowed(scope, renew=True, latest=Instant(AT + latest), lifetime=lifetime)
        except (Denied, Malformed):
            return
        assert renewed.latest is not None
        assert renewed.expires <= renewed.latest <= AT + latest
        assert renewed.latest <= AT + BROAD_LIMITS[ActionClass.WRITE]


class TestDefaults:
    def test_a_default_is_offered(self) -> None:
        for kind in TokenKind:
            assert ends(allowed("orders:list", kind=kind)) == DEFAULTS[kind]
        assert ends(allowed("orders:list", default=3 * HOUR)) == 3 * HOUR

    def test_a_default_is_never_more_than_is_allowed(self) -> None:
        assert ends(allowed("orders:purge")) == HOUR
        assert ends(allowed("orders:list", default=400 * DAY)) == 30 * DAY
        assert ends(allowed("orders:list", role_longest=60_000)) == 60_000
        assert ends(allowed("orders:refund", renew=True, latest=Instant(AT + 5_000))) == 5_000

    @pytest.mark.parametrize("lifetime", [0, -1, 999, -(10**18)])
    def test_there_is_no_life_without_an_end_nor_one_that_has_ended(self, lifetime: int) -> None:
        with pytest.raises(Malformed) as refused:
            allowed("orders:list", lifetime=lifetime)
        assert refused.value.message == "a token lives for a second at least, and every token has an end"

    @given(
        st.sampled_from(TokenKind),
        st.one_of(st.none(), st.integers(-10, 10**15)),
        st.one_of(st.none(), st.integers(0, 10**12)),
        st.lists(
            st.sampled_from(["orders:list", "orders:refund", "orders:purge", "orders:refund:order-1"]), max_size=3
        ),
    )
    def test_whatever_is_asked_every_life_is_bounded(
        self, kind: TokenKind, lifetime: int | None, role: int | None, scopes: list[str]
    ) -> None:
        try:
            granted = allowed(*scopes, kind=kind, lifetime=lifetime, role_longest=role)
        except (Denied, Malformed):
            return
        assert 1_000 <= ends(granted) <= LONGEST[kind]
        if {"orders:refund", "orders:purge"} & set(scopes):
            assert ends(granted) <= 8 * HOUR
        if "orders:purge" in scopes:
            assert ends(granted) <= HOUR


class TestClasses:
    @pytest.mark.parametrize("kind", TokenKind)
    def test_no_stored_token_carries_class_admin(self, kind: TokenKind) -> None:
        for scope in ("orders:configure", "orders:configure:acme"):
            with pytest.raises(Denied) as refused:
                allowed("orders:list", scope, kind=kind, lifetime=60_000)
            assert refused.value.code == "admin_not_storable"
            assert refused.value.message == f"`{scope}` is of class admin, which no stored token carries"

    def test_an_action_that_is_not_known_has_no_class_and_is_refused(self) -> None:
        for grant in (Grant(Permission.parse("orders:unheard:acme")), Grant(Permission.parse("unheard:list"))):
            with pytest.raises(Malformed) as refused:
                allowed(grant)
            assert refused.value.code == "unknown_scope"


class TestHolders:
    def test_a_machines_token_belongs_to_an_agent_and_a_persons_to_none(self) -> None:
        agent = AgentId("agt_1")
        check_holder(TokenKind.MACHINE, agent)
        check_holder(TokenKind.PERSON, None)
        check_holder(TokenKind.SESSION, None)
        for kind, holder in ((TokenKind.MACHINE, None), (TokenKind.PERSON, agent), (TokenKind.SESSION, agent)):
            with pytest.raises(Malformed):
                check_holder(kind, holder)
