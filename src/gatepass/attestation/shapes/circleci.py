"""CircleCI: `org/UUID/project/UUID/user/UUID`, and version 2 with `…/vcs-ref/…` behind it. Every part is an id.

A job that somebody re-runs with SSH gets a token like any other, and a shell to read it in.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, after, caution, danger, pins, subjects

__all__ = ["lint"]

_PROJECT = "oidc.circleci.com/project-id"
_SSH = "oidc.circleci.com/ssh-rerun"


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for CircleCI's jobs."""
    shapes = tuple(subjects(rule))
    project = pins(rule, _PROJECT) or bool(shapes and all(after(shape, "project") is not None for shape in shapes))
    if rule.conditions and not project:
        yield danger("no_project", "no condition pins a project, so every project of the organisation is accepted")
    user = bool(shapes and all(after(shape, "user") is not None for shape in shapes))
    if project and not rule.of_claim(_SSH):
        found = "a job re-run with SSH is accepted, and gives whoever re-ran it the token"
        yield caution("debug_session", found) if user else danger("debug_session", f"{found}; add `{_SSH}=#false`")
