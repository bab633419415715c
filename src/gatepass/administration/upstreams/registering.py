"""Upstreams: the systems behind the gateway, where they are, and the file that maps their operations.

What is refused here cannot go wrong later: a target without one clear origin, a file that cannot be read or
declares a type that another upstream has, a place for the secret where no secret may be put. While an upstream
holds a secret its origin stays what it was: the secret was sealed for that one and would open for no other.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import Final

from gatepass import exact
from gatepass.access import Instant, SecretId, UpstreamId
from gatepass.administration.changes import Desk, check_by_hand, checked_name
from gatepass.administration.operators import Act, Operator
from gatepass.authority import Catalogue
from gatepass.credentials import new_id
from gatepass.errors import Conflict, Malformed
from gatepass.keys import SealedSecret, origin_of
from gatepass.registry import Injection, InjectionKind, Upstream, UpstreamKind
from gatepass.revocation import Scope

__all__ = [
    "LARGEST_OPERATIONS",
    "UpstreamForm",
    "Upstreams",
    "bound_to",
    "check_form",
    "check_still_bound",
    "secret_of",
    "target_of",
    "told",
]

LARGEST_OPERATIONS: Final = 256 * 1024
"""Characters of an operations file."""
LONGEST_PREFIX: Final = 64
MOST_ARGUMENTS: Final = 64

_FIELD: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)
_QUERY: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}", re.ASCII)
_PREFIX: Final = re.compile(r"[\x20-\x7e]*", re.ASCII)
_NAMES: Final = {
    InjectionKind.HEADER: (_FIELD, "a header name"),
    InjectionKind.QUERY: (_QUERY, "a query parameter's name"),
    InjectionKind.ENVIRONMENT: (_VARIABLE, "a variable's name in upper case"),
}
_NO_PLACE: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "expect", "cookie"}
    | {"accept-encoding", "content-encoding", "content-type", "range", "proxy-authorization"}
)
"""Headers that frame or route a request, or that we set ourselves."""
_NO_VARIABLE: Final = re.compile(r"(LD_|DYLD_|PYTHON|NODE_|GATEPASS_).*|PATH|HOME|SHELL|IFS|BASH_ENV|ENV")
"""Variables that say which code runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamForm:
    """What an operator says of an upstream."""

    kind: UpstreamKind
    target: str
    operations: str
    injection: Injection | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Upstreams:
    """What can be done with upstreams."""

    desk: Desk

    async def create(self, operator: Operator, name: str, form: UpstreamForm) -> Upstream:
        """Register an upstream. Its secret, if it wants one, is stored afterwards; until then calls are refused."""
        async with self.desk.turn(operator, Act.CREATE_UPSTREAM) as turn:
            if any(known.name == checked_name(name) for known in self.desk.register.upstreams.values()):
                raise Conflict("conflict", f"there is an upstream `{name}` already")
            upstream = Upstream(
                id=UpstreamId(new_id("ups", turn.at, self.desk.entropy)),
                name=name,
                kind=form.kind,
                target=target_of(form),
                operations=form.operations,
                injection=form.injection,
                allow_private=form.allow_private,
                secret=secret_of(self.desk, form.injection, None, turn.at),
                created=turn.at,
            )
            self._check(upstream)
            entry = turn.entry("upstream.created", upstream.id, self._told(upstream))
            await turn.commit(entry.amended(upstream=name), puts=(upstream,))
            self.desk.reinstate(Scope.UPSTREAM, name)  # another of the name may have been deleted before
            return upstream

    async def change(self, operator: Operator, ref: str, form: UpstreamForm) -> Upstream:
        """Make the upstream what is said here. Its name, its secret and whether it is disabled stay."""
        async with self.desk.turn(operator, Act.CHANGE_UPSTREAM) as turn:
            before = self.desk.register.upstream(ref)
            upstream = replace(
                before,
                kind=form.kind,
                target=target_of(form),
                operations=form.operations,
                injection=form.injection,
                allow_private=form.allow_private,
                secret=secret_of(self.desk, form.injection, before.secret, turn.at),
            )
            self._check(upstream)
            if before.secret in self.desk.register.secrets:
                check_still_bound(before, upstream)
            if upstream != before:
                check_by_hand(before)
                entry = turn.entry("upstream.changed", upstream.id, self._told(upstream))
                await turn.commit(entry.amended(upstream=upstream.name), puts=(upstream,))
            return upstream

    async def disable(self, operator: Operator, ref: str) -> Upstream:
        """Refuse every call to the upstream and cut those under way. A second time changes nothing."""
        actor = await self.desk.permit(operator, Act.DISABLE_UPSTREAM)
        id_, name = (found := self.desk.register.upstream(ref)).id, found.name
        async with self.desk.in_force(lambda: ((Scope.UPSTREAM, name),), actor.id, operator) as turn:
            upstream = self._still(id_, name)
            if upstream.disabled is not None:
                return upstream
            disabled = replace(upstream, disabled=turn.at)
            entry = turn.entry("upstream.disabled", id_, {"name": name})
            await turn.commit(entry.amended(upstream=name), puts=(disabled,))
            return disabled

    async def enable(self, operator: Operator, ref: str) -> Upstream:
        """Let calls to the upstream through again."""
        async with self.desk.turn(operator, Act.ENABLE_UPSTREAM) as turn:
            upstream = self.desk.register.upstream(ref)
            if upstream.disabled is None and (Scope.UPSTREAM, upstream.name) not in self.desk.register.withdrawn:
                return upstream
            enabled = replace(upstream, disabled=None)
            entry = turn.entry("upstream.enabled", upstream.id, {"name": upstream.name})
            await turn.commit(entry.amended(upstream=upstream.name), puts=(enabled,))
            self.desk.reinstate(Scope.UPSTREAM, upstream.name)
            return enabled

    async def delete(self, operator: Operator, ref: str) -> None:
        """Forget the upstream and its secret. What tokens say of its types comes to nothing."""
        actor = await self.desk.permit(operator, Act.DELETE_UPSTREAM)
        id_, name = (found := self.desk.register.upstream(ref)).id, found.name
        async with self.desk.in_force(lambda: ((Scope.UPSTREAM, name),), actor.id, operator) as turn:
            upstream = self._still(id_, name)
            secrets = [secret for secret in self.desk.register.secrets.values() if secret.upstream == id_]
            entries = [
                turn.entry("upstream.deleted", id_, {"name": name}).amended(upstream=name),
                *(turn.entry("secret.deleted", secret.id, {"name": secret.name}) for secret in secrets),
            ]
            await turn.commit(*entries, removals=(upstream, *secrets))

    def _still(self, id_: UpstreamId, name: str) -> Upstream:
        """The upstream, unless it was deleted while this change waited for its turn."""
        upstream = self.desk.register.upstreams.get(id_)
        if upstream is None:
            raise Conflict("conflict", f"the upstream `{name}` was deleted meanwhile")
        return upstream

    def _check(self, upstream: Upstream) -> None:
        check_form(upstream)
        self.desk.catalogues.check(upstream)

    def _told(self, upstream: Upstream) -> dict[str, str]:
        return told(upstream, self.desk.catalogues.check(upstream))


