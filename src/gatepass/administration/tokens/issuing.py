"""Issuing tokens, changing their limits, and rotating them.

    1 holder     the agent, enabled, and the person who answers for it, still there
    2 scopes     read, and expanded to named actions by the catalogue; what it does not know is refused
    3 ceiling    every permission is within the agent's role as it is now
    4 life       it ends, and not later than its breadth and the role allow
    5 limits     within what the deployment can give
    6 record     the hash of the secret, never the secret; the journal says who, what, for how long and why

The secret is in the answer and nowhere else. A person's token carries no scopes: it acts as its person, within
their role here, and never in class `admin`. Nobody gets a secret that acts as somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gatepass.access import CredentialId, Instant, PersonId, RunId
from gatepass.administration.changes import Desk, Turn, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.administration.runs import NEW_RUN, RunForm, described, run_entry, run_for
from gatepass.administration.store import Record
from gatepass.administration.tokens.terms import LimitChanges, amended, check_ceiling, offered, starting, told, widens
from gatepass.audit import Entry
from gatepass.authority import Authority, Excess, Grant, excess
from gatepass.credentials import (
    IssuedToken,
    Life,
    Rate,
    TokenKind,
    TokenLimits,
    TokenRecord,
    issue,
    life,
    refusal,
    rotate,
)
from gatepass.errors import Conflict, Denied, Malformed, Unavailable
from gatepass.registry import Agent, Person, Role, Run
from gatepass.revocation import Scope
from gatepass.units import duration_text

__all__ = ["Issued", "Issuing", "TokenForm"]

LONGEST_PURPOSE: Final = 200
_MOST_DRAWS: Final = 8
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenForm:
    """What is asked for. Without an agent it is a person's token, of whoever asks. `lifetime` in milliseconds."""

    name: str
    agent: str | None = None
    scopes: tuple[str, ...] = ()
    lifetime: int | None = None
    purpose: str | None = None
    limits: LimitChanges = field(default_factory=LimitChanges)
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token's record, and the token itself on its way to being shown once."""

    record: TokenRecord
    token: IssuedToken


