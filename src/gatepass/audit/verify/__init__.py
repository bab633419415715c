"""Checks a journal row by row, in bounded memory, and names exactly what is wrong with it."""

from gatepass.audit.verify.faults import Fault, FaultKind, Report
from gatepass.audit.verify.verifier import Verifier

__all__ = ["Fault", "FaultKind", "Report", "Verifier"]
