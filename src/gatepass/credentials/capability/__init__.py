"""Capabilities: chains of signed links, each narrower than the one before, verified with public keys alone."""

from gatepass.credentials.capability.faults import Fault
from gatepass.credentials.capability.text import HANDOVER_PREFIX, PREFIX, UnverifiedCapability
from gatepass.credentials.capability.verifying import Capabilities, UnprovenCapability

__all__ = ["HANDOVER_PREFIX", "PREFIX", "Capabilities", "Fault", "UnprovenCapability", "UnverifiedCapability"]