@dataclass(frozen=True, slots=True)
class _Holder:
    """Whose token it will be, and what bounds it."""

    kind: TokenKind
    owner: PersonId
    agent: Agent | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """What gives tokens out. `account` is the deployment's own ceiling, `lifetime` the life that is offered."""

    desk: Desk
    defaults: TokenLimits
    account: Rate
    lifetime: int | None = None

    async def create(self, operator: Operator, form: TokenForm) -> Issued:
        """Issue a token. Raises why it may not be, with the nearest or the widest that might."""
        act = Act.CREATE_PERSON_TOKEN if form.agent is None else Act.CREATE_TOKEN
        async with self.desk.turn(operator, act) as turn:
            self._check_name(form.name, turn.at)
            holder = self._holder(form, turn)  # (1)
            authority = self._authority(form, holder)  # (2, 3)
            joined = self._joined(form.run, holder.agent, turn.at)
            granted = self._life(form, holder, authority, turn.at)  # (4)
            granted = within_run(granted, joined, turn.at, asked=form.lifetime)
            run = self._opened(form, holder.agent, turn, granted) or joined
            token = self._issue(holder.kind, turn.at)
            limits = self._limits(form, holder, token.id, turn.at)  # (5)
            record = TokenRecord(
                id=token.id,
                kind=holder.kind,
                name=form.name,
                hash=token.hash,
                owner=holder.owner,
                agent=holder.agent.id if holder.agent else None,
                authority=authority,
                limits=limits,
                issued=turn.at,
                expires=granted.expires,
                latest=granted.latest,
                issuer=turn.actor,
                purpose=_purpose(form.purpose) or (run.purpose if run else None),
                meters=token.id,
                run=run.id if run else None,
            )
            entries = [turn.token_entry("token.issued", record, _described(record))]
            puts: list[Record] = [record]
            if run is not None and run is not joined:
                entries.insert(0, run_entry(turn, "run.opened", run, described(run)))
                puts.append(run)
            await turn.commit(*entries, puts=puts)  # (6)
            return Issued(record, token)

    async def amend(self, operator: Operator, ref: str, changes: LimitChanges) -> TokenRecord:
        """Change a token's limits. They hold from the next call on; the token stays as it is.

        They are those of its whole line: while a rotation's overlap lasts, the old secret and the new one draw on
        the same meters, and neither may have more of them than the other.
        """

        def act() -> Act:
            token = self._tolerant(ref)
            if token is None or token.kind is TokenKind.SESSION:
                return Act.NARROW_TOKEN
            wanted = amended(token.limits, changes)
            more = any(widens(each.limits, wanted) for each in self._line(token, self.desk.clock()))
            return Act.WIDEN_TOKEN if more else Act.NARROW_TOKEN

        async with self.desk.turn(operator, act, lambda person: self._owns(person, ref)) as turn:
            token = self.desk.register.token(ref)
            if token.kind is TokenKind.SESSION:
                raise Malformed("malformed_request", "a session has no limits of its own to change")
            if veto := refusal(token, turn.at):
                raise Conflict("conflict", f"`{token.id}` cannot be changed: {veto.detail}")
            if (
                token.kind is TokenKind.PERSON
                and token.owner != turn.actor
                and widens(token.limits, amended(token.limits, changes))
            ):
                raise Denied("operator_forbidden", "a person's token is widened by that person alone")
            limits = amended(token.limits, changes)
            if token.kind is TokenKind.MACHINE:
                check_ceiling(self.account, self._holding(turn.at), token.meters, limits.calls)
            line = [each for each in self._line(token, turn.at) if each.limits != limits]
            changed = [replace(each, limits=limits) for each in line]
            if changed:
                entries = [_amended_entry(turn, then, now) for then, now in zip(line, changed, strict=True)]
                await turn.commit(*entries, puts=changed)
            return replace(token, limits=limits)

    async def rotate(self, operator: Operator, ref: str, *, overlap: int = 0, lifetime: int | None = None) -> Issued:
        """Let a new secret take over from the old one, at once or after an overlap (milliseconds).

        The new token ends when the old one would have, unless `lifetime` asks for more, which widens.
        """
        act = Act.ROTATE_TOKEN if lifetime is None else Act.WIDEN_TOKEN
        async with self.desk.turn(operator, act, lambda person: self._owns(person, ref)) as turn:
            before = self.desk.register.token(ref)
            self._check_rotatable(before, turn)
            token = self._issue(before.kind, turn.at)
            renewed = None if lifetime is None else self._renewed(before, turn.at, lifetime)
            rotation = rotate(before, token, at=turn.at, by=turn.person, overlap=overlap, renewed=renewed)
            told_ = {
                **_described(rotation.new),
                "replaces": before.id,
                "overlap": str(overlap),
            }
            entry = turn.token_entry("token.rotated", rotation.new, told_)
            retired = turn.token_entry("token.retired", rotation.old, {"replaced_by": token.id})
            await turn.commit(entry, retired, puts=(rotation.old, rotation.new))
            if overlap == 0:
                self.desk.withdraw(((Scope.CREDENTIAL, before.id),))
            return Issued(rotation.new, token)

    # -- the steps

    def _holder(self, form: TokenForm, turn: Turn) -> _Holder:
        """(1) Whose it will be."""
        if form.agent is None:
            if form.scopes or form.run:
                raise Malformed("malformed_request", "a person's token has neither scopes nor a run", hint=_WITHOUT)
            return _Holder(TokenKind.PERSON, turn.person)
        agent = self.desk.register.agent(form.agent)
        if agent.disabled is not None or (Scope.AGENT, agent.id) in self.desk.register.withdrawn:
            raise Conflict("conflict", f"the agent `{agent.name}` is disabled", hint="Enable it first.")
        owner = self.desk.register.people.get(agent.owner)
        if owner is None or owner.disabled is not None or (Scope.PERSON, owner.id) in self.desk.register.withdrawn:
            raise Conflict("conflict", f"nobody answers for the agent `{agent.name}`", hint="Give it another owner.")
        return _Holder(TokenKind.MACHINE, owner.id, agent, self.desk.register.role(agent.role))

    def _authority(self, form: TokenForm, holder: _Holder) -> Authority:
        """(2, 3) What it may do: known to the catalogue, and within the role."""
        if holder.role is None:
            return Authority()
        if not form.scopes:
            hint = "Pick some from the catalogue: GET /api/v1/scopes."
            raise Malformed("malformed_request", "`scopes` is empty: a token opens what it names", hint=hint)
        authority = Authority.of(*self.desk.catalogues.expand(form.scopes))
        beyond = excess(self.desk.catalogues.ceiling(holder.role), authority)
        if beyond:
            raise _beyond_role(holder.role.name, beyond)
        return authority

    def _life(self, form: TokenForm, holder: _Holder, authority: Authority, at: Instant) -> Life:
        """(4) When it ends, and how far it can be renewed."""
        return life(
            holder.kind,
            authority,
            self.desk.catalogues.together,
            at=at,
            asked=self.desk.catalogues.read_scopes(form.scopes),
            lifetime=form.lifetime,
            default=self.lifetime,
            role_longest=holder.role.max_lifetime if holder.role else None,
        )

    def _limits(self, form: TokenForm, holder: _Holder, meters: CredentialId, at: Instant) -> TokenLimits:
        """(5) How much and how often: what was asked for, what the agent's tokens start with, the defaults."""
        offer = offered(holder.kind, self.defaults)
        limits = amended(starting(offer, holder.agent.limits) if holder.agent else offer, form.limits)
        if holder.kind is TokenKind.MACHINE:
            check_ceiling(self.account, self._holding(at), meters, limits.calls)
        return limits

    def _issue(self, kind: TokenKind, at: Instant) -> IssuedToken:
        """A token whose id nobody has. Ids of one millisecond differ by chance alone."""
        for _ in range(_MOST_DRAWS):
            token = issue(kind, at, self.desk.entropy)
            if token.id not in self.desk.register.tokens:
                return token
        raise Unavailable("storage_unavailable", "no id is free at this instant", hint="Try once more.")

    def _joined(self, asked: str | None, agent: Agent | None, at: Instant) -> Run | None:
        """The open run that is named. One is joined only by its agent's tokens; of others nothing is said."""
        if asked is None or asked == NEW_RUN or agent is None:
            return None
        run = self.desk.register.runs.get(RunId(asked))
        if run is None or run.agent != agent.id:
            raise Denied("role_forbids", f"`run` is no run of the agent `{agent.name}`", hint="Ask for a new run.")
        if self.desk.register.has_ended(run.id, at):
            raise Conflict("conflict", f"the run `{run.id}` has ended", hint="Ask for a new run.")
        return run

    def _opened(self, form: TokenForm, agent: Agent | None, turn: Turn, granted: Life) -> Run | None:
        """A run of the token's own, which ends with it."""
        if form.run != NEW_RUN or agent is None:
            return None
        return run_for(turn, agent, RunForm(purpose=form.purpose, lifetime=granted.expires - turn.at))

    def _renewed(self, before: TokenRecord, at: Instant, lifetime: int) -> Life:
        agent = self.desk.register.agents.get(before.agent) if before.agent else None
        role = self.desk.register.roles.get(agent.role) if agent else None
        run = self.desk.register.runs.get(before.run) if before.run else None
        renewed = life(
            before.kind,
            before.authority,
            self.desk.catalogues.together,
            at=at,
            lifetime=lifetime,
            latest=before.latest,
            role_longest=role.max_lifetime if role else None,
        )
        return within_run(renewed, run, at, asked=lifetime)

    def _check_rotatable(self, before: TokenRecord, turn: Turn) -> None:
        if before.kind is TokenKind.PERSON and before.owner != turn.actor:
            raise Denied("operator_forbidden", "a person's token is rotated by that person alone")
        dead = self.desk.register.why_dead(before, turn.at)
        if dead and before.replaced_by is None:
            raise Conflict("conflict", f"`{before.id}` cannot be rotated: {dead}", hint="Create a new token.")

    def _check_name(self, name: str, at: Instant) -> None:
        known = self.desk.register.named(checked_name(name))
        if known is not None and self._holds(known, at):
            raise Conflict("conflict", f"there is a token `{name}` already", hint="Rotate it, or take another name.")

    def _holds(self, token: TokenRecord, at: Instant) -> bool:
        """Whether it may still be used, if not now then when its agent is enabled again."""
        return refusal(token, at) is None and (Scope.CREDENTIAL, token.id) not in self.desk.register.withdrawn

    def _holding(self, at: Instant) -> list[TokenRecord]:
        return [token for token in self.desk.register.tokens.values() if self._holds(token, at)]

    def _line(self, token: TokenRecord, at: Instant) -> list[TokenRecord]:
        """The token and those that may be used beside it on the same meters."""
        others = [each for each in self.desk.register.tokens.values() if each.meters == token.meters]
        return [token, *(each for each in others if each.id != token.id and self._holds(each, at))]

    def _tolerant(self, ref: str) -> TokenRecord | None:
        by_id = self.desk.register.tokens.get(CredentialId(ref))
        return by_id if by_id is not None else self.desk.register.named(ref)

    def _owns(self, person: Person, ref: str) -> bool:
        token = self._tolerant(ref)
        return token is not None and token.owner == person.id


