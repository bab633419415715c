"""Who manages a deployment in memory: a person who signs in again whenever the last time was too long ago.

A test turns the clock by days; sessions end, and class `admin` is given for minutes only. Whoever tests an agent
should not have to think of it.
"""

from typing import Final

from gatepass.access import CredentialId
from gatepass.server import Deployment

__all__ = ["FOUNDER", "Session"]

FOUNDER: Final = "admin"
"""The first person."""
RENEWED: Final = 5 * 60_000
"""Milliseconds after which a person signs in again."""
SOURCE: Final = "127.0.0.1"


class Session:
    """One person, who signs in by codes from the terminal of the deployment."""

    def __init__(self, deployment: Deployment, person: str) -> None:
        self._administration, self._person = deployment.administration, person
        self._held: tuple[CredentialId, str, int] | None = None

    async def header(self) -> str:
        """The header of a request, in the deployment's loop."""
        desk = self._administration.desk
        if self._held is not None:
            id_, header, since = self._held
            record = desk.register.tokens.get(id_)
            if record is not None and record.revoked is None and 0 <= desk.clock() - since < RENEWED:
                return header
        code = self._administration.sessions.offer(desk.register.person(self._person))
        issued = await self._administration.sessions.with_code(code.text, SOURCE)
        self._held = (issued.record.id, f"Bearer {issued.token.reveal()}", desk.clock())
        return self._held[1]
