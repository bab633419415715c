"""`python -m gatepass` is `gatepass`."""

import sys

from gatepass.cli import main

if __name__ == "__main__":
    sys.exit(main())
