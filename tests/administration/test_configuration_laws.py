"""Laws of files as configuration: applying twice is applying once, and an export that is applied changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.administration.configurations import applied, exported, planned, sources
from tests.administration.world import World, opened

from gatepass.administration.configuration import Missing, Plan
from gatepass.administration.configuration.files.reading import read_folder
from gatepass.administration.configuration.files.shapes import (
    AgentFile,
    InjectionSaid,
    LimitsSaid,
    RoleFile,
    UpstreamFile,
)
from gatepass.administration.configuration.files.writing import text_of

NAMES = ("a", "bot-1", "c.d", "null", "no", "12", "1e5", "on")
names = st.sampled_from(NAMES)
spans = st.integers(1, 400 * 24).map(lambda hours: f"{hours}h") | st.sampled_from(["90s", "60m", "24h", "7d"])
rates = st.builds("{}/{}".format, st.integers(1, 20), st.sampled_from(["1s", "60s", "1m", "90s", "1h", "1d"]))
counts = st.none() | st.integers(1, 10**9)
classes = st.none() | st.permutations(["read", "write", "delete"]).map(tuple)
limits = st.builds(
    LimitsSaid, attempts=st.none() | rates, calls=st.none() | rates, writes_per_minute=counts, requests_per_day=counts,
    classes=classes,
)  # fmt: skip
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
places = st.none() | st.builds(
    InjectionSaid, kind=st.sampled_from(["header", "query"]), name=st.sampled_from(["X-Key", "key", "no"]), prefix=texts
)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


def operations(name: str) -> str:
    """Types are one upstream's: each file has its own."""
    kind = "t" + name.replace(".", "-")
    return (
        f"types:\n  {kind}:\n    actions:\n      read: {{class: read}}\n      write: {{class: write}}\nrest:\n"
        f'  - {{match: "GET /{{id}}", action: "{kind}:read", resource: path.id}}\n'
    )


@st.composite
def upstreams(draw: st.DrawFn) -> UpstreamFile:
    place = draw(places)
    secret = draw(st.none() | names) if place else None
    private = draw(st.booleans())
    if draw(st.booleans()):
        command = tuple(draw(st.lists(words, min_size=1, max_size=4)))
        return UpstreamFile(kind="mcp-stdio", command=command, allow_private=private)
    target = f"https://{draw(st.sampled_from(['x', 'y']))}.example/{draw(st.sampled_from(['', 'v1']))}"
    kinds: list[Literal["rest", "mcp-http"]] = ["rest", "mcp-http"]
    return UpstreamFile(
        kind=draw(st.sampled_from(kinds)), target=target, secret=secret, injection=place, allow_private=private
    )


@st.composite
def folders(draw: st.DrawFn) -> dict[str, str]:
    there = draw(st.dictionaries(names, upstreams(), min_size=1, max_size=3))
    kinds = ["t" + name.replace(".", "-") for name in there]
    scopes = st.sampled_from([f"{kind}:{rest}" for kind in kinds for rest in ("read:*", "write:x", "read:y-1", "*:*")])
    lists = st.lists(scopes, min_size=1, max_size=3).map(tuple)
    shapes = st.builds(RoleFile, scopes=lists, asks_person=st.just(()) | lists, max_lifetime=st.none() | spans)
    roles = draw(st.dictionaries(names, shapes, max_size=3))
    files = {f"upstreams/{name}.yaml": text_of("upstreams", shape) for name, shape in there.items()}
    files |= {f"operations/{name}.yaml": operations(name) for name in there}
    files |= {f"roles/{name}.yaml": text_of("roles", shape) for name, shape in roles.items()}
    if roles:
        agents = st.builds(AgentFile, role=st.sampled_from(sorted(roles)), owner=st.just("ada"), limits=limits)
        made = draw(st.dictionaries(names, agents, max_size=3))
        files |= {f"agents/{name}.yaml": text_of("agents", shape) for name, shape in made.items()}
    return files


def run(story: Callable[[World], Awaitable[None]]) -> None:
    async def told() -> None:
        await story(await opened())

    asyncio.run(told())


slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(folders())
def test_what_is_written_is_read_back(files: Mapping[str, str]) -> None:
    folder = read_folder(sources(files))
    assert folder.faults == ()
    agents = {each.path: text_of("agents", each.shape) for each in folder.agents.values()}
    roles = {each.path: text_of("roles", each.shape) for each in folder.roles.values()}
    there = {each.path: text_of("upstreams", each.shape) for each in folder.upstreams.values()}
    assert {**agents, **roles, **there} == {
        path: text for path, text in files.items() if not path.startswith("operations/")
    }


@slow
@given(folders(), folders(), st.sampled_from(Missing))
def test_applying_twice_is_applying_once(first: Mapping[str, str], then: Mapping[str, str], missing: Missing) -> None:
    async def story(world: World) -> None:
        await applied(world, first)
        plan = await planned(world, then, missing)
        if plan.faults:  # two upstreams that declare one type, or a role that something still acts in
            assert plan.changes == ()
            return
        await applied(world, then, missing)
        assert (await planned(world, then, missing)).changes == ()
        if missing is not Missing.LEAVE:
            assert all(not path.startswith("agents/") or path in then for path in await exported(world, managed=True))

    run(story)


@slow
@given(folders())
def test_an_export_that_is_applied_changes_nothing_and_is_the_same_again(files: Mapping[str, str]) -> None:
    async def story(world: World) -> None:
        await applied(world, files)
        written = await exported(world)
        assert set(written) == set(files)
        assert (await planned(world, written)).changes == ()
        elsewhere = await opened()
        await applied(elsewhere, written)
        again = await exported(elsewhere)
        assert {path: text for path, text in again.items() if not path.startswith("upstreams/")} == {
            path: text for path, text in written.items() if not path.startswith("upstreams/")
        }
        assert (await planned(elsewhere, files)).changes == ()

    run(story)


@slow
@given(folders(), folders())
def test_a_fingerprint_is_that_of_the_plan(first: Mapping[str, str], then: Mapping[str, str]) -> None:
    async def story(world: World) -> None:
        one, two = await planned(world, first), await planned(world, then)
        assert one.fingerprint == (await planned(world, dict(reversed(list(first.items()))))).fingerprint
        assert (one.fingerprint == two.fingerprint) == (said(one) == said(two))

    run(story)


def said(plan: Plan) -> object:
    return [(change.kind, change.name, change.step, change.members, change.says) for change in plan.changes]
