"""One policy, asked in three ways: what may be called is what is listed, and `explain` says what a call would.

Over random catalogues, mappings, roles, tokens with limits, and arguments.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from tests.gateway.mcp.world import PLENTY, World
from tests.laws.premises import law

from gatepass.access import DecisionId, Json, Outcome
from gatepass.errors import Denied, Malformed
from gatepass.gateway.callers import Caller
from gatepass.gateway.explain import Explainer
from gatepass.gateway.mcp.calls import asked
from gatepass.gateway.mcp.listing import shown
from gatepass.gateway.mcp.wire.eras import Dialect
from gatepass.gateway.mcp.wire.messages import Call
from gatepass.policy import decide

WORLD = World(Path(tempfile.gettempdir()))
"""Never started: nothing here is sent anywhere."""

PROPERTIES = ("amount: number", "user: string", "flag: boolean", "note: {type: string, free: true}")
CLASSES = ("read", "write", "delete")
LIMITS: Mapping[str, tuple[str, ...]] = {
    "amount": ("amount<=50&amount>=0", "amount=#5", "amount<=5&amount>=0"),
    "flag": ("flag=#true", "flag=#true", "flag=#false"),
    "user": ("user=u1", "user=u1|u2", "user!=u2"),
}
IDS = ("x", "x/1", "x/2", "y", "y/1/2")
PATTERNS = ("", ":x", ":x/*", ":*", ":x/1", ":y/*", ":*/1")
NAMES = ("t0", "t1", "t2", "t3")


@dataclass
class Case:
    """A deployment, a token, and one call."""

    operations: str
    role: tuple[str, ...]
    token: tuple[str, ...]
    tool: str
    arguments: dict[str, Json]


def mostly(usual: Any, other: Any, *, of: int = 4) -> Any:
    """`other` about once in `of` times."""
    return st.sampled_from([True] * (of - 1) + [False]).flatmap(lambda is_usual: usual if is_usual else other)


@st.composite
def scopes(draw: DrawFn, declared: Mapping[str, list[str]], wanted: str) -> str:
    """A scope without limits, or one that limits what its action declares (or, now and then, leaves one out)."""
    pattern = draw(mostly(st.sampled_from(("", "", "", ":*", ":x/*")), st.sampled_from(PATTERNS)))
    if draw(st.booleans()):
        return f"docs:{draw(mostly(st.just('*'), st.sampled_from(('read', 'write', 'a0', 'a1', 'a2')), of=2))}{pattern}"
    action = draw(mostly(st.just(wanted), st.sampled_from(sorted(declared))))
    limited = [draw(st.sampled_from(LIMITS[name])) for name in sorted(declared[action]) if name in LIMITS]
    if limited and draw(mostly(st.just(False), st.just(True), of=8)):
        limited.pop()
    return f"docs:{action}{pattern}{'?' if limited else ''}{'&'.join(limited)}"


VALUES: Mapping[str, Any] = {
    "id": mostly(st.sampled_from(("x/1", "x/2")), st.sampled_from(IDS)),
    "amount": mostly(
        st.sampled_from((0, 5, 5, 50)).map(Decimal), st.sampled_from((Decimal(51), Decimal("50.01"), "5", None)), of=8
    ),
    "user": mostly(st.just("u1"), st.sampled_from(("u2", "U1", "")), of=8),
    "flag": mostly(st.just(True), st.sampled_from((False, "true")), of=8),
    "note": st.just("anything"),
}


@st.composite
def cases(draw: DrawFn) -> Case:
    lines = ["types:", "  docs:", "    actions:"]
    declared: dict[str, list[str]] = {}
    for number in range(3):
        some = st.lists(st.sampled_from(PROPERTIES), unique=True, max_size=4)
        chosen = draw(mostly(st.just(list(PROPERTIES)), some, of=3))
        declared[f"a{number}"] = [property_.split(":")[0] for property_ in chosen]
        properties = f", properties: {{{', '.join(chosen)}}}" if chosen else ""
        lines.append(f"      a{number}: {{class: {draw(st.sampled_from(CLASSES))}{properties}}}")
    lines += ["mcp:", "  tools:"]
    takes: dict[str, list[str]] = {}
    acts: dict[str, str] = {}
    for name in NAMES[: draw(st.integers(1, 3))]:
        action = draw(st.sampled_from(sorted(declared)))
        resource = draw(st.sampled_from(("none", "arguments.id", "arguments.id")))
        acts[name] = action
        takes[name] = [*declared[action], *(["id"] if resource != "none" else [])]
        bound = ", ".join(f"{property_}: arguments.{property_}" for property_ in declared[action])
        properties = f", properties: {{{bound}}}" if bound else ""
        lines.append(f'    {name}: {{action: "docs:{action}", resource: {resource}{properties}}}')
    tool = draw(mostly(st.sampled_from(sorted(takes)), st.sampled_from(NAMES), of=8))
    wanted = acts.get(tool, "a0")
    given = draw(mostly(st.just(takes.get(tool, [])), st.lists(st.sampled_from(sorted(VALUES)), unique=True), of=8))
    role = draw(mostly(st.just(["docs:*"]), st.lists(scopes(declared, wanted), max_size=3), of=3))
    return Case(
        operations="\n".join(lines),
        role=tuple(role),
        token=tuple(draw(st.lists(scopes(declared, wanted), min_size=1, max_size=2))),
        tool=tool,
        arguments={name: draw(VALUES[name]) for name in given},
    )


def met(case: Case) -> Caller | None:
    """The caller, or None where the token could not have been issued."""
    WORLD.snapshot.tokens.clear()
    WORLD.snapshot.holdings.clear()
    WORLD.role()
    WORLD.snapshot.faults.clear()
    WORLD.upstream('["true"]', case.operations, secret=None)
    WORLD.role(*case.role)  # what the catalogue does not know grants nothing
    issuable = [scope for scope in case.token if _issuable(scope)]
    if not issuable:
        return None
    held = WORLD.snapshot.holdings[WORLD.credential(WORLD.token(*issuable, limits=PLENTY))]
    return WORLD.admission.caller(held, WORLD.request(None, b""), "mcp", DecisionId("dec_law"))


def _issuable(scope: str) -> bool:
    try:
        WORLD.token(scope)
    except Malformed:
        return False
    return True


def may_call(caller: Caller, case: Case) -> bool:
    served = WORLD.snapshot.upstreams["raw"]
    call = Call(1, "tools/call", {"name": case.tool, "arguments": case.arguments})
    try:
        wanted = asked(call, Dialect("2025-11-25"), caller, served.operations.mcp, WORLD.surface.seal)
    except (Malformed, Denied):
        return False
    decision = decide(caller.credential, caller.holding.limits.classes, caller.role, wanted.access)
    return decision.outcome is Outcome.PERMIT


def listed(caller: Caller) -> set[str]:
    items: tuple[dict[str, Json], ...] = tuple({"name": name, "annotations": {"readOnlyHint": True}} for name in NAMES)
    operations = WORLD.snapshot.upstreams["raw"].operations.mcp
    visible = shown(items, "tools/list", operations, caller, lambda partial: WORLD.admission.may(caller, partial))
    return {str(item["name"]) for item in visible}


def explained(caller: Caller, case: Case) -> bool:
    attempt: dict[str, Json] = {"upstream": "raw", "tool": case.tool, "arguments": case.arguments}
    told = asyncio.run(Explainer(WORLD.admission).explain(caller.credential.id, attempt))
    assert isinstance(told, Mapping)
    return told["outcome"] == "permit"


@law(case=cases())
def test_whatever_may_be_called_is_listed_and_explained_so(case: Case) -> bool:
    caller = met(case)
    if caller is None:
        return False
    permitted = may_call(caller, case)
    assert explained(caller, case) == permitted
    if permitted:
        assert case.tool in listed(caller)
    return permitted


@law(case=cases())
def test_what_is_not_mapped_or_that_nothing_grants_is_not_listed(case: Case) -> bool:
    caller = met(case)
    if caller is None:
        return False
    mapped = set(WORLD.snapshot.upstreams["raw"].operations.mcp.tools)
    visible = listed(caller)
    assert visible <= mapped
    for name in visible:
        operation = WORLD.snapshot.upstreams["raw"].operations.mcp.tool(name)
        assert operation is not None
        assert any(grant.permission.action == operation.action.name for grant in caller.credential.authority.grants)
    return bool(mapped - visible)
