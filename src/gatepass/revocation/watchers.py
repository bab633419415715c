"""Who has to be called back when a credential falls or an upstream is withdrawn.

The law: a callback that was taken out is gone. Whoever takes it calls it, so it is called once or, after it was
removed, never.
"""

from collections.abc import Callable
from itertools import count

from gatepass.access import CredentialId

__all__ = ["Callback", "Watchers"]

Callback = Callable[[], None]


class Watchers:
    """Callbacks, found by credential and by upstream."""

    def __init__(self) -> None:
        self._numbers = count()
        self._of: dict[CredentialId, dict[int, tuple[str, Callback]]] = {}
        self._at: dict[str, dict[int, CredentialId]] = {}

    def __contains__(self, credential: CredentialId) -> bool:
        return credential in self._of

    def add(self, credential: CredentialId, upstream: str, callback: Callback) -> int:
        """Remember a callback. Returns the number to remove it with."""
        number = next(self._numbers)
        self._of.setdefault(credential, {})[number] = (upstream, callback)
        self._at.setdefault(upstream, {})[number] = credential
        return number

    def remove(self, credential: CredentialId, number: int) -> Callback | None:
        """Take out one callback. None if it was taken out before."""
        watching = self._of.get(credential, {})
        if number not in watching:
            return None
        upstream, callback = watching.pop(number)
        self._leave(upstream, number)
        if not watching:
            del self._of[credential]
        return callback

    def of(self, credential: CredentialId) -> list[Callback]:
        """Take out the callbacks of a credential."""
        taken = self._of.pop(credential, {})
        for number, (upstream, _) in taken.items():
            self._leave(upstream, number)
        return [callback for _, callback in taken.values()]

    def at(self, upstream: str) -> list[Callback]:
        """Take out the callbacks at an upstream."""
        there = list(self._at.get(upstream, {}).items())
        taken = (self.remove(credential, number) for number, credential in there)
        return [callback for callback in taken if callback is not None]

    def _leave(self, upstream: str, number: int) -> None:
        there = self._at[upstream]
        del there[number]
        if not there:
            del self._at[upstream]
