"""Sessions: a person signs in by a one-time code or a password, and every request says again who asks.

A session lives for hours and carries class `admin` for the first minutes of them. Attempts at passwords are
limited by name and by source, take as long for a name that nobody has as for a wrong password, and are refused
in the same words. What was presented is compared whole, in constant time, and looked up anew for each request.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Protocol

from gatepass.access import CredentialId, Instant, MeterKind, Reservation
from gatepass.administration.changes import Desk, Turn
from gatepass.administration.operators import Act, Operator
from gatepass.administration.signin.codes import Code, Codes
from gatepass.administration.tokens.issuing import Issued
from gatepass.administration.tokens.terms import offered
from gatepass.authority import Authority
from gatepass.credentials import TokenKind, TokenLimits, TokenRecord, UnverifiedToken, issue
from gatepass.errors import LimitExceeded, Malformed, Unauthenticated
from gatepass.limits import Exhausted, Ledger, attempts, rate_limit_fields
from gatepass.registry import Person
from gatepass.revocation import Scope

__all__ = ["Passwords", "Sessions", "Stranger"]

LIFETIME: Final = 8 * 3_600_000
MOST_SESSIONS: Final = 32
"""Live sessions of one person; one more ends the oldest."""
KEPT: Final = 24 * 3_600_000
"""How long an ended session's record is kept. The journal keeps what matters of it for ever."""
MOST_SWEPT: Final = 256
REMEMBERED: Final = 30 * 24 * 3_600_000
"""How long any token is remembered after its end, here as in the store."""

MOST_SEEN: Final = 4_096
"""Credentials of which is remembered when they were last presented."""

NAME_ATTEMPTS: Final = 10
SOURCE_ATTEMPTS: Final = 30
PERIOD: Final = 15 * 60_000

_NOBODY: Final = bytes(32)

Stranger = Callable[[str, str, str | None, CredentialId | None], None]
"""Counts a failed verification: event, code, source, and the credential where one is known."""


