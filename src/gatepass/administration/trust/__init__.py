"""Whom we believe about agents: trust rules for other issuers, the agents' own keys, and what a rule would say."""

from gatepass.administration.trust.assembly import Trust
from gatepass.administration.trust.rules import TrustForm
from gatepass.administration.trust.trying import Proves, Trial

__all__ = ["Proves", "Trial", "Trust", "TrustForm"]
