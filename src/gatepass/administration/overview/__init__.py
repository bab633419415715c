"""Looking: the deployment and its records, how much was permitted and refused when, and what needs attention."""

from gatepass.administration.overview.activity import Activity, Measured
from gatepass.administration.overview.attention import Concern, Kind, Severity, SubjectType
from gatepass.administration.overview.facts import Facts, SettingFact
from gatepass.administration.overview.looking import Explain, Overview, Status, TokenState

__all__ = [
    "Activity",
    "Concern",
    "Explain",
    "Facts",
    "Kind",
    "Measured",
    "Overview",
    "SettingFact",
    "Severity",
    "Status",
    "SubjectType",
    "TokenState",
]
