"""`gatepass up` on a database that never syncs, for the row that asks what durability costs. No setting reaches this.

The journal is written and waited for as ever; only SQLite's `synchronous` is off, so nothing waits for the disk.
"""

import functools
import sys

from gatepass.cli import main
from gatepass.storage.sqlite import Database

if __name__ == "__main__":
    Database.open = functools.partial(Database.open, unsafe_unsynced=True)  # type: ignore[method-assign]
    sys.exit(main(["up", *sys.argv[1:]]))
