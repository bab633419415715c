"""Evidence about who is asking, and what it proves."""

from gatepass.attestation.assertions import UnverifiedAssertion, keys_of
from gatepass.attestation.evidence import Evidence, evidence_of
from gatepass.attestation.linting import Finding, Grade, lint
from gatepass.attestation.matching import Check, Verdict, judge
from gatepass.attestation.rules import Rule, RuleKind, RuleTerms

__all__ = [
    "Check",
    "Evidence",
    "Finding",
    "Grade",
    "Rule",
    "RuleKind",
    "RuleTerms",
    "UnverifiedAssertion",
    "Verdict",
    "evidence_of",
    "judge",
    "keys_of",
    "lint",
]
