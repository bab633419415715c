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

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

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
from gatepass.audit import Entry, Journal
from gatepass.credentials import TokenKind, TokenRecord, UnverifiedToken, new_id, refusal
from gatepass.errors import Conflict, Denied, Error, LimitExceeded, Malformed, NotFound, Unauthenticated
from gatepass.gateway.callers import Caller, denial_entry, described
from gatepass.gateway.passage import Passage, withdrawn
from gatepass.gateway.requests import Request
from gatepass.gateway.snapshot import Served, Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.limits import Drawn, Exhausted, Ledger, Level, attempts, drawn_by_call, rate_limit_fields
from gatepass.policy import decide, may
from gatepass.vault import Custody

__all__ = ["Admission", "denial_of", "exhausted", "meters_of"]

HEARTBEAT: Final = 0.25
"""Seconds that a caller waits whose token id nobody has heard of yet."""

NOBODY: Final = bytes(32)
"""Compared against when the token is unknown, so that the answer takes as long."""


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

    async def meet(self, request: Request, surface: str) -> Caller:
        """Steps 1 to 4: who is this, and may it speak at all? Nothing of the body has been read."""
        token = await self._head(request)  # (1)
        record = await self._verify(token, request)  # (2)
        caller = self.caller(record, request, surface, self._number())
        self._live(caller)  # (3)
        levels = await self._attempts(caller)  # (4)
        return replace(caller, levels=levels, served=self._served(caller))

    async def refuse(self, caller: Caller, error: Error, *, action: str = "", resource: str = "") -> Error:
        """Journal a denial that the surface found in step 5, and hand back the error to raise."""
        entry = denial_entry(caller, error.code, at=self.clock())
        self.journal.append(replace(entry, action=action or None, resource=resource or None))
        return described(error, caller)

    async def admit(self, caller: Caller, access: Access, *, arguments: bytes = b"") -> Passage:
        """Steps 6 to 10: may this caller do exactly this, now? Raises the one reason why not.

        A body may have taken its time: token, role and upstream are looked up again, so that nobody keeps
        an authority that was narrowed meanwhile by sending slowly.
        """
        caller = self._renewed(caller)
        decision = decide(caller.credential, caller.record.limits.classes, caller.role, access)  # (6, 7)
        intent = self._intent(caller, access, arguments)
        if decision.outcome is not Outcome.PERMIT:
            error = denial_of(decision, access)  # (8)
            raise self._denied(caller, error, replace(intent, because=decision.because, faults=decision.faults))
        try:
            drawn = await self.ledger.draw((*meters_of(caller, access), *decision.reservations), caller.at)  # (9)
        except Error as error:  # an amount that cannot be counted, or a ledger that cannot count
            raise self._denied(caller, error, intent) from None
        if isinstance(drawn, Exhausted):
            raise self._denied(caller, exhausted(drawn), intent)
        intent = replace(
            intent,
            outcome=Outcome.PERMIT,
            code=decision.code,
            because=decision.because,
            reservations=drawn.reservations,
        )
        passage = Passage(
            caller=replace(caller, levels=(*caller.levels, *drawn.levels)),
            access=access,
            drawn=drawn,
            admission=self,
        )
        await passage.open(intent)  # (10)
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
        self.journal.append(
            replace(
                denial_entry(caller, "ok", at=self.clock()),
                event="call.listed",
                outcome=Outcome.PERMIT,
                details={"method": method, "shown": str(shown), "hidden": str(hidden)},
            )
        )

    def may(self, caller: Caller, partial: PartialAccess) -> bool:
        """Whether some completion of `partial` could be permitted: what lists ask."""
        return may(caller.credential, caller.record.limits.classes, caller.role, partial)

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

    async def _head(self, request: Request) -> UnverifiedToken:
        """(1) exactly one credential, in the one place for it."""
        presented = [value for name, value in request.headers if name == b"authorization"]
        if not presented:
            raise self._stranger(request, Unauthenticated("credential_missing", "no credential was sent"))
        scheme, _, text = presented[0].partition(b" ")
        if len(presented) > 1 or scheme.lower() != b"bearer":
            error = Unauthenticated("credential_invalid", "the credential was not sent as one bearer token")
            raise self._stranger(request, error)
        try:
            return UnverifiedToken.parse(text.decode("ascii", "replace").strip())
        except Malformed:
            error = Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
            raise self._stranger(request, error) from None

    async def _verify(self, token: UnverifiedToken, request: Request) -> TokenRecord:
        """(2) ours, a machine's, and within its life."""
        record = await self.snapshot.heard_of(token.credential_id, HEARTBEAT)
        ours = token.matches(record.hash if record else NOBODY)
        if record is None or not ours:
            error = Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn")
            raise self._stranger(request, error)
        if record.kind is not TokenKind.MACHINE:
            error = Unauthenticated("machine_required", "a person's token was sent where a machine's is needed")
            raise self._stranger(request, error, record.id)
        if veto := refusal(record, self.clock()):
            raise self._stranger(request, Unauthenticated("credential_invalid", veto.detail), record.id)
        return record

    def caller(self, record: TokenRecord, request: Request, surface: str, decision: DecisionId) -> Caller:
        """The verified holder of `record`'s token, as agent and role stand now."""
        agent = self.snapshot.agents.get(record.agent) if record.agent else None
        return Caller(
            record=record,
            credential=self.snapshot.credentials[record.id],
            agent=agent,
            role=self.snapshot.roles.get(agent.role) if agent else None,
            served=None,
            request=request,
            surface=surface,
            decision=decision,
            at=self.clock(),
        )

    def _number(self) -> DecisionId:
        return DecisionId(new_id("dec", self.clock(), self.entropy))

    def _live(self, caller: Caller) -> None:
        """(3) neither the credential nor anything above it is withdrawn."""
        if veto := self.snapshot.live.check(caller.credential.id, caller.request.upstream):
            raise self._stranger(caller.request, withdrawn(veto), caller.credential.id)

    async def _attempts(self, caller: Caller) -> tuple[Level, ...]:
        """(4) every presentation counts, whatever comes of it."""
        rate = caller.record.limits.attempts
        drawn = await self.ledger.draw((attempts(caller.record.meters, rate.count, rate.period),), caller.at)
        if isinstance(drawn, Exhausted):
            error = exhausted(drawn)
            self.stranger("attempts.throttled", error.code, caller.request.source, caller.credential.id)
            raise described(error, replace(caller, levels=(drawn.level,)))
        return drawn.levels

    def _renewed(self, caller: Caller) -> Caller:
        """The caller as it stands now, if it still stands."""
        record = self.snapshot.tokens.get(caller.credential.id)
        now = self.clock()
        veto = refusal(record, now) if record else Veto("credential_invalid", "the token has expired")
        if record is None or veto:
            gone = Unauthenticated("credential_invalid", veto.detail if veto else "the token has expired")
            raise self._denied(caller, gone, self._blank(caller))
        if self.snapshot.upstreams.get(caller.request.upstream) is not caller.served:
            error = Conflict("upstream_changed", f"upstream `{caller.request.upstream}` changed during the request")
            raise self._denied(caller, error, self._blank(caller))
        renewed = self.caller(record, caller.request, caller.surface, caller.decision)
        self._live(renewed)
        return replace(renewed, levels=caller.levels, served=caller.served)

    def _served(self, caller: Caller) -> Served:
        served = self.snapshot.upstreams.get(caller.request.upstream)
        if served is None or served.upstream.disabled is not None:
            error = NotFound("upstream_unknown", f"there is no upstream `{caller.request.upstream[:64]}`")
            raise self._denied(caller, error, self._blank(caller))
        return served

    # -- what is written down

    def _blank(self, caller: Caller) -> Entry:
        return denial_entry(caller, "ok", at=self.clock())

    def _intent(self, caller: Caller, access: Access, arguments: bytes) -> Entry:
        return replace(
            self._blank(caller),
            action=f"{access.resource.type}:{access.action.name}",
            action_class=access.action.kind.value,
            resource=access.resource.pattern or ",".join(access.resource.ids) or None,
            properties={name: value for name, value in access.properties.items() if name not in access.free},
            digest=self.digest(arguments),
        )

    def _denied(self, caller: Caller, error: Error, entry: Entry) -> Error:
        self.journal.append(replace(entry, outcome=Outcome.DENY, code=error.code))
        return described(error, caller)

    def _stranger(self, request: Request, error: Error, credential: CredentialId | None = None) -> Error:
        self.stranger("credential.refused", error.code, request.source, credential)
        return error


def meters_of(caller: Caller, access: Access) -> tuple[Reservation, ...]:
    """The token's own meters that this access would draw."""
    limits = caller.record.limits
    return drawn_by_call(
        caller.record.meters,
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
