"""What the upstreams' operations files declare, as administration needs it: to expand scopes, and to say what is where.

How a file is read is the gateway's matter, and comes in as a function. A file that this version cannot read
declares nothing; that it does not is kept as a fault, so that a start after an upgrade still shows the rest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.access import UpstreamId
from gatepass.authority import Authority, Catalogue, Permission, Scope
from gatepass.errors import Malformed
from gatepass.registry import Role, Upstream

__all__ = ["MOST_SCOPES", "Catalogues", "ReadAhead", "ReadCatalogue"]

ReadCatalogue = Callable[[str, str], Catalogue]
"""The catalogue in the text of an operations file; the second argument is what complaints call the file."""

ReadAhead = Mapping[tuple[str, str], Catalogue | Malformed]
"""By the upstream's name and the text: what was read, or why it could not be."""

MOST_SCOPES: Final = 64
"""Scopes in one request."""
MOST_PERMISSIONS: Final = 1024
"""Permissions that they may come to."""
_MOST: Final = 256
"""Texts whose catalogues are remembered."""


@dataclass(slots=True)
class Catalogues:
    """The catalogues of all upstreams, each and together."""

    read: ReadCatalogue
    together: Catalogue = field(default_factory=Catalogue)
    by_upstream: dict[UpstreamId, Catalogue] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    """By the upstream's name: why its file declares nothing."""
    _known: dict[tuple[str, str], Catalogue | Malformed] = field(default_factory=dict)
    """What was read of the texts in use, or why it could not be, because reading takes long."""

    def learn(self, upstreams: Iterable[Upstream]) -> None:
        """Take what there is now for all there is."""
        known, self._known = self._known, {}
        self.by_upstream.clear()
        self.faults.clear()
        self.together = Catalogue()
        for upstream in upstreams:
            text = (upstream.name, upstream.operations)
            found = self._known[text] = known[text] if text in known else self._read(*text)
            if isinstance(found, Malformed):
                self.faults[upstream.name] = found.message
                continue
            try:
                self.together = Catalogue.merge(self.together, found)
                self.by_upstream[upstream.id] = found
            except Malformed as fault:
                self.faults[upstream.name] = fault.message

    def read_ahead(self, texts: Mapping[str, str]) -> ReadAhead:
        """What the texts, by name, declare. Changes nothing, so it can be done in a thread: reading takes long."""
        return {text: self._read(*text) for text in texts.items() if text not in self._known}

    def prospect(self, upstreams: Iterable[Upstream], ahead: ReadAhead) -> "Catalogues":
        """What there would be, were these all the upstreams. What was read for it is not read again."""
        other = Catalogues(self.read, _known={**ahead, **self._known})
        other.learn(upstreams)
        self._known = other._known | dict(list(self._known.items())[:_MOST])
        return other

    def of(self, upstream: Upstream) -> Catalogue:
        """What the upstream's own file declares. Raises `Malformed`."""
        text = (upstream.name, upstream.operations)
        found = self._known[text] if text in self._known else self._read(*text)
        if isinstance(found, Malformed):
            raise Malformed(found.code, found.message, hint=found.hint)
        self._known = {text: found, **dict(list(self._known.items())[:_MOST])}
        return found

    def check(self, upstream: Upstream) -> Catalogue:
        """The catalogue of an upstream that is new or changed. Raises `Malformed` for one that does not fit in."""
        found = self.of(upstream)
        others = (known for id_, known in self.by_upstream.items() if id_ != upstream.id)
        Catalogue.merge(*others, found)
        return found

    def _read(self, name: str, operations: str) -> Catalogue | Malformed:
        try:
            return self.read(operations, name)
        except Malformed as fault:
            return fault.with_traceback(None)

    def expand(self, scopes: Iterable[str]) -> tuple[Permission, ...]:
        """Permissions on named actions. Raises `Malformed`: `malformed_scope`, `unknown_scope`, `too_large`."""
        permissions = {str(each): each for scope in self.read_scopes(scopes) for each in self.together.expand(scope)}
        if len(permissions) > MOST_PERMISSIONS:
            raise Malformed(
                "too_large", f"the scopes come to {len(permissions)} permissions, {MOST_PERMISSIONS} at most"
            )
        return tuple(permissions.values())

    def read_scopes(self, scopes: Iterable[str]) -> tuple[Scope, ...]:
        """Scopes as they were written, before anything is expanded."""
        listed = tuple(scopes)
        if len(listed) > MOST_SCOPES:
            raise Malformed("too_large", f"{len(listed)} scopes were named, and {MOST_SCOPES} are the most")
        return tuple(map(Scope.parse, listed))

    def ceiling(self, role: Role) -> Authority:
        """What the role comes to now. A scope of it that is not in the catalogue any more grants nothing."""
        return self._readable(role.scopes)[0]

    def asked(self, role: Role) -> Authority:
        """What of the role's scopes waits for a person."""
        return self._readable(role.asks_person)[0]

    def faults_of(self, role: Role) -> tuple[str, ...]:
        """The role's scopes that come to nothing, with the reason."""
        return self._readable((*role.scopes, *role.asks_person))[1]

    def knows(self, text: str) -> bool:
        """Whether the scope means something."""
        return not self._readable((text,))[1]

    def _readable(self, scopes: Iterable[str]) -> tuple[Authority, tuple[str, ...]]:
        permissions: list[Permission] = []
        faults: list[str] = []
        for text in scopes:
            try:
                permissions += self.together.expand(Scope.parse(text))
            except Malformed as fault:
                faults.append(f"`{text}`: {fault.message}")
        return Authority.of(*permissions), tuple(faults)
