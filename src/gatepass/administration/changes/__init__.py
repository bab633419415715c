"""How anything is changed: what there is now, one change at a time, withdrawals first."""

from gatepass.administration.changes.announcing import Announce, Announcement, Put, Removed
from gatepass.administration.changes.catalogues import MOST_SCOPES, Catalogues, ReadAhead, ReadCatalogue
from gatepass.administration.changes.desk import Desk, Fallen, Turn
from gatepass.administration.changes.managed import check_by_hand
from gatepass.administration.changes.register import (
    LONGEST_NAME,
    NAME_PATTERN,
    NAME_RULE,
    Register,
    checked_name,
    missing,
)

__all__ = [
    "LONGEST_NAME",
    "MOST_SCOPES",
    "NAME_PATTERN",
    "NAME_RULE",
    "Announce",
    "Announcement",
    "Catalogues",
    "Desk",
    "Fallen",
    "Put",
    "ReadAhead",
    "ReadCatalogue",
    "Register",
    "Removed",
    "Turn",
    "check_by_hand",
    "checked_name",
    "missing",
]
