"""What needs somebody's attention: one list of plain findings, each with what to do about it.

Nothing here decides anything. Each finding is looked for afresh, in what is registered, in the counts of the last
day, and in what the deployment says of itself. The lists are bounded: the most serious come first, and what is left
out is counted in one last line.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from gatepass.access import CredentialId, Instant
from gatepass.administration.changes import Desk
from gatepass.administration.overview.facts import Facts
from gatepass.administration.upstreams.registering import bound_to
from gatepass.audit import Tally
from gatepass.audit.tally import DAY, HOUR
from gatepass.credentials import TokenKind, TokenRecord, refusal
from gatepass.registry import OperatorRole
from gatepass.revocation import Scope
from gatepass.units import duration_text

__all__ = ["MOST", "Concern", "Kind", "Severity", "Subject", "SubjectType", "concerns", "unused_candidates"]

MOST: Final = 200
"""Findings that are told of one by one."""
UNUSUAL: Final = 3
"""How many times more refusals than in an hour of the day before are worth a look."""
FEW: Final = 20
"""Refusals in an hour that are never worth one."""
_ACCOUNT: Final = "the deployment"


SubjectType = Literal["token", "agent", "upstream", "secret", "role", "person", "deployment"]


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    """Something does not work, or is not protected, now."""
    WARNING = "warning"
    """Something will stop working, or is weaker than it could be."""
    NOTICE = "notice"
    """Something may be left over."""


class Kind(StrEnum):
    """What was found. Stable, like error codes."""

    JOURNAL_TROUBLE = "journal_trouble"
    WITHDRAWAL_UNRECORDED = "withdrawal_unrecorded"
    UPSTREAM_FAULTY = "upstream_faulty"
    SECRET_MISSING = "secret_missing"  # noqa: S105  the name of a finding
    SECRET_UNUSABLE = "secret_unusable"  # noqa: S105  the name of a finding
    ROLE_FAULTY = "role_faulty"
    CUSTODY_UNPROTECTED = "custody_unprotected"
    ADMIN_WITHOUT_PASSWORD = "admin_without_password"  # noqa: S105  the name of a finding
    REFUSALS_UNUSUAL = "refusals_unusual"
    TOKEN_ENDS_SOON = "token_ends_soon"  # noqa: S105  the name of a finding
    TOKEN_NEVER_USED = "token_never_used"  # noqa: S105  the name of a finding
    UPSTREAM_DISABLED = "upstream_disabled"
    MORE = "more"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a `token`, `agent`, `upstream`, `secret`, `role`, `person`, or the `deployment`."""

    type: SubjectType
    id: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Concern:
    """One finding: what, how serious, about what, in a sentence, and what to do."""

    kind: Kind
    severity: Severity
    subject: Subject
    says: str
    hint: str


def concerns(
    desk: Desk, facts: Facts, tally: Tally, used: Mapping[CredentialId, Instant], now: Instant
) -> tuple[Concern, ...]:
    """Everything that was found, the most serious first. `used` has the last use of tokens that were used."""
    found = [
        *_of_the_deployment(desk, facts),
        *_of_upstreams(desk),
        *_of_roles(desk),
        *_of_refusals(desk, tally, now),
        *_of_tokens(desk, used, now),
    ]
    found.sort(key=lambda concern: list(Severity).index(concern.severity))
    if len(found) <= MOST:
        return tuple(found)
    more = Concern(
        Kind.MORE,
        Severity.NOTICE,
        Subject("deployment", None, _ACCOUNT),
        f"{len(found) - MOST} more findings of the same kinds are not listed",
        "Mend what is listed; the rest follows.",
    )
    return (*found[:MOST], more)


