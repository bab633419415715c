"""The law of issuance: what is granted, the subject, every role and the request cover, and narrowing never widens."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepass.access import Instant
from gatepass.authority import Authority, Catalogue, Expires, Grant, Permission, Scope, SingleUse, covers, meet
from gatepass.errors import Error
from gatepass.policy import Bounds, Granted, RolePolicy, Wanted, Wish, narrowest

CATALOGUE = Catalogue.from_mapping(
    {
        "orders": {
            "actions": {
                "get": {"class": "read"},
                "search": {"class": "read"},
                "refund": {"class": "write", "properties": {"amount": {"type": "number", "non_negative": True}}},
                "cancel": {"class": "delete"},
                "purge": {"class": "admin"},
            }
        },
        "reports": {"actions": {"read": {"class": "read"}}},
    }
)
ACTIONS = ["orders:get", "orders:search", "orders:refund", "orders:cancel", "reports:read"]
PATTERNS = ["", ":*", ":eu:*", ":eu:1", ":us:*", ":1"]
LIMITS = ["", "?amount<=5&amount>=0", "?amount<=50&amount>=0"]
AT = Instant(1_800_000_000_000)
CAVEATS = [(), (Expires(Instant(AT + 5)),), (SingleUse("crd_root/once"),)]


@st.composite
def texts(draw: st.DrawFn) -> str:
    action = draw(st.sampled_from(ACTIONS))
    limit = draw(st.sampled_from(LIMITS)) if action == "orders:refund" else ""
    return action + draw(st.sampled_from(PATTERNS)) + limit


permissions = st.builds(Permission.parse, texts())
grants = st.builds(Grant, permissions, st.sampled_from(CAVEATS))
authorities = st.builds(lambda each: Authority(tuple(each)), st.lists(grants, max_size=5))
roles = st.builds(lambda each: RolePolicy("role", Authority.of(*each)), st.lists(permissions, max_size=6))
wishes = st.lists(st.builds(lambda text: Wish(Scope.parse(text)), texts()), max_size=3, unique=True)
TYPES = frozenset({"orders", "reports"})


def decided(wanted: Wanted, bounds: Bounds) -> Granted | Error:
    try:
        return narrowest(wanted, bounds, CATALOGUE, at=AT)
    except Error as error:
        return error


@st.composite
def requests(draw: st.DrawFn) -> tuple[Wanted, Bounds]:
    wanted = Wanted(
        wishes=tuple(draw(wishes)),
        whole=draw(st.booleans()),
        composed=draw(st.booleans()),
        caveats=draw(st.sampled_from(CAVEATS)),
        lifetime=draw(st.none() | st.integers(1, 2_000_000)),
        proven=draw(st.booleans()),
    )
    bounds = Bounds(
        held=draw(st.none() | authorities),
        roles=tuple(draw(st.lists(roles, min_size=0, max_size=2))),
        types=draw(st.sampled_from([TYPES, frozenset({"orders"}), frozenset()])),
        defaults=tuple(map(Scope.parse, draw(st.lists(texts(), max_size=2)))),
        longest=draw(st.integers(1_000, 2_000_000)),
        ends=tuple(Instant(AT + each) for each in draw(st.lists(st.integers(-5, 2_000_000), max_size=2))),
    )
    return wanted, bounds


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_what_is_granted_everything_that_bounds_it_covers(request: tuple[Wanted, Bounds]) -> None:
    wanted, bounds = request
    granted = decided(wanted, bounds)
    if isinstance(granted, Error):
        return
    for ceiling in (*(role.authority for role in bounds.roles), *(() if bounds.held is None else (bounds.held,))):
        assert covers(ceiling, granted.authority)
    if wanted.wishes:
        asked = Authority.of(*(each for wish in wanted.wishes for each in CATALOGUE.expand(wish.scope)))
        assert covers(asked, granted.authority)
        assert {grant.permission for grant in asked.grants} == {grant.permission for grant in granted.authority.grants}
    assert {grant.permission.type for grant in granted.authority.grants} <= bounds.types
    assert all(set(wanted.caveats) <= set(grant.caveats) for grant in granted.authority.grants)
    assert all(granted.expires <= each for each in (AT + 900_000, AT + bounds.longest, *bounds.ends))
    assert granted.expires % 1000 == 0
    if not wanted.proven:
        for grant in granted.authority.grants:
            action = CATALOGUE.action(grant.permission.type, grant.permission.action)
            assert action is not None
            assert action.kind.value == "read"


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(requests(), roles)
def test_narrowing_a_role_never_turns_a_refusal_into_a_grant_nor_a_grant_into_a_wider_one(
    request: tuple[Wanted, Bounds], narrower: RolePolicy
) -> None:
    wanted, bounds = request
    if not wanted.wishes or not bounds.roles:
        return
    first = RolePolicy("role", meet(bounds.roles[0].authority, narrower.authority))
    less = Bounds(
        held=bounds.held,
        roles=(first, *bounds.roles[1:]),
        types=bounds.types,
        longest=bounds.longest,
        ends=bounds.ends,
    )
    before, after = decided(wanted, bounds), decided(wanted, less)
    if isinstance(after, Granted):
        assert isinstance(before, Granted)
        assert covers(before.authority, after.authority)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(requests())
def test_what_a_refusal_would_grant_is_granted_when_it_is_asked_for(request: tuple[Wanted, Bounds]) -> None:
    wanted, bounds = request
    refused = decided(wanted, bounds)
    if not isinstance(refused, Error) or "granted" not in refused.details:
        return
    again = tuple(Wish(Scope.parse(text)) for text in refused.details["granted"].split())
    for wish in again:
        answer = decided(Wanted(wishes=(wish,), composed=True, proven=True), bounds)
        assert isinstance(answer, Granted) or answer.code in {"target_refused", "grant_invalid"}


def test_class_admin_is_never_issued() -> None:
    bounds = Bounds(held=None, roles=(RolePolicy("role", Authority.of(Permission.parse("orders:purge"))),), types=TYPES)
    answer = decided(Wanted(wishes=(Wish(Scope.parse("orders:purge")),), proven=True), bounds)
    assert isinstance(answer, Error)
    assert answer.code == "admin_not_storable"


def test_without_a_role_nothing_is_issued() -> None:
    held = Authority.of(Permission.parse("orders:get"))
    answer = decided(Wanted(wishes=(Wish(Scope.parse("orders:get")),)), Bounds(held=held, roles=(), types=TYPES))
    assert isinstance(answer, Error)
    assert answer.code == "role_forbids"


def test_what_is_covered_in_part_alone_is_refused_with_that_part() -> None:
    held = Authority.of(Permission.parse("orders:refund:1?amount<=5&amount>=0"))
    bounds = Bounds(
        held=held, roles=(RolePolicy("role", Authority.of(Permission.parse("orders:refund"))),), types=TYPES
    )
    answer = decided(Wanted(wishes=(Wish(Scope.parse("orders:refund:1?amount<=50")),), proven=True), bounds)
    assert isinstance(answer, Error)
    assert answer.details["granted"] == "orders:refund:1?amount<=5&amount>=0"
