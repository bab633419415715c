"""GitHub Actions: `repo:OWNER/REPO:…`, and since July 2026 `repo:OWNER@ID/REPO@ID:…`.

What has to be pinned: the repository (best by `repository_id`, because a name can be given up and taken by another),
and what ran: a branch, tag, environment or reusable workflow. A run for a pull request executes what nobody has
reviewed.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, Shape, caution, danger, pins, subjects

__all__ = ["lint"]

_WHAT_RAN = ("ref", "environment", "job_workflow_ref")


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for GitHub Actions."""
    shapes = tuple(subjects(rule))
    for shape in shapes:
        yield from _subject(rule, shape)
    by_id = pins(rule, "repository_id")
    by_name = pins(rule, "repository") or bool(shapes and all(_pins_repository(shape) for shape in shapes))
    if rule.conditions and not by_id and not by_name and not pins(rule, "job_workflow_ref"):
        yield danger(
            "no_repository", "no condition pins a repository, so others of the organisation or of anybody are accepted"
        )
    if not by_id and by_name and not all(_has_ids(shape) for shape in shapes or ((),)):
        yield caution(
            "mutable_name", "the repository is pinned by its name, which another can take over; pin `repository_id`"
        )
    if not shapes and rule.conditions:
        yield from _without_subject(rule)
    for name in ("actor", "workflow"):
        if rule.of_claim(name):
            yield caution(
                "self_chosen_name",
                f"`{name}` is a name that whoever writes the workflow, or takes over an account, chooses",
            )


def _subject(rule: Rule, shape: Shape) -> Iterator[Finding]:
    if shape[:1] != ("repo",):
        if not pins(rule, "repository_id") and not pins(rule, "repository") and "job_workflow_ref" not in shape:
            yield danger(
                "no_repository", "the subject does not name a repository, so others of the organisation are accepted"
            )
        if any(segment is None for segment in shape):
            yield danger("wildcard", "the subject has a wildcard, and does not begin with a repository")
        return
    if not _pins_repository(shape):
        yield danger(
            "whole_organisation",
            "the subject leaves the repository open: every repository, also one made tomorrow, is accepted",
        )
        return
    yield from _run(rule, shape[3:])


def _run(rule: Rule, run: Shape) -> Iterator[Finding]:
    """What stands behind the repository: `ref/refs/heads/main`, `environment/prod`, `pull_request`, or nothing."""
    if run[:1] == ("pull_request",):
        yield danger("pull_request", "it accepts runs for pull requests, which execute what nobody has reviewed")
    elif not run or run[0] is None:
        if not _event(rule):
            yield danger(
                "pull_request",
                "it does not say what ran, so runs for pull requests are accepted; pin a branch or environment",
            )
    elif run[0] == "ref" and None in run:
        if not pins(rule, "ref"):
            yield danger("any_branch", "it accepts any branch or tag of its beginning: whoever can push one gets in")
    elif run[0] == "environment":
        environment = run[1] if len(run) > 1 else None
        if environment is None:
            yield danger("any_environment", "it accepts any environment, protected or not")
        elif "%3A" in environment:
            yield danger(
                "ambiguous_environment", "an environment with `:` and one with `%3A` in its name have the same subject"
            )


def _without_subject(rule: Rule) -> Iterator[Finding]:
    if not _event(rule):
        yield danger(
            "pull_request",
            "it does not say what ran, so runs for pull requests are accepted; pin `ref`, `environment` or `sub`",
        )
    elif any(not condition.is_exact() for condition in rule.of_claim("ref")) and not pins(rule, "environment"):
        yield caution("any_branch", "it accepts any branch or tag of its beginning: whoever can push one gets in")


def _event(rule: Rule) -> bool:
    """Whether conditions beside the subject keep runs for pull requests out."""
    if any("pull_request" in map(str, condition.values) for condition in rule.of_claim("event_name")):
        return False
    return bool(rule.of_claim("event_name")) or any(rule.of_claim(name) for name in _WHAT_RAN)


def _pins_repository(shape: Shape) -> bool:
    return len(shape) > 2 and shape[0] == "repo" and None not in shape[:3]  # noqa: PLR2004 - repo, owner, repository


def _has_ids(shape: Shape) -> bool:
    """Whether owner and repository carry their ids, as those made since July 2026 do."""
    return _pins_repository(shape) and all(segment is not None and "@" in segment for segment in shape[1:3])
