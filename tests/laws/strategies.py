"""Attempts and authorities from a small world, related to each other so that the premises of laws are met.

Nothing here is drawn far apart: narrower permissions are made from wider ones, attempts from the permission that might
cover them and then bent a little, so that each law is tried on both sides of its edge.
"""

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from gatepass.access import (
    UNKNOWN,
    Access,
    Action,
    ActionClass,
    AgentId,
    Context,
    CredentialId,
    Instant,
    Json,
    PartialAccess,
    Resource,
    RunId,
    Subject,
)
from gatepass.authority import (
    All,
    Approved,
    Attested,
    Audience,
    Authority,
    Calls,
    Caveat,
    Expires,
    Grant,
    Limit,
    Log,
    Networks,
    NotBefore,
    Pattern,
    Permission,
    Purpose,
    Rate,
    Run,
    SingleUse,
    Spending,
    SubjectKey,
    Unreadable,
    Weekly,
    Within,
)
from gatepass.authority.scopes.limits import Choice, Domain, Numbers, Texts, domain_of
from gatepass.authority.scopes.notation import Path
from gatepass.errors import Malformed

TYPES = ("orders", "kv")
ACTIONS = ("refund", "put")
SEGMENTS = ("a", "b", "order-1", "é", "x*y", "100%", "a?b", "z&=|#<>!~", " ", "日本", "%2F", ".hidden", "...")
SEPARATORS = (":", "/")
NUMBERS = tuple(map(Decimal, ("-1", "0", "0.01", "1", "49.99", "50", "50.00", "51", "1e30", "-1e-30")))
FAR = tuple(map(Decimal, ("9e40", "-9e40", "2e-30", "-2e-30")))
TEXTS = ("USD", "EUR", "usd", "", "50", "a:b", "a/b", "a:*", "é", "user-678", "#3", "null")
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    "e\u0301",
    "\ud800",
    "a\x00b",
    "ＵＳＤ",  # noqa: RUF001 - full width, to be told from ASCII
    "а",  # noqa: RUF001 - Cyrillic, to be told from Latin
    (),
    {},
    ("USD",),
    {"env": "prod"},
    "x" * 2000,
)
PATHS: tuple[Path, ...] = (("amount",), ("currency",), ("labels", "env"), ("labels", "team"), ("a.b",), ("flag",))
NOW = 1_780_000_000_000
METERS = ("crd_1/a", "crd_2/b")

# Made once: making a strategy costs more than drawing from it.
SEGMENT = st.sampled_from(SEGMENTS)
SEPARATOR = st.sampled_from(SEPARATORS)
NUMBER = st.sampled_from(NUMBERS)
TEXT = st.sampled_from(TEXTS)
PATH = st.sampled_from(PATHS)
COIN = st.booleans()
SCHEME = st.sampled_from(("", "", "", "https://"))
DOMAIN_KIND = st.sampled_from(("choice", "bounds", "texts", "any"))
WIDENING = st.sampled_from(("same", "none", "loosen", "drop"))
RESOURCE_KIND = st.sampled_from(("id",) * 8 + ("batch", "batch", "pattern", "none", "odd"))
DIE = st.integers(0, 5)
TYPE = st.sampled_from((TYPES[0], *TYPES))
ACTION = st.sampled_from((ACTIONS[0], *ACTIONS))


@functools.cache
@st.composite
def ids(draw: DrawFn, *, most: int = 4) -> str:
    """A well-formed id."""
    segments = draw(st.lists(SEGMENT, min_size=1, max_size=most))
    text = segments[0]
    for segment in segments[1:]:
        text += draw(SEPARATOR) + segment
    return draw(SCHEME) + text


@functools.cache
@st.composite
def patterns(draw: DrawFn) -> Pattern:
    """A pattern."""
    return draw(loosened(Pattern.of_id(draw(ids()))))


@st.composite
def loosened(draw: DrawFn, pattern: Pattern | None) -> Pattern:
    """A pattern that covers at least what `pattern` does."""
    assert pattern is not None
    kept = draw(st.integers(0, len(pattern.parts)))
    if kept < len(pattern.parts):
        return Pattern(tuple(_star_some(draw, pattern.parts[:kept], pattern.parts[kept][0])), pattern.parts[kept][0])
    parts = _star_some(draw, pattern.parts, pattern.tail or "")
    if pattern.tail is None and parts[-1][1] is None:
        return Pattern(tuple(parts[:-1]), parts[-1][0])
    return Pattern(tuple(parts), pattern.tail)


