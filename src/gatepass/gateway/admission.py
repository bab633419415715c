"""The numbered steps between a request and a system behind us. The order is the security argument.

    1 head        what is asked of which upstream, under which credential; nothing of the body is read
    2 verify      the credential: ours, a machine's, unexpired
    3 live        neither it nor anything above it is withdrawn
    4 attempts    its rate of attempts, which denials count against
    5 access      the surface reads what its mapping needs and builds the `Access`
    6 authority   a grant of the credential covers it, no caveat vetoes       ┐ one function,
    7 policy      the agent's role covers it too, now                         ┘ `policy.decide`
    8 approval    where a person has to be asked
    9 reserve     every meter at once, or none
   10 journal     intent with its reservations, durable before a mutating call leaves the house
   11 inject      step 3 once more; then, and only then, the secret
   12 forward     the surface sends, relays and redacts
   13 settle      meters are given back only if no byte left the house; the outcome is journalled

A surface calls `meet` (1 to 4), builds the access (5), calls `admit` (6 to 10), `Passage.inject` (11),
forwards (12), and `Passage.finish` (13). It has no other way to a secret. Every refusal is journalled
here before it is raised, and carries its decision id in `details`.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gatepass.access import (
    Access,
    Action,
    ActionClass,
    CredentialId,
    Decision,
    DecisionId,
    Instant,
    Outcome,
    PartialAccess,
    Reservation,
    Resource,
    Veto,
)
from gatepass.audit import Journal
from gatepass.credentials import new_id
from gatepass.credentials.proofs import Proof
from gatepass.errors import (
    Conflict,
    Denied,
    Error,
    LimitExceeded,
    Malformed,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from gatepass.gateway.callers import Caller, described, entry_of, said_of
from gatepass.gateway.passage import Passage, withdrawn
from gatepass.gateway.requests import Request
from gatepass.gateway.snapshot import Served, Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.gateway.verifying import Holding
from gatepass.gateway.verifying.opaque import Refused, no_credential, verify_opaque
from gatepass.gateway.verifying.passes import Passes, Verified
from gatepass.gateway.verifying.presented import Presented, Scheme, Shape, presented
from gatepass.limits import Drawn, Exhausted, Ledger, Level, attempts, drawn_by_call, rate_limit_fields
from gatepass.policy import RolePolicy, decide, may
from gatepass.registry import Agent
from gatepass.vault import Custody

__all__ = ["Admission", "denial_of", "exhausted", "meters_of"]

CHALLENGED: Final = frozenset({"scope_missing", "proof_required"})
"""Codes of denials that another credential would mend, and that say so in a challenge."""

Challenged = TypeVar("Challenged", bound=Error)


@dataclass(slots=True, kw_only=True)
class Admission:
    """Steps 1 to 11 and 13, for every surface."""

    snapshot: Snapshot
    ledger: Ledger
    journal: Journal
    custody: Custody
    clock: Callable[[], Instant]
    entropy: Callable[[int], bytes]
    digest: Callable[[bytes], str]
    """Keyed digest of canonical arguments, for the journal."""
    strangers: Strangers
    passes: Passes | None = None
    """What verifies access tokens and capabilities; without it, none is taken."""
    leaked: Callable[[str], Awaitable[None]] | None = None
    """Withdraws what was shown to the wrong place: a capability in the form that carries its key."""

    async def meet(self, request: Request, surface: str) -> Caller:
        """Steps 1 to 4: who is this, and may it speak at all? Nothing of the body has been read."""
        sent = self._head(request, surface)  # (1)
        verified = await self._verify(sent, request, surface)  # (2)
        caller = self.caller(verified.holding, request, surface, self._number(), verified.proof_key)
        self._live(caller)  # (3)
        levels = await self._attempts(caller)  # (4)
        if verified.proof is not None:
            await self._first_use(caller, verified.proof, sent.scheme)  # (2) once more: a claim is a write
        return caller.drew(levels, self._served(caller))

    async def refuse(self, caller: Caller, error: Error, *, action: str = "", resource: str = "") -> Error:
        """Journal a denial that the surface found in step 5, and hand back the error to raise."""
        self._denied(caller, error, {"action": action or None, "resource": resource or None})
        return described(error, caller)

    async def admit(self, caller: Caller, access: Access, *, arguments: bytes = b"") -> Passage:
        """Steps 6 to 10: may this caller do exactly this, now? Raises the one reason why not.

        A body may have taken its time: token, role and upstream are looked up again, so that nobody keeps
        an authority that was narrowed meanwhile by sending slowly.
        """
        caller = self._renewed(caller)
        decision = decide(caller.credential, caller.holding.limits.classes, caller.role, access)  # (6, 7)
        intent = self._intent(access, arguments)
        if decision.outcome is not Outcome.PERMIT:
            error = denial_of(decision, access)  # (8)
            raise self._denied(caller, error, {**intent, "because": decision.because, "faults": decision.faults})
        now = self.clock()
        try:
            drawn = await self.ledger.draw((*meters_of(caller, access), *decision.reservations), now)  # (9)
        except Error as error:  # an amount that cannot be counted, or a ledger that cannot count
            raise self._denied(caller, error, intent) from None
        if isinstance(drawn, Exhausted):
            raise self._denied(caller, exhausted(drawn), intent)
        permitted = entry_of(
            caller,
            at=now,
            outcome=Outcome.PERMIT,
            code=decision.code,
            because=decision.because,
            reservations=drawn.reservations,
            **intent,
        )
        passage = Passage(
            caller=caller.drew((*caller.levels, *drawn.levels), caller.served),
            access=access,
            drawn=drawn,
            admission=self,
        )
        await passage.open(permitted)  # (10)
        return passage

    def consult(self, caller: Caller) -> Passage:
        """Way to what an upstream says of itself: its protocol, its lists. Ended with `Passage.leave`.

        No access is decided, because none is asked for yet: the surface hands out only what `may` says of each
        item, and journals that it did with `listed`.
        """
        access = Access(caller.subject, Action("consult", ActionClass.READ), Resource("mcp"), caller.context)
        passage = Passage(caller=caller, access=access, drawn=Drawn((), (), caller.at), admission=self)
        passage.watch()
        return passage

    async def listed(self, caller: Caller, method: str, shown: int, hidden: int) -> None:
        """Journal that `shown` of an upstream's things were listed to the caller and `hidden` were not."""
        details = {"method": method, "shown": str(shown), "hidden": str(hidden)}
        now = self.clock()
        self.journal.append(
            entry_of(caller, at=now, event="call.listed", outcome=Outcome.PERMIT, code="ok", details=details)
        )

    def may(self, caller: Caller, partial: PartialAccess) -> bool:
        """Whether some completion of `partial` could be permitted: what lists ask."""
        return may(caller.credential, caller.holding.limits.classes, caller.role, partial)

    def tick(self) -> None:
        """Write the summary of failed verifications once its minute is over. Called now and then."""
        for entry in self.strangers.turn(self.clock()):
            self.journal.append(entry)

    def stranger(self, event: str, code: str, source: str | None, credential: CredentialId | None) -> None:
        """Count one failed verification; many of them make one line in the journal."""
        for entry in self.strangers.count(event, code, source, credential, self.clock()):
            self.journal.append(entry)

    def close(self) -> None:
        """Write what was counted and not written yet. The last thing that is done with an admission."""
        for entry in self.strangers.close(self.clock()):
            self.journal.append(entry)

    # -- the steps

    def _head(self, request: Request, surface: str) -> Presented:
        """(1) exactly one credential, in the one place for it."""
        try:
            return presented(request.headers)
        except Unauthenticated as raised:
            failure = raised
        except Malformed as malformed:
            failure = Unauthenticated("credential_invalid", malformed.message)
        raise self._stranger(request, self._challenged(failure, request, surface))

    async def _verify(self, sent: Presented, request: Request, surface: str) -> Verified:
        """(2) ours, a machine's, within its life, for this surface, and proven where it is bound to a key."""
        try:
            if sent.shape is Shape.OPAQUE or self.passes is None:
                return Verified(await verify_opaque(sent, self.snapshot, self.clock()))
            return await self.passes.verify(sent, request, surface, self.clock())
        except Refused as refused:
            failure, known = refused.error, refused.credential
        except Malformed as malformed:
            failure, known = no_credential(malformed), None
            if malformed.code == "capability_carries_key" and self.leaked is not None:
                with suppress(Error):  # what cannot be withdrawn is refused all the same
                    await self.leaked(sent.text)
        except Unauthenticated as raised:
            failure, known = raised, None
        raise self._stranger(request, self._challenged(failure, request, surface, sent.scheme), known)

    async def _first_use(self, caller: Caller, proof: Proof, scheme: Scheme) -> None:
        """The proof comes for the first time, to whatever process: claimed on the disk before the call goes on."""
        assert self.passes is not None  # noqa: S101  it verified the proof
        try:
            await self.passes.first_use(proof)
        except Unauthenticated as error:
            challenged = self._challenged(error, caller.request, caller.surface, scheme)
            raise self._stranger(caller.request, challenged, caller.credential.id) from None
        except Unavailable as error:
            raise self._denied(caller, error) from None

    def _challenged(
        self, error: Challenged, request: Request, surface: str, scheme: Scheme | None = None
    ) -> Challenged:
        """The error, with what its challenge says: the scheme that was used, and where the surface is described."""
        metadata = None if self.passes is None else self.passes.metadata(request, surface)
        said = {"scheme": scheme, "resource_metadata": metadata}
        error.details = {**error.details, **{name: value for name, value in said.items() if value}}
        return error

    def caller(
        self, holding: Holding, request: Request, surface: str, decision: DecisionId, proof_key: str | None = None
    ) -> Caller:
        """The holder of a verified credential, as agent and role stand now."""
        agent, role = self._standing(holding)
        return Caller(
            holding=holding,
            agent=agent,
            role=role,
            run=self.snapshot.runs.get(run) if (run := holding.credential.run) else None,
            served=None,
            request=request,
            surface=surface,
            decision=decision,
            at=self.clock(),
            said=said_of(holding, role, request, surface),
            proof_key=proof_key,
            audience=None if self.passes is None else self.passes.audience(surface, request.upstream),
        )

    def _standing(self, holding: Holding) -> tuple[Agent | None, RolePolicy | None]:
        """The agent and its role, as they are now."""
        agent = self.snapshot.agents.get(holding.agent) if holding.agent else None
        return agent, self.snapshot.roles.get(agent.role) if agent else None

    def _number(self) -> DecisionId:
        return DecisionId(new_id("dec", self.clock(), self.entropy))

    def _live(self, caller: Caller) -> None:
        """(3) neither the credential nor anything above it is withdrawn, and its run is one that we know."""
        if caller.run is None and caller.credential.run is not None:
            error = Unauthenticated("credential_invalid", "the credential's run is over, or not known here")
            raise self._fallen(caller, error)
        if veto := self.snapshot.live.check(caller.credential.id, caller.request.upstream):
            raise self._fallen(caller, withdrawn(veto))

    def _fallen(self, caller: Caller, error: Error) -> Error:
        self._challenged(error, caller.request, caller.surface, caller.scheme)
        return self._stranger(caller.request, error, caller.credential.id)

    async def _attempts(self, caller: Caller) -> tuple[Level, ...]:
        """(4) every presentation counts, whatever comes of it."""
        rate = caller.holding.limits.attempts
        drawn = await self.ledger.draw((attempts(caller.holding.meters, rate.count, rate.period),), caller.at)
        if isinstance(drawn, Exhausted):
            error = exhausted(drawn)
            self.stranger("attempts.throttled", error.code, caller.request.source, caller.credential.id)
            raise described(error, caller.drew((drawn.level,), None))
        return drawn.levels

    def _renewed(self, caller: Caller) -> Caller:
        """The caller as it stands now, if it still stands."""
        holding = self.snapshot.holding(caller.credential.id)
        veto = holding.refusal(self.clock()) if holding else Veto("credential_invalid", "the token has expired")
        if holding is None or veto:
            gone = Unauthenticated("credential_invalid", veto.detail if veto else "the token has expired")
            raise self._denied(caller, gone)
        if self.snapshot.upstreams.get(caller.request.upstream) is not caller.served:
            error = Conflict("upstream_changed", f"upstream `{caller.request.upstream}` changed during the request")
            raise self._denied(caller, error)
        self._live(caller)
        # Whatever a change replaces is another object afterwards; what is the same object has not changed.
        agent, role = self._standing(holding)
        if holding is caller.holding and agent is caller.agent and role is caller.role:
            return caller
        renewed = self.caller(holding, caller.request, caller.surface, caller.decision, caller.proof_key)
        return renewed.drew(caller.levels, caller.served)

    def _served(self, caller: Caller) -> Served:
        served = self.snapshot.upstreams.get(caller.request.upstream)
        if served is None or served.upstream.disabled is not None:
            error = NotFound("upstream_unknown", f"there is no upstream `{caller.request.upstream[:64]}`")
            raise self._denied(caller, error)
        return served

    # -- what is written down

    def _intent(self, access: Access, arguments: bytes) -> dict[str, Any]:
        """What an entry says of the attempt."""
        free = access.free
        return {
            "action": f"{access.resource.type}:{access.action.name}",
            "action_class": access.action.kind.value,
            "resource": access.resource.pattern or ",".join(access.resource.ids) or None,
            "properties": {name: value for name, value in access.properties.items() if name not in free},
            "digest": self.digest(arguments),
        }

    def _denied(self, caller: Caller, error: Error, attempt: Mapping[str, Any] | None = None) -> Error:
        if isinstance(error, Unauthenticated) or error.code in CHALLENGED:
            self._challenged(error, caller.request, caller.surface, caller.scheme)
        entry = entry_of(caller, at=self.clock(), outcome=Outcome.DENY, code=error.code, **(attempt or {}))
        self.journal.append(entry)
        return described(error, caller)

    def _stranger(self, request: Request, error: Error, credential: CredentialId | None = None) -> Error:
        self.stranger("credential.refused", error.code, request.source, credential)
        return error


