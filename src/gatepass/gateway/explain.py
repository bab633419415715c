"""What would happen, and why, without calling anybody.

The steps are those of admission, taken in the same order by the same functions: the surfaces' own reading of a
request, `policy.decide`, the meters that a call would draw. Nothing is drawn, journalled as a call, or sent;
the steps after the first refusal are not reached, as in a call.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass import exact
from gatepass.access import Access, CredentialId, DecisionId, Json, Outcome
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, NotFound, Unauthenticated
from gatepass.gateway.admission import Admission, denial_of, exhausted, meters_of
from gatepass.gateway.callers import Caller
from gatepass.gateway.forwarding.door import Patience
from gatepass.gateway.operations import McpOperation
from gatepass.gateway.requests import Request
from gatepass.gateway.rest.reading import Reading
from gatepass.gateway.snapshot import Served
from gatepass.limits import Exhausted, Level
from gatepass.policy import decide

__all__ = ["Explainer"]

_REST: Final = frozenset({"upstream", "method", "path", "query", "body"})
_TOOL: Final = frozenset({"upstream", "tool", "arguments"})
_RESOURCE: Final = frozenset({"upstream", "resource"})
_PROMPT: Final = frozenset({"upstream", "prompt", "arguments"})
_SHAPES: Final = "an attempt has `upstream`, and either `method` and `path`, or `tool`, `resource` or `prompt`"


@dataclass(slots=True)
class _Trace:
    """The steps taken so far."""

    steps: list[Json] = field(default_factory=list)
    access: Access | None = None
    because: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()

    def took(self, number: int, name: str, detail: str) -> None:
        self.steps.append({"step": str(number), "name": name, "result": "passed", "detail": detail})


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains attempts of tokens."""

    admission: Admission

    async def explain(self, token: CredentialId, attempt: Mapping[str, Json]) -> Json:
        """The whole trace. Raises `Malformed` for an attempt in no known shape; every other refusal is the answer."""
        trace = _Trace()
        try:
            await self._steps(token, _shaped(attempt), trace)
        except Error as error:
            trace.steps.append({"step": str(_reached(trace)), "name": "refused", "result": error.code})
            return {**_told(trace), "outcome": "deny", "code": error.code, "message": error.message, **_more(error)}
        return {**_told(trace), "outcome": "permit", "code": "ok"}

    async def _steps(self, token: CredentialId, attempt: Mapping[str, Json], trace: _Trace) -> None:
        upstream = str(attempt["upstream"])
        caller = self._verified(token, upstream, "rest" if "method" in attempt else "mcp", trace)
        served = self._served(caller, trace)
        access = await _access(caller, served, attempt)
        trace.access = access
        trace.took(5, "access", f"`{access.resource.type}:{access.action.name}` of class {access.action.kind}")
        decision = decide(caller.credential, caller.holding.limits.classes, caller.role, access)
        trace.because, trace.faults = decision.because, decision.faults
        if decision.outcome is not Outcome.PERMIT:
            raise denial_of(decision, access)
        trace.took(7, "policy", "the token's authority and its role's both cover it")
        drawn = (*meters_of(caller, access), *decision.reservations)
        trace.levels = await self.admission.ledger.levels(drawn, caller.at)
        for level in trace.levels:
            if level.remaining < level.reservation.cost:
                raise exhausted(Exhausted(level, level.reset))
        trace.took(9, "reserve", "every meter has enough left")

    def _verified(self, token: CredentialId, upstream: str, surface: str, trace: _Trace) -> Caller:
        holding = self.admission.snapshot.holding(token)
        if holding is None:
            raise Unauthenticated("credential_invalid", "the token is unknown, or its life is over")
        if veto := holding.refusal(self.admission.clock()):
            raise Unauthenticated("credential_invalid", veto.detail)
        trace.took(2, "verify", "the token is alive")
        request = Request("GET", upstream, b"/", b"", (), "", _pieces(b""))
        caller = self.admission.caller(holding, request, surface, DecisionId("explained"), holding.credential.binding)
        if veto := self.admission.snapshot.live.check(token, upstream):
            raise Unauthenticated("credential_invalid", veto.detail)
        trace.took(3, "live", "nothing above it is withdrawn")
        return caller

    def _served(self, caller: Caller, trace: _Trace) -> Served:
        served = self.admission.snapshot.upstreams.get(caller.request.upstream)
        if served is None:
            raise NotFound("upstream_unknown", f"there is no upstream `{caller.request.upstream[:64]}`")
        trace.took(4, "upstream", f"`{served.upstream.name}` is served")
        return served