def _star_some(
    draw: DrawFn, parts: tuple[tuple[str, str | None], ...], after_last: str = ""
) -> list[tuple[str, str | None]]:
    stars = draw(st.lists(COIN, min_size=len(parts), max_size=len(parts)))
    followed_by = [*(separator for separator, _ in parts), after_last][1:]
    return [
        (separator, None if star and after != "//" else segment)
        for (separator, segment), star, after in zip(parts, stars, followed_by, strict=True)
    ]


@st.composite
def ids_of(draw: DrawFn, pattern: Pattern | None) -> str:
    """An id that `pattern` covers."""
    if pattern is None:
        return draw(ids())
    text = "".join(separator + (draw(SEGMENT) if segment is None else segment) for separator, segment in pattern.parts)
    return text if pattern.tail is None else text + pattern.tail + draw(ids(most=2)).removeprefix("https://")


@functools.cache
@st.composite
def domains(draw: DrawFn) -> Domain:
    """What one property may be."""
    numbers, texts = NUMBER, TEXT
    match draw(DOMAIN_KIND):
        case "choice":
            scalars = st.one_of(numbers, texts, st.sampled_from((None, True, False)))
            return domain_of("=", draw(st.lists(scalars, min_size=1, max_size=4)))
        case "bounds":
            statements = st.tuples(st.sampled_from(("<", "<=", ">", ">=", "!=")), numbers)
        case "texts":
            statements = st.one_of(st.tuples(st.just("!="), texts), st.tuples(st.just("~"), patterns().map(str)))
        case _:
            statements = st.tuples(st.just("!="), st.one_of(numbers, texts))
    domain: Domain | None = None
    for operator, value in draw(st.lists(statements, min_size=1, max_size=3)):
        stated = domain_of(operator, (value,))
        domain = stated if domain is None else (domain.meet(stated) or domain)
    assert domain is not None
    return domain


@st.composite
def values_of(draw: DrawFn, domain: Domain) -> Json:
    """A value, most often one that `domain` admits."""
    candidates: list[Json] = [*NUMBERS, *TEXTS]
    match domain:
        case Choice():
            candidates = [value.value for value in domain.values]
        case Numbers():
            ends = [bound.value for bound in (domain.low, domain.high) if bound is not None]
            near = [end + step for end in ends for step in (Decimal(0), Decimal(1), Decimal(-1), Decimal("0.005"))]
            candidates = [value for value in (*near, *NUMBERS, *FAR) if domain.admits(value)] or candidates
        case Texts() if domain.pattern is not None:
            candidates = [draw(ids_of(domain.pattern))]
        case Texts():
            candidates = [value for value in TEXTS if domain.admits(value)]
    return draw(st.sampled_from(candidates))


@functools.cache
def any_value() -> SearchStrategy[Json]:
    """Any value, odd ones too."""
    return st.sampled_from((*NUMBERS, *TEXTS, *ODD))


@functools.cache
@st.composite
def limits(draw: DrawFn) -> tuple[Limit, ...]:
    """Limits on up to three properties."""
    paths = draw(st.lists(PATH, unique=True, max_size=3))
    return tuple(Limit(path, draw(domains())) for path in sorted(paths))


@functools.cache
@st.composite
def permissions(draw: DrawFn) -> Permission:
    """A permission."""
    return Permission(
        draw(TYPE),
        draw(ACTION),
        draw(st.none() | patterns()),
        draw(limits()),
    )


@st.composite
def wider(draw: DrawFn, permission: Permission) -> Permission:
    """A permission that covers `permission`, unless its limits were dropped in part."""
    kept = permission.limits
    match draw(WIDENING):
        case "none":
            kept = ()
        case "loosen":
            kept = tuple(Limit(path, draw(loosened_domain(domain))) for path, domain in kept)
        case "drop":
            kept = kept[1:]
    pattern = permission.pattern
    return Permission(
        permission.type,
        permission.action,
        None if pattern is None else draw(st.none() | st.just(pattern) | loosened(pattern)),
        kept,
    )