def meters_of(caller: Caller, access: Access) -> tuple[Reservation, ...]:
    """The meters of the token itself, and of its run, that this access would draw."""
    limits = caller.holding.limits
    of_run = caller.run.drawn_by(access) if caller.run is not None else ()
    return of_run + drawn_by_call(
        caller.holding.meters,
        access.action.kind,
        calls=(limits.calls.count, limits.calls.period),
        writes_per_minute=limits.writes_per_minute,
        requests_per_day=limits.requests_per_day,
    )


def denial_of(decision: Decision, access: Access) -> Denied:
    """A decision that is no permit, as the error to raise. What waits for a person cannot be asked for yet."""
    code = "approval_unavailable" if decision.outcome is Outcome.STEP_UP else decision.code
    missing = {"missing_scope": decision.missing_scope} if decision.missing_scope else {}
    return Denied(code, _sentence(code, access), details=missing)


def _sentence(code: str, access: Access) -> str:
    what = f"`{access.resource.type}:{access.action.name}`"
    touched = access.resource.pattern or ", ".join(access.resource.ids[:3])
    on = f" on `{touched}`" if touched else ""
    return f"{what}{on} is not permitted: {_REASONS.get(code, code.replace('_', ' '))}"


_REASONS: Final = {
    "scope_missing": "no scope of the token covers it",
    "role_forbids": "the agent's role does not cover it",
    "caveat_veto": "a condition of the token does not hold",
    "proof_required": "it goes beyond reading, and no key was proven",
    "approval_unavailable": "it waits for a person, and none can be asked yet",
}


def exhausted(drawn: Exhausted) -> LimitExceeded:
    """A meter that has too little left, as the error to raise."""
    reservation = drawn.level.reservation
    name = reservation.meter.rpartition("/")[2]
    code = "limit_exceeded" if drawn.retry_after is not None else "budget_exceeded"
    return LimitExceeded(
        code,
        f"`{name}` is used up: {drawn.level.remaining} of {reservation.limit} left, {reservation.cost} needed",
        retry_after=drawn.retry_after,
        details=rate_limit_fields((drawn.level,)),
    )