def secret_of(desk: Desk, injection: Injection | None, known: SecretId | None, at: Instant) -> SecretId | None:
    """The secret that an upstream names: one that nobody has stored yet, if it wants one and has none.

    So no call goes out as a stranger's because a secret has not come yet, or is gone.
    """
    if known in desk.register.secrets or (known is not None and injection is not None):
        return known
    return None if injection is None else SecretId(new_id("sec", at, desk.entropy))


def check_form(upstream: Upstream) -> None:
    """Raises `Malformed` for what is wrong with an upstream by itself, whatever its operations say."""
    if len(upstream.operations) > LARGEST_OPERATIONS:
        raise Malformed("too_large", f"an operations file has at most {LARGEST_OPERATIONS} characters")
    origin_of(upstream)
    if upstream.injection is not None:
        _check_injection(upstream.kind, upstream.injection)


def told(upstream: Upstream, catalogue: Catalogue) -> dict[str, str]:
    """What the journal says. A command line may hold what somebody should not have put there: its hash will do."""
    injection = upstream.injection
    return {
        "name": upstream.name,
        "kind": upstream.kind.value,
        "origin": origin_of(upstream),
        "injection": f"{injection.kind.value} {injection.name}" if injection else "",
        "allow_private": "yes" if upstream.allow_private else "",
        "types": " ".join(sorted(catalogue.types)),
    }


def bound_to(secret: SealedSecret, upstream: Upstream) -> bool:
    """Whether the secret opens for the upstream as it is."""
    return secret.upstream == upstream.id and secret.origin == origin_of(upstream)


def target_of(form: UpstreamForm) -> str:
    """The base URL as it is; the command line in the one spelling that its hash is taken of."""
    if not form.kind.is_command:
        return form.target
    command = exact.read(form.target)
    if not isinstance(command, tuple) or not 1 <= len(command) <= MOST_ARGUMENTS:
        raise Malformed("malformed_request", f"`target` is not a JSON array of 1 to {MOST_ARGUMENTS} strings")
    words = [word for word in command if isinstance(word, str) and "\0" not in word]
    if len(words) != len(command) or not words[0]:
        raise Malformed("malformed_request", "`target` is not a command line: strings, the first one the program")
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def _check_injection(kind: UpstreamKind, injection: Injection) -> None:
    if (injection.kind is InjectionKind.ENVIRONMENT) != kind.is_command:
        where = "in its environment" if kind.is_command else "in a header or the query"
        raise Malformed("malformed_request", f"`injection.kind`: an upstream of kind `{kind}` takes its secret {where}")
    pattern, expected = _NAMES[injection.kind]
    if not pattern.fullmatch(injection.name):
        raise Malformed("malformed_request", f"`injection.name` is not {expected}")
    routed = injection.kind is InjectionKind.HEADER and injection.name.lower() in _NO_PLACE
    if routed or (injection.kind is InjectionKind.ENVIRONMENT and _NO_VARIABLE.fullmatch(injection.name)):
        raise Malformed("malformed_request", f"`injection.name`: no secret is put into `{injection.name}`")
    if len(injection.prefix) > LONGEST_PREFIX or not _PREFIX.fullmatch(injection.prefix):
        raise Malformed("malformed_request", f"`injection.prefix` is not printable ASCII of at most {LONGEST_PREFIX}")


def check_still_bound(before: Upstream, after: Upstream) -> None:
    """Raises `Conflict` for a change of an upstream that holds a secret, after which the secret would open no more."""
    if origin_of(after) != origin_of(before):
        raise Conflict(
            "conflict",
            f"`{before.name}` holds a secret for `{origin_of(before)}`, which goes nowhere else",
            hint="Delete the secret, change the address, then store the secret again.",
        )
    if after.injection is None:
        raise Conflict(
            "conflict", f"`{before.name}` holds a secret and has to say where it goes", hint="Delete the secret first."
        )