@st.composite
def loosened_domain(draw: DrawFn, domain: Domain) -> Domain:
    """A domain that often covers `domain`."""
    if isinstance(domain, Choice):
        more = draw(st.lists(TEXT, max_size=2))
        return domain_of("=", (*(value.value for value in domain.values), *more))
    if isinstance(domain, Numbers):
        loose = Numbers(domain.low if draw(COIN) else None, domain.high, domain.but)
        return loose if loose != Numbers() else domain
    return Texts(None, frozenset({"no such text"})) if draw(COIN) else domain


@st.composite
def narrower(draw: DrawFn, permission: Permission) -> Permission:
    """A permission that is most often covered by `permission`."""
    pattern = permission.pattern
    if draw(COIN):
        other = draw(patterns()) if pattern is None else Pattern.of_id(draw(ids_of(pattern)))
        assert other is not None
        pattern = other if pattern is None else pattern.meet(other) or pattern
    narrowed = [Limit(path, domain.meet(draw(domains())) or domain) for path, domain in permission.limits]
    return Permission(
        permission.type, permission.action, pattern, tuple(narrowed) if narrowed else draw(st.just(()) | limits())
    )


@functools.cache
def meters() -> SearchStrategy[Caveat]:
    """A meter of one of two credentials."""
    key = st.sampled_from(METERS)
    return st.one_of(
        st.builds(Calls, key, st.integers(1, 3)),
        st.builds(SingleUse, key),
        st.builds(Rate, key, st.integers(1, 3), st.sampled_from((1000, 60_000))),
        st.builds(
            Spending,
            key,
            st.sampled_from((Decimal(50), Decimal(100))),
            st.just("USD"),
            st.just(("amount",)),
            st.sampled_from((None, ("currency",))),
        ),
    )


@functools.cache
def conditions() -> SearchStrategy[Caveat]:
    """A caveat that is decided by looking, and usually holds in `contexts`."""
    instants = st.sampled_from((NOW - 1, NOW, NOW + 1, NOW + 2)).map(Instant)
    names = st.sets(st.sampled_from(("x", "y")), min_size=1).map(frozenset)
    return st.one_of(
        st.builds(Expires, instants),
        st.builds(NotBefore, instants),
        st.sampled_from((Networks.of("10.0.0.0/8"), Networks.of("10.1.0.0/16", "2001:db8::/32"), Networks.of("::/0"))),
        st.builds(Audience, names),
        st.builds(Run, st.sampled_from(("x", "y")).map(RunId)),
        st.builds(SubjectKey, st.sampled_from(("x", "y"))),
        st.builds(Attested, names),
        st.builds(Approved, st.none() | names),
        st.builds(Purpose, names),
        st.builds(Log, st.sampled_from(("log", "x"))),
        st.sampled_from(
            (
                Weekly.of("Europe/Berlin", "thu 00:00-24:00", "fri 00:00-24:00"),
                Weekly.of("Europe/Berlin", "thu 08:00-24:00", "fri 00:00-24:00"),
                Weekly.of("UTC", "thu 20:00-20:30"),
            )
        ),
        st.builds(Within, permissions()),
    )


@functools.cache
def caveats() -> SearchStrategy[Caveat]:
    """A caveat of any kind, conjunctions and unreadable ones included."""
    simple = conditions() | meters()
    nested = st.lists(simple, min_size=1, max_size=3).map(lambda parts: All(tuple(parts)))
    return st.one_of(
        simple, simple, simple, nested, st.sampled_from((Unreadable((Decimal(99),)), Unreadable({"a": "b"})))
    )


def grants(permission: SearchStrategy[Permission] | None = None) -> SearchStrategy[Grant]:
    """A grant, most often with few caveats."""
    none: SearchStrategy[list[Caveat]] = st.just([])
    few = st.one_of(none, none, none, st.lists(caveats(), max_size=2))
    return st.builds(Grant, permissions() if permission is None else permission, few.map(tuple))


def authorities(least: int = 0, most: int = 3) -> SearchStrategy[Authority]:
    """An authority of a few grants."""
    return st.lists(grants(), min_size=least, max_size=most).map(lambda listed: Authority(tuple(listed)))


@st.composite
def wider_authority(draw: DrawFn, authority: Authority) -> Authority:
    """An authority that often covers `authority`."""
    listed = [
        Grant(draw(st.just(grant.permission) | wider(grant.permission)), grant.caveats[: draw(st.integers(0, 2))])
        for grant in authority.grants
    ]
    return Authority(tuple(draw(st.permutations([*listed, *draw(st.lists(grants(), max_size=1))]))))


