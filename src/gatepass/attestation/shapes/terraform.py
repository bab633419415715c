"""HCP Terraform: `organization:ORG:project:PROJECT:workspace:WORKSPACE:run_phase:apply`, and ids in their own claims.

The issuer is one for every organisation there is; a workspace's name is another's tomorrow. Planning is trusted less
than applying, and is another phase of the same subject.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, after, caution, danger, pins, subjects

__all__ = ["lint"]

_PARTS = (("organization", "organisation"), ("project", "project"), ("workspace", "workspace"))


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for HCP Terraform's runs."""
    shapes = tuple(subjects(rule))
    if rule.conditions and not shapes and not pins(rule, "terraform_organization_id"):
        yield danger(
            "no_organisation",
            "no condition pins an organisation, and the issuer is one for all; pin `terraform_organization_id`",
        )
    by_id = pins(rule, "terraform_workspace_id")
    for shape in shapes:
        for name, word in _PARTS:
            if after(shape, name) is None and not by_id:
                yield danger(f"any_{name}", f"the subject leaves the {word} open: every one is accepted")
        if after(shape, "run_phase") is None and not pins(rule, "terraform_run_phase"):
            yield danger("any_phase", "planning gets what applying gets; pin `run_phase:apply`")
    if shapes and not by_id:
        yield caution("mutable_name", "names can be given up and taken by others; pin `terraform_workspace_id`")
    if not shapes and not pins(rule, "terraform_run_phase"):
        yield caution("any_phase", "planning gets what applying gets; pin `terraform_run_phase=apply`")
    if not shapes and not by_id:
        yield caution(
            "whole_organisation", "every workspace of the organisation is accepted; pin `terraform_workspace_id`"
        )
