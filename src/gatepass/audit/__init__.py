"""The tamper-evident journal: entries, joins, checkpoints, proofs."""

from gatepass.audit.entries import Entry
from gatepass.audit.journal import Journal, Ticket

__all__ = ["Entry", "Journal", "Ticket"]
