"""What the management API shows of each record: enough to work with, and no secret in any of it.

A password's hash, a token's hash and a sealed value have no place here. Instants are RFC 3339 in UTC to the
millisecond; spans are whole seconds; numbers that were read exactly are written exactly. People, agents and
secrets are shown by name, with their ids beside it.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from gatepass.access import Instant, PersonId
from gatepass.administration import Administration, BlastRadius, Issued, SealedSecret, Status
from gatepass.administration.operators import FRESH, allowed
from gatepass.credentials import Rate, TokenKind, TokenLimits, TokenRecord
from gatepass.limits import Level
from gatepass.registry import Agent, AgentLimits, Person, Role, Upstream
from gatepass.web.management.answers import shapes
from gatepass.web.management.answers.journal import head
from gatepass.web.management.answers.words import instant

__all__ = ["Shows"]

_KINDS: Final[Mapping[TokenKind, shapes.TokenKind]] = {
    TokenKind.MACHINE: "machine",
    TokenKind.PERSON: "person",
    TokenKind.SESSION: "session",
}


class Shows:
    """Shows records, with the names of what they refer to."""

    def __init__(self, administration: Administration) -> None:
        self._desk = administration.desk
        self._secrets = administration.secrets

    def person(self, person: Person) -> shapes.Person:
        """A person."""
        return shapes.Person(
            id=person.id,
            name=person.name,
            operator=person.operator,
            has_password=person.password_hash is not None,
            created_at=instant(person.created),
            disabled_at=instant(person.disabled),
        )

    def agent(self, agent: Agent) -> shapes.Agent:
        """An agent."""
        return shapes.Agent(
            id=agent.id,
            name=agent.name,
            role=agent.role,
            owner=self._person_name(agent.owner),
            owner_id=agent.owner,
            limits=_starting(agent.limits),
            managed_by=_managed_by(agent),
            created_at=instant(agent.created),
            disabled_at=instant(agent.disabled),
        )

    def role(self, role: Role) -> shapes.Role:
        """A role, with those of its scopes that come to nothing."""
        longest = role.max_lifetime
        return shapes.Role(
            name=role.name,
            scopes=role.scopes,
            asks_person=role.asks_person,
            max_lifetime_seconds=None if longest is None else longest // 1000,
            default_scopes=role.default_scopes,
            longest_token_seconds=None if role.longest_token is None else role.longest_token // 1000,
            bearer_until=instant(role.bearer_until),
            bearer_because=role.bearer_because,
            managed_by=_managed_by(role),
            created_at=instant(role.created),
            faults=self._desk.catalogues.faults_of(role),
        )

    def upstream_row(self, upstream: Upstream) -> shapes.UpstreamRow:
        """An upstream as it stands in a list: without the text of its file."""
        secret = self._desk.register.secrets.get(upstream.secret) if upstream.secret else None
        place = upstream.injection
        return shapes.UpstreamRow(
            id=upstream.id,
            name=upstream.name,
            kind=upstream.kind,
            target=upstream.target,
            injection=shapes.Injection(kind=place.kind, name=place.name, prefix=place.prefix) if place else None,
            secret=secret.name if secret else None,
            secret_missing=place is not None and secret is None,
            allow_private=upstream.allow_private,
            managed_by=_managed_by(upstream),
            created_at=instant(upstream.created),
            disabled_at=instant(upstream.disabled),
            fault=self._desk.catalogues.faults.get(upstream.name),
        )

    def upstream(self, upstream: Upstream) -> shapes.Upstream:
        """An upstream."""
        row = msgspec.structs.asdict(self.upstream_row(upstream))
        return shapes.Upstream(**row, operations=upstream.operations)

    def secret(self, secret: SealedSecret) -> shapes.Secret:
        """A secret's name and where it goes: all that anybody ever sees of it."""
        upstream = self._desk.register.upstreams.get(secret.upstream)
        return shapes.Secret(
            id=secret.id,
            name=secret.name,
            upstream=upstream.name if upstream else None,
            upstream_id=secret.upstream,
            origin=secret.origin,
            version=secret.version,
            key_id=secret.key_id,
            usable=self._secrets.usable(secret),
            created_at=instant(secret.created),
        )

    def token(self, token: TokenRecord, used: Instant | None = None) -> shapes.Token:
        """A token without its secret, which nobody has any more; and when it was last used."""
        agent = self._desk.register.agents.get(token.agent) if token.agent else None
        dead = self._desk.register.why_dead(token, self._desk.clock())
        return shapes.Token(
            id=token.id,
            kind=_KINDS[token.kind],
            name=token.name,
            agent=agent.name if agent else None,
            agent_id=token.agent,
            role=agent.role if agent else None,
            owner=self._person_name(token.owner),
            owner_id=token.owner,
            scopes=[str(grant.permission) for grant in token.authority.grants],
            limits=_limits(token.limits),
            purpose=token.purpose,
            run=token.run,
            alive=dead is None,
            dead_because=dead,
            issued_at=instant(token.issued),
            issuer=token.issuer,
            expires_at=instant(token.expires),
            renewable_until=instant(token.latest),
            revoked_at=instant(token.revoked),
            revoked_because=token.revoked_because,
            replaces=token.replaces,
            replaced_by=token.replaced_by,
            retires_at=instant(token.retires),
            last_used_at=instant(used),
        )

    def issued(self, issued: Issued) -> shapes.IssuedToken:
        """A token with its secret: the one answer that ever holds it."""
        return shapes.IssuedToken(**msgspec.structs.asdict(self.token(issued.record)), token=issued.token.reveal())

    def session(self, issued: Issued) -> shapes.Session:
        """A session, for the one who signed in."""
        record = issued.record
        return shapes.Session(
            token=issued.token.reveal(),
            id=record.id,
            person=self._person_name(record.owner),
            person_id=record.owner,
            expires_at=instant(record.expires),
            fresh_until=instant(Instant(record.issued + min(self._desk.fresh, FRESH))),
        )

    def status(self, status: Status) -> shapes.Status:
        """The deployment, and who asks."""
        facts, held = status.facts, status.credential
        signed_in = held.authenticated
        return shapes.Status(
            version=facts.version,
            listening=facts.listening,
            custody=shapes.Custody(protected=facts.custody_protected, says=facts.custody),
            person=self.person(status.person),
            credential=shapes.Credential(
                id=held.id,
                kind=_KINDS[held.kind],
                classes=sorted(held.limits.classes),
                expires_at=instant(held.expires),
                fresh_until=None if signed_in is None else instant(Instant(signed_in + min(self._desk.fresh, FRESH))),
            ),
            may=tuple(act.value for act in allowed(status.person, held)),
            journal=None if status.head is None else head(status.head),
            counts=dict(status.counts),
            faults=status.faults,
        )

    def blast_radius(self, found: BlastRadius, used: Instant | None) -> shapes.BlastRadius:
        """Everything that a token can reach, how much, and until when."""
        kinds = {upstream.name: upstream.kind for upstream in self._desk.register.upstreams.values()}
        return shapes.BlastRadius(
            token=self.token(found.token, used),
            alive=found.dead is None,
            dead_because=found.dead,
            until=instant(found.until),
            reach=[
                shapes.Reachable(
                    upstream=each.upstream,
                    path=f"/u/{each.upstream}/" if kinds[each.upstream] == "rest" else f"/mcp/{each.upstream}",
                    scope=each.scope,
                    class_=each.kind,
                    asks_person=each.asks_person,
                )
                for each in found.reach
            ],
            shut=[shapes.Shut(scope=each.scope, because=each.because) for each in found.shut],
            untouched=found.untouched,
            never=found.never,
            limits=[_level(level) for level in found.levels],
        )

    def _person_name(self, id_: PersonId) -> str:
        person = self._desk.register.people.get(id_)
        return id_ if person is None else person.name


