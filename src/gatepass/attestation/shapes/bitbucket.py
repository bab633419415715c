"""Bitbucket: `{REPOSITORY}:{STEP}`, or `{REPOSITORY}:{ENVIRONMENT}:{STEP}`, all of them ids in braces.

A step's id is another one in every run, so it is left open; the repository's never is.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, caution, danger, pins, subjects

__all__ = ["lint"]

_ENVIRONMENT_PLACE = 2


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for Bitbucket's pipelines."""
    shapes = tuple(subjects(rule))
    repository = pins(rule, "repositoryUuid") or bool(shapes and all(shape[:1] != (None,) for shape in shapes))
    if rule.conditions and not repository:
        yield danger("no_repository", "no condition pins a repository, so every one of the workspace is accepted")
    environment = pins(rule, "deploymentEnvironmentUuid") or pins(rule, "branchName")
    if repository and not environment and any(len(shape) <= _ENVIRONMENT_PLACE for shape in shapes):
        yield caution(
            "any_branch", "every step of the repository is accepted; pin the deployment environment by its id"
        )
