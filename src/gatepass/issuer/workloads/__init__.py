"""Workload identity: tokens of other issuers, and keys of the agents' own, that prove who is asking."""

from gatepass.issuer.workloads.foreign_keys import Fetch, ForeignKeys
from gatepass.issuer.workloads.trusted import Trusted

__all__ = ["Fetch", "ForeignKeys", "Trusted"]