@st.composite
def related(draw: DrawFn, authority: Authority) -> Authority:
    """An authority that shares something with `authority`."""
    listed = [
        draw(grants(st.one_of(st.just(grant.permission), narrower(grant.permission), wider(grant.permission))))
        for grant in authority.grants
    ]
    return Authority((*listed, *draw(st.lists(grants(), max_size=1))))


@functools.cache
@st.composite
def contexts(draw: DrawFn) -> Context:
    """Circumstances in which most conditions hold."""
    name = st.sampled_from(("x",) * 6 + ("y", None))
    names = st.sampled_from((frozenset({"x", "y"}),) * 5 + (frozenset({"x"}), frozenset[str]()))
    return Context(
        Instant(NOW + draw(st.sampled_from((0, 0, 0, -1, 1)))),
        draw(
            st.sampled_from(
                ("10.1.2.3", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "fe80::1%eth0", "nonsense", None)
            )
        ),
        draw(name),
        draw(name),
        draw(names),
        draw(names),
        draw(name),
        draw(names) | {"log"},
    )


def assembled(stated: Mapping[Path, Json]) -> dict[str, Json]:
    """Properties with these values at these paths."""
    properties: dict[str, Any] = {}
    for path, value in stated.items():
        place = properties
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value
    return properties


@st.composite
def accesses(draw: DrawFn, authority: Authority) -> Access:
    """An attempt that a grant of `authority` often covers."""
    listed = [permission for grant in authority.grants for permission in grant.permissions[:1]] or [draw(permissions())]
    aim = draw(st.sampled_from(listed))
    stated: dict[Path, Json] = {limit.path: draw(values_of(limit.domain)) for limit in aim.limits}
    if draw(DIE) == 0:
        bent = draw(PATH)
        stated[bent] = draw(any_value())
    properties = assembled(stated)
    free = draw(st.sampled_from((frozenset[str](), frozenset({"currency", "flag"}), frozenset({"labels", "amount"}))))
    return Access(
        Subject(CredentialId("crd_1"), AgentId("agt_1"), None, draw(st.sampled_from(("x", "x", "y", None)))),  # type: ignore[arg-type]
        Action(aim.action, ActionClass.WRITE),
        draw(resources(aim)),
        draw(contexts()),
        properties,
        free,
    )


@st.composite
def resources(draw: DrawFn, aim: Permission) -> Resource:
    """A resource that `aim` often covers: an id, a batch, a pattern or none."""
    match draw(RESOURCE_KIND):
        case "batch":
            return Resource(aim.type, tuple(draw(st.lists(ids_of(aim.pattern), min_size=2, max_size=3))))
        case "pattern":
            inner = Pattern.of_id(draw(ids_of(aim.pattern)))
            return Resource(aim.type, pattern=str(draw(loosened(inner) | st.just(aim.pattern or inner))))
        case "none":
            return Resource(aim.type)
        case "odd":
            return Resource(aim.type, (draw(st.sampled_from(("", "a//b", "../a", "a\x00", "e\u0301", "a" * 1025))),))
        case _:
            return Resource(aim.type, (draw(ids_of(aim.pattern)),))


@st.composite
def parts_of(draw: DrawFn, access: Access) -> PartialAccess:
    """What is known of `access` when not everything is."""
    hidden = frozenset(draw(st.sets(st.sampled_from([*access.properties, "amount"]))))
    context = access.context
    return PartialAccess(
        access.subject if draw(COIN) else Subject(access.subject.credential, access.subject.agent),
        access.action,
        access.resource.type,
        access.resource if draw(COIN) else UNKNOWN,
        Context(
            context.at,
            draw(st.sampled_from((context.source, None))),
            draw(st.sampled_from((context.audience, None))),
            draw(st.sampled_from((context.proof_key, None))),
            context.attested,
            draw(st.sampled_from((context.approved_by, frozenset[str]()))),
            draw(st.sampled_from((context.purpose, None))),
            context.honoured,
        ),
        {name: value for name, value in access.properties.items() if name not in hidden},
        hidden if draw(COIN) else UNKNOWN,
        access.free,
    )


def malformed(text: str) -> bool:
    """Whether `text` is refused as a permission."""
    try:
        Permission.parse(text)
    except Malformed:
        return True
    return False