def _limits(limits: TokenLimits) -> shapes.TokenLimits:
    return shapes.TokenLimits(
        attempts=_rate(limits.attempts),
        calls=_rate(limits.calls),
        writes_per_minute=limits.writes_per_minute,
        requests_per_day=limits.requests_per_day,
        classes=sorted(limits.classes),
    )


def _starting(limits: AgentLimits) -> shapes.StartingLimits:
    """Those that the agent states; null where the deployment's default holds."""
    return shapes.StartingLimits(
        attempts=None if limits.attempts is None else _rate(limits.attempts),
        calls=None if limits.calls is None else _rate(limits.calls),
        writes_per_minute=limits.writes_per_minute,
        requests_per_day=limits.requests_per_day,
        classes=None if limits.classes is None else sorted(limits.classes),
    )


def _managed_by(record: Agent | Role | Upstream) -> Literal["files"] | None:
    return "files" if record.managed else None


def _rate(rate: Rate) -> shapes.Rate:
    return shapes.Rate(count=rate.count, period_seconds=rate.period // 1000)


def _level(level: Level) -> shapes.Level:
    return shapes.Level(
        name=level.reservation.meter.rpartition("/")[2],
        limit=level.reservation.limit,
        period_seconds=None if level.reservation.period is None else level.reservation.period // 1000,
        remaining=level.remaining,
        full_in_seconds=None if level.reset is None else -(-level.reset // 1000),
    )