def _shaped(attempt: Mapping[str, Json]) -> Mapping[str, Json]:
    names = frozenset(attempt)
    rest = {"upstream", "method", "path"} <= names <= _REST
    mcp = any(shape >= names >= shape - {"arguments"} for shape in (_TOOL, _RESOURCE, _PROMPT))
    texts = all(isinstance(attempt[name], str) for name in names - {"arguments", "body"})
    if not (rest or mcp) or not texts or not isinstance(attempt.get("arguments", {}), Mapping):
        raise Malformed("malformed_request", _SHAPES)
    return attempt


async def _access(caller: Caller, served: Served, attempt: Mapping[str, Json]) -> Access:
    """The access that the attempt would be, read by the surface that would get it."""
    if "method" in attempt:
        body = exact.write(attempt["body"]) if "body" in attempt else b""
        headers = ((b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()))
        request = Request(
            method=str(attempt["method"]),
            upstream=served.upstream.name,
            path=str(attempt["path"]).encode(),
            query=str(attempt.get("query", "")).encode(),
            headers=headers if body else (),
            source="",
            body=_pieces(body),
        )
        return (await Reading(served.operations.rest, served.upstream, request).plan(caller, Patience())).access
    operation, name = _operation(served, attempt)
    if operation is None:
        raise Denied("operation_unmapped", f"{name} is no operation of `{served.upstream.name}` that is mapped")
    arguments = attempt.get("arguments", {})
    parts = operation.parts(arguments if isinstance(arguments, Mapping) else {})
    return Access(
        subject=caller.subject,
        action=operation.action,
        resource=parts.resource,
        context=caller.context,
        properties=parts.properties,
        free=parts.free,
    )


def _operation(served: Served, attempt: Mapping[str, Json]) -> tuple[McpOperation | None, str]:
    operations = served.operations.mcp
    if "tool" in attempt:
        return operations.tool(str(attempt["tool"])), f"tool `{str(attempt['tool'])[:64]}`"
    if "prompt" in attempt:
        return operations.prompt(str(attempt["prompt"])), f"prompt `{str(attempt['prompt'])[:64]}`"
    return operations.resource(str(attempt["resource"])), f"resource `{str(attempt['resource'])[:64]}`"


def _reached(trace: _Trace) -> int:
    """The number of the step that refused: the one after the last that passed."""
    passed = [int(str(step["step"])) for step in trace.steps if isinstance(step, Mapping)]
    following = {2: 3, 3: 4, 4: 5, 5: 6, 7: 9}
    return following.get(passed[-1], 9) if passed else 2


def _told(trace: _Trace) -> dict[str, Json]:
    told: dict[str, Json] = {"steps": tuple(trace.steps), "because": trace.because, "faults": trace.faults}
    if trace.access is not None:
        access = trace.access
        told["access"] = {
            "action": f"{access.resource.type}:{access.action.name}",
            "class": access.action.kind.value,
            "resource": access.resource.pattern or access.resource.ids,
            "properties": access.properties,
        }
    told["limits"] = tuple(
        {
            "meter": level.reservation.meter,
            "limit": level.reservation.limit,
            "remaining": level.remaining,
        }
        for level in trace.levels
    )
    return told


def _more(error: Error) -> dict[str, Json]:
    more: dict[str, Json] = {"hint": error.hint}
    if "missing_scope" in error.details:
        more["missing_scope"] = error.details["missing_scope"]
    if isinstance(error, LimitExceeded) and error.retry_after is not None:
        more["retry_after"] = str(error.retry_after)
    return more


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    yield body
