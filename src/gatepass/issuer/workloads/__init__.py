"""Workload identity: tokens of other issuers, and keys of the agents' own, that prove who is asking."""

from gatepass.issuer.workloads.asked import JWT_BEARER
from gatepass.issuer.workloads.foreign_keys import Fetch, ForeignKeys
from gatepass.issuer.workloads.grants import Allowed, Workloads
from gatepass.issuer.workloads.own_keys import OwnKeys
from gatepass.issuer.workloads.proving import Proving
from gatepass.issuer.workloads.trusted import Trusted

__all__ = [
    "JWT_BEARER",
    "Allowed",
    "Fetch",
    "ForeignKeys",
    "OwnKeys",
    "Proving",
    "Trusted",
    "Workloads",
]
