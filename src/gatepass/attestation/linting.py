"""What is unwise about a trust rule: each dangerous shape with a code, a grade and what to write instead.

The law: whatever lets somebody in whom the operator did not mean is a danger: a whole organisation, a pull request
that nobody reviewed, a name that another can take over, an audience that others share. What only wears the rule thin
is a caution. The linter looks at the rule alone, so that it says the same before the first token comes as after. That
it finds nothing does not make a rule safe.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gatepass.attestation.rules import GITHUB, Rule, RuleKind
from gatepass.attestation.shapes import (
    Finding,
    Grade,
    bitbucket,
    circleci,
    github,
    gitlab,
    kubernetes,
    spiffe,
    terraform,
)
from gatepass.attestation.shapes.reading import caution, danger

__all__ = ["Finding", "Grade", "lint"]

_SHARED: Final = frozenset(
    {
        "sts.amazonaws.com",
        "api://AzureADTokenExchange",
        "aws.workload.identity",
        "azure.workload.identity",
        "gcp.workload.identity",
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
        "kubernetes.default.svc",
        "sigstore",
        "vault",
        "pypi",
    }
)
"""Audiences that other services accept, or that tokens have when nobody asks for another."""
_SHARED_BEGINNINGS: Final = (
    "https://github.com/",
    "//iam.googleapis.com/",
    "https://iam.googleapis.com/",
    "https://vault.",
)
_PERSONAL: Final = frozenset({"email", "preferred_username", "upn", "name", "nickname", "given_name", "unique_name"})

_ISSUERS: Final[tuple[tuple[str, Callable[[Rule], Iterator[Finding]]], ...]] = (
    (GITHUB, github.lint),
    ("https://gitlab.com", gitlab.lint),
    ("https://oidc.circleci.com/org/", circleci.lint),
    ("https://api.bitbucket.org/", bitbucket.lint),
    ("https://app.terraform.io", terraform.lint),
)
"""Issuers whose subjects are known, by the beginning of their address; each ends there or at a `/`."""
_KINDS: Final[Mapping[RuleKind, Callable[[Rule], Iterator[Finding]]]] = {
    RuleKind.GITHUB_ACTIONS: github.lint,
    RuleKind.KUBERNETES: kubernetes.lint,
    RuleKind.SPIFFE: spiffe.lint,
}


def lint(rule: Rule) -> tuple[Finding, ...]:
    """Everything that is unwise about the rule, dangers first."""
    found = [*_anywhere(rule), *_of_its_kind(rule)]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.grade is not Grade.DANGER))


def _anywhere(rule: Rule) -> Iterator[Finding]:
    if not rule.conditions:
        yield danger("no_condition", "it has no condition, so every token of the issuer is accepted")
    for condition in rule.conditions:
        if any(pattern.fixed == 0 for pattern in condition.patterns):
            yield danger("matches_everything", f"`{condition}` holds for every value of the claim")
    for audience in rule.audiences:
        if audience in _SHARED or audience.startswith(_SHARED_BEGINNINGS):
            yield danger(
                "shared_audience",
                f"other services accept the audience `{audience}` too: whoever is sent such a token can use it here",
            )
    if any(condition.path[0] in _PERSONAL for condition in rule.conditions):
        yield danger("mutable_name", "it looks at a person's name or address, which its holder can change or give away")
    if not rule.single_use:
        yield caution("reusable_token", "one token may be used many times until it expires, also by whoever copied it")
    if rule.expires is None and rule.kind is RuleKind.OIDC:
        yield caution("never_expires", "the rule has no end; say `expires` for what is needed for a while")


def _of_its_kind(rule: Rule) -> Iterator[Finding]:
    if rule.kind in _KINDS:
        yield from _KINDS[rule.kind](rule)
        return
    for beginning, checks in _ISSUERS:
        if rule.issuer == beginning.rstrip("/") or rule.issuer.startswith(beginning.rstrip("/") + "/"):
            yield from checks(rule)
            return
    if rule.conditions and not any(
        condition.path == ("sub",) or condition.claim.endswith("id") for condition in rule.conditions
    ):
        yield danger("no_subject", "no condition looks at `sub` or at an id, so it is not said who may come")
    for condition in rule.conditions:
        if not condition.is_exact():
            yield caution("wildcard", f"`{condition}` accepts values that nobody has listed")
