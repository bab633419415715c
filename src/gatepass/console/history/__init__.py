"""Pages of what happened: the journal, one token's story, one run's."""

from gatepass.console.history import journal, runs, stories

__all__ = ["ROUTES"]

ROUTES = (*journal.ROUTES, *stories.ROUTES, *runs.ROUTES)
