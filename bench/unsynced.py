"""`gatepass up` on a database that never syncs: what durability costs is seen beside it, and nothing else is it for."""

import functools
import sys

from gatepass.cli import main
from gatepass.storage.sqlite import Database

if __name__ == "__main__":
    Database.open = functools.partial(Database.open, unsafe_unsynced=True)  # type: ignore[method-assign]
    sys.exit(main(["up", *sys.argv[1:]]))
