"""The tamper-evident journal: entries, joins, checkpoints, proofs."""

from gatepass.audit.bodies import Labels, labels_of, members_of, write_body
from gatepass.audit.chain import ORIGIN, Head, Row, WriterId, line_of, link, links_of, read_line
from gatepass.audit.entries import CLOSED, DECIDED, FINISHED, ISSUED, OPENED, RECOVERED, Entry
from gatepass.audit.heads import Checkpoint, checkpoint_text, read_checkpoint, signed
from gatepass.audit.journal import Archive, Journal, Ticket
from gatepass.audit.search import Call, Found, Page, Query, Story, tell
from gatepass.audit.tally import Cell, Count, Counted, Tally
from gatepass.audit.verify import Fault, FaultKind, Report, Verifier

__all__ = [
    "CLOSED",
    "DECIDED",
    "FINISHED",
    "ISSUED",
    "OPENED",
    "ORIGIN",
    "RECOVERED",
    "Archive",
    "Call",
    "Cell",
    "Checkpoint",
    "Count",
    "Counted",
    "Entry",
    "Fault",
    "FaultKind",
    "Found",
    "Head",
    "Journal",
    "Labels",
    "Page",
    "Query",
    "Report",
    "Row",
    "Story",
    "Tally",
    "Ticket",
    "Verifier",
    "WriterId",
    "checkpoint_text",
    "labels_of",
    "line_of",
    "link",
    "links_of",
    "members_of",
    "read_checkpoint",
    "read_line",
    "signed",
    "tell",
    "write_body",
]
