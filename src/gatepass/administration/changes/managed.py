"""What files say is changed in the files. Taking away is always possible by hand, and the next plan shows it."""

from gatepass.errors import Conflict
from gatepass.registry import Agent, Role, TrustRule, Upstream

__all__ = ["check_by_hand"]


def check_by_hand(record: Agent | Role | TrustRule | Upstream | None) -> None:
    """Let a change by hand go on, which gives more or says otherwise. Raises `Conflict` (`managed_by_files`)."""
    if record is not None and record.managed:
        raise Conflict("managed_by_files", f"`{record.name}` is managed by files")
