"""What has been withdrawn, what falls with it, and how every verifier learns of it."""

from gatepass.revocation.events import Event, Heard, Reinstated, Scope, Withdrawn
from gatepass.revocation.feed import Change, Embedded, Feed, Follower, Listener
from gatepass.revocation.freshness import HEARTBEAT, STALE, Freshness
from gatepass.revocation.live import Live, Unwatch
from gatepass.revocation.status_lists import ListRecord, Places

__all__ = [
    "HEARTBEAT",
    "STALE",
    "Change",
    "Embedded",
    "Event",
    "Feed",
    "Follower",
    "Freshness",
    "Heard",
    "ListRecord",
    "Listener",
    "Live",
    "Places",
    "Reinstated",
    "Scope",
    "Unwatch",
    "Withdrawn",
]
