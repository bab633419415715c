"""An admitted call on its way: it can be cut at any moment, yields the secret once, and is settled once.

Steps 10, 11 and 13 of admission. A passage watches for withdrawals from before its intent is written
until it is finished; `withdrawn` is set the moment its credential, or anything above it, falls.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from gatepass.access import Access, ActionClass, Instant, MeterKind, Veto
from gatepass.audit import Entry, Journal, Ticket
from gatepass.errors import Denied, Error, Unauthenticated, Unavailable
from gatepass.gateway.callers import Caller, answer_headers, described, entry_of
from gatepass.gateway.falling import Falling
from gatepass.gateway.requests import Headers
from gatepass.gateway.snapshot import Snapshot
from gatepass.limits import Drawn, Ledger
from gatepass.vault import Custody, Secret

__all__ = ["House", "Passage", "withdrawn"]


class House(Protocol):
    """What a passage needs of the admission that opened it."""

    @property
    def snapshot(self) -> Snapshot:
        """What is alive now."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The meters."""
        ...

    @property
    def journal(self) -> Journal:
        """Where intents and outcomes go."""
        ...

    @property
    def custody(self) -> Custody:
        """The one opener of secrets."""
        ...

    @property
    def clock(self) -> Callable[[], Instant]:
        """The time."""
        ...


@dataclass(slots=True, kw_only=True)
class Passage:
    """One admitted call. Opened by `Admission.admit`; whoever holds it must `finish` it, whatever happens."""

    caller: Caller
    access: Access
    drawn: Drawn
    admission: House
    withdrawn: Falling = field(default_factory=Falling)
    """Set when the call has to be cut at once."""
    _unwatch: Callable[[], None] | None = None
    _intent: Ticket | None = None
    _finished: bool = False

    @property
    def decision(self) -> str:
        """The id that joins the call's entries."""
        return self.caller.decision

    @property
    def headers(self) -> Headers:
        """What the answer says of the decision and the limits."""
        return answer_headers(self.caller)

    async def open(self, intent: Entry) -> None:
        """(10) Watch for withdrawals and write the intent.

        Wait until it is on the disk for a mutating call, and for whatever draws on a total or a quota: those
        are spent for good, so no crash may give them back.
        """
        house = self.admission
        self.watch()
        try:
            self._intent = house.journal.append(intent)
            spends = any(reservation.kind is not MeterKind.RATE for reservation in self.drawn.reservations)
            if spends or self.access.action.kind is not ActionClass.READ:
                await self._intent.durable()
        except BaseException:  # the journal's refusal or a cancellation: nothing has left the house
            with suppress(Unavailable):
                await self.finish(sent=False, error="abandoned")
            raise

    def inject(self) -> Secret | None:
        """(11) Step 3 once more; then the upstream's secret, or None where it wants none. Raises if withdrawn."""
        served = self.caller.served
        assert served is not None  # noqa: S101  a passage exists only for a served upstream
        veto = self.admission.snapshot.live.check(self.caller.credential.id, served.upstream.name)
        if veto or self.withdrawn.is_set():
            veto = veto or Veto("credential_invalid", "the token was withdrawn")
            raise described(withdrawn(veto), self.caller)
        if served.upstream.secret is None:
            return None
        sealed = self.admission.snapshot.secrets.get(served.upstream.secret)
        if sealed is None:
            message = f"the secret of upstream `{served.upstream.name}` is missing"
            raise described(Unavailable("secret_missing", message), self.caller)
        return self.admission.custody.open(sealed, served.upstream)

    async def finish(
        self, *, status: int | None = None, bytes_out: int = 0, sent: bool, error: str | None = None
    ) -> None:
        """(13) Settle: give the meters back only if no byte left the house, and journal the outcome.

        For a read, returns when the record is durable: the surface awaits it before the last byte of the
        answer. Idempotent: the first call counts.
        """
        if self._finished:
            return
        self._finished = True
        self.leave()
        house = self.admission
        now = house.clock()
        if not sent:
            await house.ledger.give_back(self.drawn)
        entry = entry_of(
            self.caller,
            at=now,
            event="call.finished",
            code=error or "ok",
            action=f"{self.access.resource.type}:{self.access.action.name}",
            action_class=self.access.action.kind.value,
            reservations=() if sent else self.drawn.reservations,
            status=status,
            bytes_out=bytes_out,
        )
        ticket = house.journal.append(entry)
        if self.access.action.kind is ActionClass.READ:
            await ticket.durable()

    def cut(self) -> Error:
        """What is raised, or noted, when `withdrawn` was set in the middle of the call."""
        return described(Denied("withdrawn_in_flight", "the token was withdrawn during the call"), self.caller)

    def overtaken(self) -> bool:
        """Whether the credential, or anything above it, is withdrawn by now: asked before the last byte goes out."""
        caller = self.caller
        return self.admission.snapshot.live.check(caller.credential.id, caller.request.upstream) is not None

    def watch(self) -> None:
        """Have `withdrawn` set the moment the credential, or anything above it, falls."""
        self._unwatch = self.admission.snapshot.live.watch(
            self.caller.credential.id, self.caller.request.upstream, self.withdrawn.set
        )

    def leave(self) -> None:
        """Stop watching. What ends a consultation; `finish` does it for a call."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None


def withdrawn(veto: Veto) -> Denied | Unauthenticated:
    """What step 3 answers: whose upstream is switched off has a good token, and must not throw it away."""
    if veto.code == "upstream_withdrawn":
        return Denied(veto.code, veto.detail)
    return Unauthenticated("credential_invalid", veto.detail)
