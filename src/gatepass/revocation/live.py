"""The live list: the credentials that are alive, and what has been withdrawn.

The laws:

1. What is not on the list is not alive. There is no default.
2. A credential that has fallen never lives again: not by being added once more, nor under fewer ancestors, nor after
   its agent was enabled again.
3. What descends from it, and what belongs to whoever was withdrawn, falls with it, in the same step, whether it is
   heard of before the withdrawal or after.
4. Whoever watches a credential at an upstream is called back exactly once, when either is withdrawn; at once, if
   it already was. By then the list says so to everybody.
5. A withdrawal is forgotten only when no credential that it could concern can be alive. Of what the issuer signed,
   nothing that hangs below outlives it, so it is forgotten soon after its own end: there may be many.

Everything here is synchronous: once `withdraw` has returned, no check permits. Looking costs the same however many
credentials there are, a withdrawal as much as what falls with it.

Expiry is not decided here: it is a fact of the credential, and looked at with it.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final

from gatepass.access import CredentialId, Instant, Veto
from gatepass.authority import Credential
from gatepass.revocation.events import Event, Heard, Reinstated, Scope, Withdrawn
from gatepass.revocation.watchers import Callback, Watchers

__all__ = ["Live", "Unwatch"]

LONGEST_LIFE: Final = 366 * 86_400_000
KEPT_AFTER: Final = 3_600_000
"""Milliseconds that a withdrawal is kept after the end of what it concerns, should the clock be set back."""

Unwatch = Callable[[], None]

_UNHEARD: Final = Veto("credential_unheard", "the credential is not known here")
_OVER: Final = Veto("credential_invalid", "the credential has expired")
_TOO_LONG: Final = Veto("credential_invalid", "the credential lives longer than any may")
_ABOVE: Final = Veto("credential_invalid", "a credential that this one descends from was withdrawn")
_CAUSES: Final = {
    Scope.CREDENTIAL: Veto("credential_invalid", "the credential was withdrawn"),
    Scope.AGENT: Veto("credential_invalid", "the credential's agent was withdrawn"),
    Scope.PERSON: Veto("credential_invalid", "the credential's owner was withdrawn"),
    Scope.RUN: Veto("credential_invalid", "the credential's run was withdrawn"),
    Scope.KEY: Veto("credential_invalid", "the key that signed the credential was withdrawn"),
    Scope.EVERYTHING: Veto("credential_invalid", "all credentials were withdrawn"),
}

_EVERYTHING: Final = ""
"""What every credential hangs on: no id is empty."""


class Live:
    """The live list of one process."""

    def __init__(self, *, longest_life: int = LONGEST_LIFE) -> None:
        """`longest_life` is how long any credential may live, in milliseconds: so long is a withdrawal kept."""
        self._longest_life = longest_life
        self._live: dict[CredentialId, tuple[str, ...]] = {}
        """What each credential hangs on: ancestors, agent, owner, run."""
        self._below: dict[str, set[CredentialId]] = {}
        """The same, the other way round."""
        self._over: set[CredentialId] = set()
        """Credentials on the list whose life is over, and that calls are still under way with."""
        self._fallen: dict[str, Veto] = {}
        self._fences: dict[str, tuple[Instant, Scope]] = {}
        """Withdrawn agents, people, runs: what was issued under them until then is dead."""
        self._closed: set[str] = set()
        """Those of them that were not reinstated: whatever is issued under them is dead."""
        self._upstreams: dict[str, Veto] = {}
        self._kept_until: dict[str, int] = {}
        self._forgotten_next: list[tuple[int, str]] = []
        self._latest_end = 0
        self._ends: dict[CredentialId, Instant] = {}
        """When those on the list end that the issuer signed, and whatever hangs below them."""
        self._watchers = Watchers()
        self._falls = 0

    def __len__(self) -> int:
        return len(self._live)

    @property
    def falls(self) -> int:
        """How often anything fell: whoever made something of this list sees by it that it has to be made anew."""
        return self._falls

    def add(self, credential: Credential, key: str | None = None) -> None:
        """Put a credential on the list, unless it, or anything that it hangs on, was withdrawn.

        `key` is the issuer's key that signed it, where one did.
        """
        self._latest_end = max(self._latest_end, credential.expires)
        links = (*_links(credential), key) if key is not None else tuple(_links(credential))
        cause = self._cause(credential, links)
        if cause is not None:
            ends = None if key is None else credential.expires
            self._call_back(self._fall([credential.id], cause, credential.issued, ends)[1])
            return
        if key is not None:
            self._ends[credential.id] = credential.expires
        self._over.discard(credential.id)
        known = self._live.get(credential.id, ())
        self._live[credential.id] = tuple(dict.fromkeys([*known, *links]))
        for link in self._live[credential.id]:
            self._below.setdefault(link, set()).add(credential.id)

    def drop(self, credential: CredentialId) -> None:
        """Take a credential whose life is over off the list. Calls of its that are under way can still be cut."""
        if credential in self._watchers:
            self._over.add(credential)
        else:
            self._strike(credential)

    def check(self, credential: CredentialId, upstream: str) -> Veto | None:
        """Why `credential` is not honoured at `upstream` (its name). None: nothing that it hangs on is withdrawn.

        `credential_unheard` says that the id is on no list: whoever asks may wait one heartbeat for it.
        """
        if credential not in self._live:
            return self._fallen.get(credential, _UNHEARD)
        if credential in self._over:
            return _OVER
        return self._upstreams.get(upstream)

    def fallen(self, id: CredentialId) -> bool:  # noqa: A002 - the noun
        """Whether exactly this id was withdrawn, or fell, heard of or not."""
        return id in self._fallen

    def watch(self, credential: CredentialId, upstream: str, callback: Callback) -> Unwatch:
        """Have `callback` called once when `credential` falls or `upstream` is withdrawn; at once, if it is so."""
        if self.check(credential, upstream) is not None:
            callback()
            return _nothing
        number = self._watchers.add(credential, upstream, callback)

        def unwatch() -> None:
            self._watchers.remove(credential, number)
            if credential in self._over and credential not in self._watchers:
                self._strike(credential)

        return unwatch

    def apply(self, event: Event) -> None:
        """Take over what a feed said."""
        match event:
            case Heard():
                self.add(event.credential)
            case Withdrawn():
                self.withdraw(event)
            case Reinstated():
                self.reinstate(event)

    def withdraw(self, withdrawn: Withdrawn) -> tuple[CredentialId, ...]:
        """Let everything fall that `withdrawn` concerns, and call back whoever watches it. Returns what fell now."""
        scope, id_, at = withdrawn.scope, withdrawn.id, withdrawn.at
        if scope is Scope.UPSTREAM:
            self._upstreams[id_] = Veto("upstream_withdrawn", f"the upstream `{id_}` is switched off")
            self._call_back(self._watchers.at(id_))
            return ()
        if scope is Scope.CREDENTIAL:
            fell, called = self._fall([CredentialId(id_)], _CAUSES[scope], at, withdrawn.ends)
        elif scope is Scope.EVERYTHING:
            self._fence(_EVERYTHING, scope, at)
            fell, called = self._fall(list(self._live), _CAUSES[scope], at)
        else:
            self._closed.add(id_)
            self._fence(id_, scope, at)
            fell, called = self._fall(list(self._below.get(id_, ())), _CAUSES[scope], at)
        self._call_back(called)
        return tuple(fell)

    def reinstate(self, reinstated: Reinstated) -> None:
        """Let new credentials of an agent or person live, or an upstream be called, again."""
        if reinstated.scope is Scope.UPSTREAM:
            self._upstreams.pop(reinstated.id, None)
        elif reinstated.scope in {Scope.AGENT, Scope.PERSON}:
            self._closed.discard(reinstated.id)
        else:
            raise ValueError(f"a withdrawn {reinstated.scope} stays withdrawn")

    def forget(self, now: Instant) -> None:
        """Let go of withdrawals that cannot concern anything alive any more. To be called now and then."""
        while self._forgotten_next and self._forgotten_next[0][0] < now:
            until, id_ = heappop(self._forgotten_next)
            if self._kept_until.get(id_) == until:
                del self._kept_until[id_]
                self._fallen.pop(id_, None)
                self._fences.pop(id_, None)

    # -- falling

    def _cause(self, credential: Credential, links: tuple[str, ...]) -> Veto | None:
        """What keeps a credential off the list."""
        if credential.id in self._fallen:
            return self._fallen[credential.id]
        if credential.expires - credential.issued > self._longest_life:
            return _TOO_LONG
        for link in (*links, _EVERYTHING):
            if link in self._fallen:
                return _ABOVE
            until, scope = self._fences.get(link, (None, Scope.AGENT))
            if link in self._closed or (until is not None and credential.issued <= until):
                return _CAUSES[scope]
        return None

    def _fence(self, link: str, scope: Scope, at: Instant) -> None:
        until, _ = self._fences.get(link, (at, scope))
        self._fences[link] = (max(at, until), scope)
        self._keep(link, at)

    def _fall(
        self, roots: Iterable[CredentialId], cause: Veto, at: Instant, ends: Instant | None = None
    ) -> tuple[list[CredentialId], list[Callback]]:
        """Strike the roots and everything below them off the list: what fell now, and who has to be called back.

        `ends` is when a root that is not on the list ends, and whatever hangs below it.
        """
        self._falls += 1
        fell: list[CredentialId] = []
        called: list[Callback] = []
        falling = [(root, cause) for root in roots]
        while falling:
            credential, why = falling.pop()
            if credential in self._fallen:
                continue
            self._fallen[credential] = why
            self._keep(credential, at, self._ends.get(credential, ends if why is cause else None))
            fell.append(credential)
            called += self._watchers.of(credential)
            falling += [(child, _ABOVE) for child in self._below.get(credential, ())]
            self._strike(credential)
        return fell, called

    def _strike(self, credential: CredentialId) -> None:
        self._over.discard(credential)
        self._ends.pop(credential, None)
        for link in self._live.pop(credential, ()):
            self._below[link].discard(credential)
            if not self._below[link]:
                del self._below[link]

    def _keep(self, id_: str, at: Instant, ends: Instant | None = None) -> None:
        """Keep a withdrawal until whatever was issued before `at`, heard of or not, has come to its end."""
        latest = max(at + self._longest_life, self._latest_end) if ends is None else max(at, ends) + KEPT_AFTER
        until = max(latest, self._kept_until.get(id_, 0))
        self._kept_until[id_] = until
        heappush(self._forgotten_next, (until, id_))

    @staticmethod
    def _call_back(callbacks: Iterable[Callback]) -> None:
        faults: list[Exception] = []
        for callback in callbacks:
            try:
                callback()
            except Exception as fault:  # noqa: BLE001 - the watcher's code; the others have to be called all the same
                faults.append(fault)
        if faults:
            raise ExceptionGroup("callbacks of what was withdrawn have failed", faults)


def _links(credential: Credential) -> Iterator[str]:
    yield from credential.ancestors
    yield credential.subject
    yield credential.owner
    if credential.parent is not None:
        yield credential.parent
    if credential.run is not None:
        yield credential.run


def _nothing() -> None:
    """There is nothing left to stop watching."""
