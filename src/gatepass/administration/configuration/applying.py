"""Planning, applying and exporting, one at a time and all or nothing.

    1 read        every file, off the event loop; a fault anywhere stops all of it
    2 plan        once the turn has come, against what there is then
    3 same        the plan is the one that whoever applies has seen
    4 allowed     each change's act, by the one table; widening needs a person who has just signed in
    5 record      every record and every entry in one transaction
    6 in force    what was removed is withdrawn, as soon as that is on the disk

Other withdrawals are in force before they are recorded. Here nothing may happen by halves: whoever has to stop
something whatever the disk does disables it, and does not wait for a plan.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepass.administration.changes import Desk, ReadAhead, Turn
from gatepass.administration.configuration.files.reading import Folder, Source, read_folder
from gatepass.administration.configuration.files.writing import written
from gatepass.administration.configuration.following import Terms
from gatepass.administration.configuration.planning import plan
from gatepass.administration.configuration.plans import Kind, Missing, Plan, Step
from gatepass.administration.configuration.recording import Recorded, record
from gatepass.administration.operators import Act, Operator
from gatepass.errors import Conflict, Malformed
from gatepass.registry import Agent, Upstream
from gatepass.revocation import Scope

__all__ = ["Configuration"]

MOST_RECORDS: Final = 20_000
"""Records that change in one transaction: everybody who writes waits for it."""
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Configuration:
    """What can be done with a folder of files."""

    desk: Desk
    terms: Terms

    async def plan(self, operator: Operator, sources: Sequence[Source], missing: Missing = Missing.LEAVE) -> Plan:
        """What applying the files would do now. Changes nothing."""
        await self.desk.permit(operator, Act.READ)
        folder, ahead = await asyncio.to_thread(self._read, sources)  # (1)
        async with self.desk.system_turn() as turn:
            await self.desk.permit(operator, Act.READ)
            return self._plan(folder, ahead, missing, turn)

    async def apply(
        self, operator: Operator, sources: Sequence[Source], fingerprint: str, missing: Missing = Missing.LEAVE
    ) -> Plan:
        """Do all of the plan that has this fingerprint, or nothing.

        Raises `Malformed` for files with faults, `Conflict` (`configuration_changed`) when another plan came of
        them, and whatever forbids one of its changes.
        """
        await self.desk.permit(operator, Act.APPLY_CONFIGURATION)
        folder, ahead = await asyncio.to_thread(self._read, sources)  # (1)
        async with self.desk.turn(operator, Act.APPLY_CONFIGURATION) as turn:
            planned = self._plan(folder, ahead, missing, turn)  # (2)
            if planned.faults:
                raise Malformed("malformed_configuration", _first_of(planned))
            if planned.fingerprint != fingerprint:  # (3)
                raise Conflict("configuration_changed", "what applying the files would do is not what was planned")
            for act in planned.acts:  # (4)
                await self.desk.permit(operator, act)
            if planned.changes:
                recorded = record(turn, planned)
                if len(recorded.puts) + len(recorded.removals) > MOST_RECORDS:
                    raise Malformed("too_large", f"more than {MOST_RECORDS} records would change at once", hint=_LESS)
                await self._commit(turn, planned, recorded)
            return planned

    async def export(self, operator: Operator, *, managed: bool = False) -> Mapping[str, str]:
        """The files that say what there is, by path; with `managed`, only what is managed by files."""
        await self.desk.permit(operator, Act.READ)
        return written(self.desk.register, managed=managed)

    def _read(self, sources: Sequence[Source]) -> tuple[Folder, ReadAhead]:
        """In a thread: neither calls nor changes wait for megabytes of YAML."""
        folder = read_folder(sources)
        return folder, {} if folder.faults else self.desk.catalogues.read_ahead(folder.operations)

    def _plan(self, folder: Folder, ahead: ReadAhead, missing: Missing, turn: Turn) -> Plan:
        register, catalogues = self.desk.register, self.desk.catalogues
        return plan(folder, register, catalogues, ahead=ahead, terms=self.terms, missing=missing, now=turn.at)

    async def _commit(self, turn: Turn, planned: Plan, recorded: Recorded) -> None:
        try:
            await turn.commit(*recorded.entries, puts=recorded.puts, removals=recorded.removals)  # (5)
        finally:  # whoever hung up meanwhile has changed things all the same: what the register says, counts
            self._in_force(planned)  # (6)

    def _in_force(self, planned: Plan) -> None:
        """Withdraw what is gone and let in what is there: idempotent, and right whether or not the commit was."""
        register = self.desk.register
        for change in planned.changes:
            match change.before:
                case Agent(id=id_) if change.step is Step.REMOVE and register.agents[id_].disabled is not None:
                    self.desk.withdraw(
                        [(Scope.AGENT, id_), *((Scope.CREDENTIAL, token.id) for token in change.revoked)]
                    )
                case Upstream(id=id_, name=name) if change.step is Step.REMOVE and id_ not in register.upstreams:
                    self.desk.withdraw([(Scope.UPSTREAM, name)])
                case None if change.kind is Kind.UPSTREAM and any(
                    each.name == change.name for each in register.upstreams.values()
                ):
                    self.desk.reinstate(Scope.UPSTREAM, change.name)  # another of the name may have been deleted before
                case _:
                    continue


def _first_of(planned: Plan) -> str:
    """The faults in one line, as many as fit; the plan has all of them."""
    more = f"; and {len(planned.faults) - _SHOWN} more" if len(planned.faults) > _SHOWN else ""
    return "; ".join(map(str, planned.faults[:_SHOWN])) + more


_LESS: Final = "Apply it in parts, or disable the agents that are to go first."