def unused_candidates(tokens: Iterable[TokenRecord], now: Instant) -> Collection[TokenRecord]:
    """The machine tokens whose last use is worth looking up: live, and old enough to have been used."""
    return [
        token
        for token in tokens
        if token.kind is TokenKind.MACHINE
        and refusal(token, now) is None
        and now - token.issued >= min(DAY, (token.expires - token.issued) // 2)
    ]


def _of_the_deployment(desk: Desk, facts: Facts) -> Iterator[Concern]:
    here = Subject("deployment", None, _ACCOUNT)
    if (why := facts.trouble()) is not None:
        hint = "Nothing can be changed and mutating calls are refused: make room, or run `gatepass doctor`."
        yield Concern(Kind.JOURNAL_TROUBLE, Severity.CRITICAL, here, f"the journal cannot be written: {why}", hint)
    for scope, id_ in _unrecorded(desk):
        said = f"its withdrawal is in force but not recorded: a restart would forget it ({scope.value} `{id_}`)"
        hint = "Make room on the disk, then withdraw it once more."
        yield Concern(
            Kind.WITHDRAWAL_UNRECORDED,
            Severity.CRITICAL,
            Subject(_NOUNS[scope], id_, _name(desk, scope, id_)),
            said,
            hint,
        )
    if not facts.custody_protected:
        said = f"custody is not protected: {facts.custody}" if facts.custody else "custody is not protected"
        hint = "Run Gatepass as a system user of its own: docs/custody.md says how."
        yield Concern(Kind.CUSTODY_UNPROTECTED, Severity.WARNING, here, said, hint)
    for person in desk.register.people.values():
        if person.operator is OperatorRole.ADMIN and person.disabled is None and person.password_hash is None:
            said = f"the admin `{person.name}` has no password and signs in by one-time codes alone"
            hint = "They set one in the console, under their name, or with `gatepass person password`."
            subject = Subject("person", person.id, person.name)
            yield Concern(Kind.ADMIN_WITHOUT_PASSWORD, Severity.WARNING, subject, said, hint)


def _of_upstreams(desk: Desk) -> Iterator[Concern]:
    for upstream in desk.register.upstreams.values():
        subject = Subject("upstream", upstream.id, upstream.name)
        if upstream.disabled is not None:
            said = f"the upstream `{upstream.name}` is disabled: every call to it is refused"
            yield Concern(Kind.UPSTREAM_DISABLED, Severity.NOTICE, subject, said, _OPEN)
        if (fault := desk.catalogues.faults.get(upstream.name)) is not None:
            said = f"the operations file of `{upstream.name}` declares nothing: {fault}"
            yield Concern(
                Kind.UPSTREAM_FAULTY,
                Severity.CRITICAL,
                subject,
                said,
                "Correct the file on its page, or run `gatepass upstream change`.",
            )
        secret = desk.register.secrets.get(upstream.secret) if upstream.secret else None
        if upstream.injection is not None and secret is None:
            said = f"`{upstream.name}` wants a secret and has none: its calls are refused"
            hint = "Store one in the console, under Secrets, or run `gatepass secret set`."
            yield Concern(Kind.SECRET_MISSING, Severity.CRITICAL, subject, said, hint)
        elif secret is not None and not bound_to(secret, upstream):
            said = (
                f"the secret `{secret.name}` was sealed for `{secret.origin}`, which is not where `{upstream.name}` is"
            )
            hint = "Replace it in the console, under Secrets, or run `gatepass secret set`."
            yield Concern(
                Kind.SECRET_UNUSABLE, Severity.CRITICAL, Subject("secret", secret.id, secret.name), said, hint
            )


def _of_roles(desk: Desk) -> Iterator[Concern]:
    for role in desk.register.roles.values():
        for fault in desk.catalogues.faults_of(role):
            subject = Subject("role", None, role.name)
            said = f"a scope of the role `{role.name}` comes to nothing: {fault}"
            yield Concern(Kind.ROLE_FAULTY, Severity.WARNING, subject, said, _MEND_ROLE)


def _of_refusals(desk: Desk, tally: Tally, now: Instant) -> Iterator[Concern]:
    """Of each token: many more in the last hour than in an hour of the day before it."""
    lately = tally.refused(Instant(now - HOUR), now)
    before = tally.refused(Instant(now - HOUR - DAY), Instant(now - HOUR))
    for credential, count in sorted(lately.items(), key=lambda item: -item[1]):
        usual = before.get(credential, 0) * HOUR / DAY
        if credential is not None and count >= FEW and count > UNUSUAL * usual:
            token = desk.register.tokens.get(CredentialId(credential))
            subject = Subject("token", credential, token.name if token else credential)
            said = f"{count} calls of `{subject.name}` were refused in the last hour; {usual:.0f} an hour are usual"
            hint = "Look at why in its story; if nobody knows, revoke it on its page or run `gatepass revoke`."
            yield Concern(Kind.REFUSALS_UNUSUAL, Severity.WARNING, subject, said, hint)


def _of_tokens(desk: Desk, used: Mapping[CredentialId, Instant], now: Instant) -> Iterator[Concern]:
    old_enough = {token.id for token in unused_candidates(desk.register.tokens.values(), now)}
    for token in desk.register.live_tokens(now):
        if token.kind is TokenKind.SESSION or token.replaced_by is not None:
            continue
        subject = Subject("token", token.id, token.name)
        left = token.expires - now
        if left <= min(DAY, (token.expires - token.issued) // 4):
            said = f"the token `{token.name}` ends in {duration_text(max(left - left % 60_000, 60_000))}"
            yield Concern(Kind.TOKEN_ENDS_SOON, Severity.WARNING, subject, said, _ROTATE)
        if token.id in old_enough and token.id not in used:
            ago = now - token.issued
            said = f"the token `{token.name}` was issued {duration_text(ago - ago % 60_000)} ago and never used"
            yield Concern(Kind.TOKEN_NEVER_USED, Severity.NOTICE, subject, said, _REVOKE)


_ROTATE: Final = "Rotate it with a new lifetime, on its page or with `gatepass token rotate`."
_REVOKE: Final = "If nobody needs it, revoke it on its page or with `gatepass revoke`."
_MEND_ROLE: Final = "Correct its scopes on its page, or with `gatepass role set`."
_OPEN: Final = "Open it again or delete it, on its page or with `gatepass upstream`."

_NOUNS: Final[Mapping[Scope, SubjectType]] = {
    Scope.CREDENTIAL: "token",
    Scope.AGENT: "agent",
    Scope.PERSON: "person",
    Scope.UPSTREAM: "upstream",
}


def _unrecorded(desk: Desk) -> Iterator[tuple[Scope, str]]:
    """Withdrawals that the records know nothing of."""
    register = desk.register
    agents = (agent.id for agent in register.agents.values() if agent.disabled is None)
    people = (person.id for person in register.people.values() if person.disabled is None)
    upstreams = (upstream.name for upstream in register.upstreams.values() if upstream.disabled is None)
    tokens = (token.id for token in register.tokens.values() if refusal(token, desk.clock()) is None)
    tables = ((Scope.AGENT, agents), (Scope.PERSON, people), (Scope.UPSTREAM, upstreams), (Scope.CREDENTIAL, tokens))
    for scope, ids in tables:
        yield from ((scope, id_) for id_ in ids if (scope, id_) in register.withdrawn)


def _name(desk: Desk, scope: Scope, id_: str) -> str:
    tables: dict[Scope, Mapping[str, object]] = {
        Scope.CREDENTIAL: desk.register.tokens,  # type: ignore[dict-item]  # ids are texts
        Scope.AGENT: desk.register.agents,  # type: ignore[dict-item]
        Scope.PERSON: desk.register.people,  # type: ignore[dict-item]
    }
    return str(getattr(tables.get(scope, {}).get(id_), "name", None) or id_)
