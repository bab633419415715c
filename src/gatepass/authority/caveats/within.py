"""The caveat of being within a permission: what two permissions share, where no single one can say it.

The law: it vetoes what its permission does not cover, so that a grant with it permits exactly what both cover.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from gatepass.access import Access, Json, PartialAccess, Veto
from gatepass.authority.caveats.kinds import Caveat, malformed, vetoed
from gatepass.authority.scopes.permissions import Permission, Target
from gatepass.errors import Malformed

__all__ = ["Within"]


@dataclass(frozen=True, slots=True)
class Within:
    """Vetoes what `permission` does not cover."""

    number: ClassVar[int] = 17
    permission: Permission

    def veto(self, access: Access) -> Veto | None:
        """Say how the permission falls short."""
        fault = self.permission.fault(access, Target.of(access.resource))
        return None if fault is None else vetoed(fault.detail)

    def may_hold(self, partial: PartialAccess) -> bool:
        """Type and action are known; the rest is judged together with the grant's own permission, by `may_permit`."""
        return (self.permission.type, self.permission.action) == (partial.resource_type, partial.action.name)

    def implies(self, other: Caveat) -> bool:
        """A permission that the other's covers."""
        return isinstance(other, Within) and other.permission.covers(self.permission)

    def fields(self) -> tuple[Json, ...]:
        """`[scope]`."""
        return (str(self.permission),)

    @classmethod
    def read(cls, permission: Json) -> Self:
        """Undo `fields`."""
        if not isinstance(permission, str):
            raise malformed("a permission is written as a scope")
        try:
            return cls(Permission.parse(permission))
        except Malformed as error:
            raise malformed(error.message) from None
