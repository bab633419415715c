"""HTTP/1.1 as a client speaks it who trusts nobody: one request at a time, strictly read, never repeated."""

from gatepass.outbound.http.answer import Answer
from gatepass.outbound.http.lane import Lane

__all__ = ["Answer", "Lane"]
