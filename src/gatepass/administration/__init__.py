"""What people manage: agents, roles, upstreams, secrets, credentials; the policy administration point."""

from gatepass.administration.assembly import Administration, Terms
from gatepass.administration.changes import Announce, Announcement, Put, Removed
from gatepass.administration.operators import Act, Operator
from gatepass.administration.overview import Concern, Explain, Facts, Measured, SettingFact, Status, TokenState
from gatepass.administration.runs import RunForm
from gatepass.administration.signin import Code, Passwords
from gatepass.administration.signing import KeyMaker, SigningKeys
from gatepass.administration.store import Record, Records, SealedSecret, Store
from gatepass.administration.tokens import AgentLimitChanges, Issued, LimitChanges, TokenForm
from gatepass.administration.tokens.reach import BlastRadius
from gatepass.administration.upstreams import NewKey, Seals, UpstreamForm

__all__ = [
    "Act",
    "Administration",
    "AgentLimitChanges",
    "Announce",
    "Announcement",
    "BlastRadius",
    "Code",
    "Concern",
    "Explain",
    "Facts",
    "Issued",
    "KeyMaker",
    "LimitChanges",
    "Measured",
    "NewKey",
    "Operator",
    "Passwords",
    "Put",
    "Record",
    "Records",
    "Removed",
    "RunForm",
    "SealedSecret",
    "Seals",
    "SettingFact",
    "SigningKeys",
    "Status",
    "Store",
    "Terms",
    "TokenForm",
    "TokenState",
    "UpstreamForm",
]
