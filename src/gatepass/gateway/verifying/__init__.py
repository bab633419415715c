"""What was presented, verified: one value for every shape of credential."""

from gatepass.gateway.verifying.holdings import Holding

__all__ = ["Holding"]
