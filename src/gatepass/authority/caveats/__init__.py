"""Conditions of use. A caveat can only veto; what cannot be read vetoes everything."""

from gatepass.authority.caveats.circumstances import Audience, Expires, Networks, NotBefore
from gatepass.authority.caveats.evidence import APPROVAL, Approved, Attested, Log, Purpose, Run, SubjectKey
from gatepass.authority.caveats.kinds import Caveat
from gatepass.authority.caveats.meters import Calls, Meter, Rate, SingleUse, Spending, introduced_by, meter_key
from gatepass.authority.caveats.weekly import Weekly, Window
from gatepass.authority.caveats.wire import (
    BY_NUMBER,
    All,
    Unreadable,
    leaves,
    parse_caveat,
    read_caveat,
    write_caveat,
)
from gatepass.authority.caveats.within import Within

__all__ = [
    "APPROVAL",
    "BY_NUMBER",
    "All",
    "Approved",
    "Attested",
    "Audience",
    "Calls",
    "Caveat",
    "Expires",
    "Log",
    "Meter",
    "Networks",
    "NotBefore",
    "Purpose",
    "Rate",
    "Run",
    "SingleUse",
    "Spending",
    "SubjectKey",
    "Unreadable",
    "Weekly",
    "Window",
    "Within",
    "introduced_by",
    "leaves",
    "meter_key",
    "parse_caveat",
    "read_caveat",
    "write_caveat",
]
