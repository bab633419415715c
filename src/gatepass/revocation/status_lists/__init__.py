"""Token status lists (draft 21): what was withdrawn, as bits that anybody may keep for a minute."""

from gatepass.revocation.status_lists.bits import StatusBits
from gatepass.revocation.status_lists.places import BLOCK, CAPACITY, SIZE, ListRecord, Order, Places, split

__all__ = ["BLOCK", "CAPACITY", "SIZE", "ListRecord", "Order", "Places", "StatusBits", "split"]