_WITHOUT: Final = "Leave them out: it acts as you, within your role. Name an agent for a machine's token."


def within_run(granted: Life, run: Run | None, at: Instant, *, asked: int | None) -> Life:
    """The life, cut to the end of its run. Raises `Denied` (`too_long`) where more was asked for in so many words."""
    if run is None or granted.expires <= run.closes:
        return granted
    left = duration_text(run.closes - at)
    if asked is not None:
        raise Denied("too_long", f"a life of {duration_text(asked)} was asked for, and the run ends in {left}")
    return replace(granted, expires=run.closes)


def _beyond_role(role: str, beyond: tuple[Excess, ...]) -> Denied:
    """Which scopes go too far, and the widest that would have been allowed."""
    first = beyond[0]
    widest = _scopes(first.allowed.grants)
    instead = f"the widest that it allows of it is {widest}" if widest else "it allows nothing of it"
    more = f", and so do {len(beyond) - 1} more" if len(beyond) > 1 else ""
    hint = f"Ask for {widest} instead, or have an admin widen the role." if widest else None
    return Denied(
        "role_forbids",
        f"`{first.grant.permission}` goes beyond the role `{role}`{more}: {instead}",
        hint=hint,
        details={"too_far": " ".join(str(each.grant.permission) for each in beyond[:_SHOWN])},
    )


def _amended_entry(turn: Turn, before: TokenRecord, after: TokenRecord) -> Entry:
    earlier = {f"{name}_before": text for name, text in told(before.limits).items()}
    return turn.token_entry("token.changed", after, {**told(after.limits), **earlier})


def _scopes(grants: tuple[Grant, ...]) -> str:
    return ", ".join(f"`{grant.permission}`" for grant in grants[:_SHOWN])


def _purpose(text: str | None) -> str | None:
    if text is not None and (len(text) > LONGEST_PURPOSE or not text.isprintable()):
        raise Malformed("malformed_request", f"`purpose` is not one line of at most {LONGEST_PURPOSE} characters")
    return text or None


def _described(record: TokenRecord) -> Mapping[str, str]:
    """What the journal says of an issuance besides who and to whom."""
    return {
        "kind": record.kind.value,
        "scopes": " ".join(str(grant.permission) for grant in record.authority.grants),
        "expires": str(record.expires),
        **told(record.limits),
    }
