"""The one thread that writes, what waits for it, and what may be done in one of its transactions."""

from gatepass.storage.sqlite.writing.receipts import Job, Receipt
from gatepass.storage.sqlite.writing.transaction import Transaction, labelled, read_head
from gatepass.storage.sqlite.writing.writer import LABEL_EACH, Writer

__all__ = ["LABEL_EACH", "Job", "Receipt", "Transaction", "Writer", "labelled", "read_head"]
