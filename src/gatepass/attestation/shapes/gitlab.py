"""GitLab: `project_path:GROUP/PROJECT:ref_type:branch:ref:main`, or with ids `project_id:20:…`.

A path can be given up and taken by another, and the subject does not tell a merge request's pipeline from a branch's.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, Shape, after, caution, danger, pins, subjects

__all__ = ["lint"]


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for GitLab's pipelines."""
    shapes = tuple(subjects(rule))
    by_id = pins(rule, "project_id") or bool(shapes and all(_is_by_id(shape) for shape in shapes))
    if rule.conditions and not shapes and not by_id and not pins(rule, "project_path"):
        yield danger(
            "no_project", "no condition pins a project, so every project of the group or of anybody is accepted"
        )
    for shape in shapes:
        if "ref_type" not in shape:
            yield danger(
                "whole_group", "the subject leaves the project or what ran open: every project or branch is accepted"
            )
        else:
            yield from _ref(rule, shape)
    if not by_id and (shapes or rule.of_claim("project_path")):
        yield danger("mutable_path", "a path can be given up and taken by another; pin `project_id`")
    if not shapes and by_id and not any(rule.of_claim(name) for name in ("ref", "ref_protected", "environment")):
        yield caution("any_branch", "it accepts every branch and merge request; pin `ref` and `ref_protected=true`")


def _ref(rule: Rule, shape: Shape) -> Iterator[Finding]:
    if after(shape, "ref_type") is None and not pins(rule, "ref_type"):
        yield danger("any_ref_type", "a branch and a tag of one name are both accepted, and tags are easier to make")
    if after(shape, "ref") is None and not pins(rule, "ref") and not pins(rule, "ref_protected"):
        yield danger("any_branch", "it accepts any branch, also that of a merge request: whoever can push one gets in")


def _is_by_id(shape: Shape) -> bool:
    return shape[:1] == ("project_id",) and len(shape) > 1 and shape[1] is not None
