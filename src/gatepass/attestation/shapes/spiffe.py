"""SPIFFE: `spiffe://TRUST-DOMAIN/PATH`. A path means something in its trust domain and nothing outside it.

The matcher holds the domain to the rule's whatever the conditions say; a condition that leaves it open misleads its
reader.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, caution, danger, subjects

__all__ = ["lint"]

_DOMAIN_PLACE = 1


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for a SPIFFE trust domain."""
    shapes = tuple(subjects(rule))
    domain = rule.issuer.removeprefix("spiffe://")
    if rule.conditions and not shapes:
        yield danger("no_subject", "no condition looks at `sub`, so every workload of the trust domain is accepted")
    for shape in shapes:
        if shape[:1] != ("spiffe:",) or len(shape) <= _DOMAIN_PLACE or shape[_DOMAIN_PLACE] != domain:
            yield danger(
                "path_without_domain", f"a condition on `sub` begins with `{rule.issuer}/`: a path alone is anybody's"
            )
        elif None in shape[_DOMAIN_PLACE : _DOMAIN_PLACE + 2] or len(shape) <= _DOMAIN_PLACE + 1:
            yield danger("whole_trust_domain", "every workload of the trust domain is accepted")
        elif None in shape:
            yield caution("wildcard", "it accepts workloads that nobody has listed")
