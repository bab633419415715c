"""The one thread that writes, what waits for it, and what may be done in one of its transactions."""

from gatepass.storage.sqlite.writing.receipts import Job, Receipt
from gatepass.storage.sqlite.writing.transaction import Transaction, read_head
from gatepass.storage.sqlite.writing.writer import Writer

__all__ = ["Job", "Receipt", "Transaction", "Writer", "read_head"]