class Passwords(Protocol):
    """Argon2id, off the event loop."""

    async def hash(self, password: str) -> str:
        """The text to store. Raises `Malformed` for a password that is too short or too long."""
        ...

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. None, for nobody, takes as long."""
        ...


@dataclass(slots=True, kw_only=True)
class Sessions:
    """What signs people in and out, and says who is asking."""

    desk: Desk
    codes: Codes
    passwords: Passwords
    ledger: Ledger
    stranger: Stranger
    defaults: TokenLimits
    lifetime: int = LIFETIME
    seen: dict[CredentialId, Instant] = field(default_factory=dict)
    """When each credential was last presented, since the start of the process, of the latest few thousand."""
    _checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One password at a time: each check takes 64 MiB."""

    def offer(self, person: Person) -> Code:
        """A code for `person`, for the terminal that started the deployment and nobody else."""
        return self.codes.offer(person.id, self.desk.clock())

    async def invite(self, operator: Operator, ref: str) -> Code:
        """A code for another person, for an admin to hand on."""
        async with self.desk.turn(operator, Act.INVITE_PERSON) as turn:
            person = self.desk.register.person(ref)
            await turn.commit(turn.entry("person.invited", person.id, {"name": person.name}))
            return self.codes.offer(person.id, turn.at)

    async def with_code(self, code: str, source: str) -> Issued:
        """Spend a one-time code."""
        id_ = self.codes.spend(code, self.desk.clock())
        person = self.desk.register.people.get(id_) if id_ is not None else None
        if person is None:
            raise self._failed(source)
        return await self._open(person, "code", source)

    async def with_password(self, name: str, password: str, source: str) -> Issued:
        """Sign in by name and password."""
        await self._attempt(name, source)
        person = next((person for person in self.desk.register.people.values() if person.name == name), None)
        stored = person.password_hash if person is not None and person.disabled is None else None
        async with self._checking:
            right = await self.passwords.verify(stored, password)
        if person is None or not right:
            raise self._failed(source)
        return await self._open(person, "password", source)

    async def operator(self, text: str | None, source: str) -> Operator:
        """Who presents `text`: a person's session or stored token. Raises `Unauthenticated` or `LimitExceeded`."""
        if text is None:
            raise self._refused(
                Unauthenticated("credential_missing", "no credential was sent", hint=_SEND_A_SESSION), source
            )
        try:
            presented = UnverifiedToken.parse(text)
        except Malformed:
            raise self._refused(_invalid(), source) from None
        now = self.desk.clock()
        record = self.desk.register.tokens.get(presented.credential_id)
        ours = presented.matches(record.hash if record is not None else _NOBODY)
        if record is None or not ours or not presented.proves(record):
            raise self._refused(_invalid(), source)
        if not self.desk.register.alive(record, now):
            raise self._refused(_invalid(), source, record.id)
        if record.kind is TokenKind.MACHINE:
            error = Unauthenticated("person_required", "a machine token is refused where a person is required")
            raise self._refused(error, source, record.id)
        await self._count(record, now)
        self._note(record.id, now)
        return Operator(person=record.owner, credential=record.id, source=source)

    async def end(self, operator: Operator) -> None:
        """End the session that asks. A stored token is revoked, not ended."""
        await self.desk.permit(operator, Act.END_SESSION)
        id_ = operator.credential
        async with self.desk.in_force(lambda: ((Scope.CREDENTIAL, id_),), operator.person, operator) as turn:
            record = self.desk.register.tokens[id_]
            await turn.commit(revoked=turn.revoke((record,), "its person ended it"))

    async def set_password(self, operator: Operator, password: str) -> None:
        """Set the password of whoever asks, and end their other sessions: one of them may be why."""
        await self.desk.permit(operator, Act.SET_PASSWORD)
        async with self._checking:
            hash_ = await self.passwords.hash(password)

        async with self.desk.turn(operator, Act.SET_PASSWORD) as turn:
            person = self.desk.register.people[turn.person]
            others = [session for session in self._of(person) if session.id != operator.credential]
            self.desk.withdraw((Scope.CREDENTIAL, session.id) for session in others)
            revoked = turn.revoke(others, "its person set a new password")
            entry = turn.entry("password.set", person.id, {"name": person.name})
            await turn.commit(entry, puts=(replace(person, password_hash=hash_),), revoked=revoked)

    async def _open(self, person: Person, how: str, source: str) -> Issued:
        async with self.desk.system_turn() as turn:
            now = self.desk.register.people.get(person.id)
            gone = now is None or now.disabled is not None or (Scope.PERSON, person.id) in self.desk.register.withdrawn
            if gone or now is None or (how == "password" and now.password_hash != person.password_hash):
                raise self._failed(source)
            token = issue(TokenKind.SESSION, turn.at, self.desk.entropy)
            while token.id in self.desk.register.tokens:
                token = issue(TokenKind.SESSION, turn.at, self.desk.entropy)
            session = TokenRecord(
                id=token.id,
                kind=TokenKind.SESSION,
                name="",
                hash=token.hash,
                owner=person.id,
                agent=None,
                authority=Authority(),
                limits=offered(TokenKind.SESSION, self.defaults),
                issued=turn.at,
                expires=Instant(turn.at + self.lifetime),
                issuer=person.id,
                meters=token.id,
                authenticated=turn.at,
            )
            entry = turn.token_entry("session.opened", session, {"by": how, "expires": str(session.expires)})
            entry = entry.amended(actor=person.id, source=source)
            oldest = sorted(self._of(person), key=lambda live: live.issued)[: -(MOST_SESSIONS - 1)]
            revoked = turn.revoke(oldest, "its person opened too many")
            self.desk.register.forget(Instant(turn.at - REMEMBERED))
            await turn.commit(entry, puts=(session,), removals=self._swept(turn), revoked=revoked)
            self.desk.withdraw((Scope.CREDENTIAL, record.id) for record in revoked)
            return Issued(session, token)

    def _of(self, person: Person) -> list[TokenRecord]:
        now = self.desk.clock()
        return [
            token
            for token in self.desk.register.tokens.values()
            if token.kind is TokenKind.SESSION and token.owner == person.id and self.desk.register.alive(token, now)
        ]

    def _swept(self, turn: Turn) -> list[TokenRecord]:
        """Records of sessions that ended long ago."""
        tokens = self.desk.register.tokens.values()
        ended = (token for token in tokens if token.kind is TokenKind.SESSION and token.expires + KEPT < turn.at)
        return [token for token, _ in zip(ended, range(MOST_SWEPT), strict=False)]

    async def _attempt(self, name: str, source: str) -> None:
        drawn = await self.ledger.draw(
            (_bucket("name", name, NAME_ATTEMPTS), _bucket("source", source, SOURCE_ATTEMPTS)), self.desk.clock()
        )
        if isinstance(drawn, Exhausted):
            self.stranger("sign_in.throttled", "limit_exceeded", source, None)
            raise LimitExceeded(
                "limit_exceeded",
                "too many attempts to sign in",
                retry_after=drawn.retry_after,
                hint="Wait for `retry_after` milliseconds, or sign in with a one-time code.",
            )

    async def _count(self, record: TokenRecord, now: Instant) -> None:
        rate = record.limits.attempts
        drawn = await self.ledger.draw((attempts(record.meters, rate.count, rate.period),), now)
        if isinstance(drawn, Exhausted):
            self.stranger("attempts.throttled", "limit_exceeded", None, record.id)
            raise LimitExceeded(
                "limit_exceeded",
                "`attempts` is used up",
                retry_after=drawn.retry_after,
                details=rate_limit_fields((drawn.level,)),
            )

    def _note(self, credential: CredentialId, now: Instant) -> None:
        self.seen.pop(credential, None)
        self.seen[credential] = now
        if len(self.seen) > MOST_SEEN:
            del self.seen[next(iter(self.seen))]

    def _failed(self, source: str) -> Unauthenticated:
        self.stranger("sign_in.refused", "sign_in_failed", source, None)
        return Unauthenticated("sign_in_failed", "the name, the password or the code is wrong, or it is too late")

    def _refused(self, error: Unauthenticated, source: str, credential: CredentialId | None = None) -> Unauthenticated:
        self.stranger("credential.refused", error.code, source, credential)
        return error


_SEND_A_SESSION: Final = (
    "Sign in with `gatepass login`, or send a person's token as `Authorization: Bearer gp_pat_...`."
)


def _invalid() -> Unauthenticated:
    return Unauthenticated("credential_invalid", "the token is unknown, expired or withdrawn", hint=_SIGN_IN_AGAIN)


_SIGN_IN_AGAIN: Final = "Sign in again with `gatepass login`."


def _bucket(of: str, text: str, limit: int) -> Reservation:
    """One of 65,536 meters: what strangers type makes no more of them, and a name that nobody has counts the same."""
    place = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:4]
    return Reservation(f"sign-in.{of}/{place}", MeterKind.RATE, Decimal(limit), period=PERIOD)
