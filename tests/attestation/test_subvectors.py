"""The vectors of `subvectors`: our matcher agrees with all that our notation can say, our linter warns on each danger.

A condition of a cloud is written in our notation where it can be; where it cannot, our parser refuses it, and why is
said here. `*` is a whole segment with us and any text elsewhere, so that a pattern of ours never accepts more.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from subvectors.corpus import load_suite, suite_names  # type: ignore[import-untyped]
from tests.attestation.rules import NOW, claims, rule

from gatepass import exact
from gatepass.attestation import Grade, Rule, judge, lint
from gatepass.attestation.conditions import Condition
from gatepass.errors import Malformed

ISSUERS = {
    "github": ("github-actions", "https://token.actions.githubusercontent.com"),
    "gitlab": ("oidc", "https://gitlab.com"),
    "circleci": ("oidc", "https://oidc.circleci.com/org/2a3b4c5d-1111-2222-3333-444455556666"),
    "bitbucket": ("oidc", "https://api.bitbucket.org/2.0/workspaces/w/pipelines-config/identity/oidc"),
    "terraform-cloud": ("oidc", "https://app.terraform.io"),
}

NOT_SAID = {
    # part of a segment: our parser refuses the wildcard, so there is nothing to warn of
    "gh-aws-single-char-wildcard": "`?`",
    "gh-aws-branch-prefix-collision": "`main*`",
    "gh-aws-branch-wildcard-zero-width": "`main*`",
    "gh-aws-environment-colon-wildcard-fix-widens": "`Production*`",
    "gh-aws-format-tolerant-wildcard-admits-prefix-orgs": "`octo-org*/octo-repo*`",
    "gh-flex-question-fixed-width-footgun": "`????`",
    "gh-flex-question-width-excludes-longer": "`????`",
    "gh-flex-and-reusable-workflow-pin": "`*@refs`",
    "gh-flex-and-jobworkflowref-ref-mismatch-rejects": "`*@refs`",
    # operators that we do not have: no inequality, no expressions
    "gh-gcp-trivial-condition-any-repo-danger": "`!= ''` is true of everything",
    "gh-gcp-matches-tag-regex": "a regular expression",
    "gitlab-gcp-int-negation-always-true": "`!=` between types is true of everything",
}
FAILS_OPEN = {
    # ForAllValues holds for a claim that is absent; with us what is absent holds for nothing
    "gh-aws-forallvalues-absent-environment-fails-open",
    "gh-aws-all-forallvalues-absent-environment-behind-aud",
}
NARROWER = {
    # AWS's `*` in the middle spans three segments of `vcs-origin`; ours is one segment, so we refuse
    "circleci-aws-vcs-ref-branch-pin-v2",
}
STRICTER = {
    # graded safe there, and warned about here
    "gh-gcp-immutable-id-pin-safe": "nothing says what ran, so pull requests are accepted",
    "gh-gcp-immutable-id-survives-rename": "the same",
    "gh-aws-environment-colon-encoded-exact": "the corpus grades the same condition dangerous for its twin",
    "gh-aws-aud-pinned-official-action": "the audience alone: every repository is accepted",
    "gh-aws-aud-default-owner-url-rejected": "the audience alone",
    "gh-aws-environment-key-absent-claim-rejected": "the environment alone: nobody's repository is pinned",
}

_CLAUSE = re.compile(
    r"(?:assertion|claims)(?:\.(?P<dotted>[a-z_]+)|\['(?P<quoted>[^']+)'\])"
    r"(?:\.startsWith\('(?P<start>[^']+)'\)|\s*(?P<op>==|eq|in|matches)\s*(?P<value>'[^']*'|\[[^\]]*\]|true|false|\d+))"
)


def vectors() -> Iterator[Any]:
    for suite in suite_names():
        for vector in load_suite(suite)["vectors"]:
            yield pytest.param(vector, id=vector["id"])


VECTORS = list(vectors())


def value(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")


def pattern(text: str) -> str:
    return text.replace("%", "%25").replace("?", "*?").replace("=", "%3D")  # `?` as part of a segment is refused


def translated(condition: dict[str, Any]) -> list[str]:
    """In our notation. Raises `ValueError` for what has no word in it."""
    consumer = condition["consumer"]
    if consumer == "aws-all":
        return [each for part in condition["of"] for each in translated(part)]
    if consumer in {"aws-stringequals", "azure-fic-exact", "aws-stringlike"}:
        listed = condition["pattern"] if isinstance(condition["pattern"], list) else [condition["pattern"]]
        claim = condition.get("claim", "sub")
        if consumer == "aws-stringlike" and any("*" in each or "?" in each for each in listed):
            return [f"{claim}~{'|'.join(map(pattern, listed))}"]
        return [f"{claim}={'|'.join(map(value, listed))}"]
    return [_clause(clause) for clause in re.split(r"\s*&&\s*|\s+and\s+", condition["pattern"])]


def _clause(clause: str) -> str:
    found = _CLAUSE.fullmatch(clause.strip())
    if found is None:
        raise ValueError(clause)
    claim = found["dotted"] or found["quoted"]
    if found["start"]:
        assert found["start"][-1] in "/:"
        return f"{claim}~{pattern(found['start'])}*"
    if found["op"] == "in":
        return f"{claim}={'|'.join(value(each) for each in json.loads(found['value'].replace(chr(39), chr(34))))}"
    if found["value"][0] != "'":
        return f"{claim}=#{found['value']}"
    text = found["value"][1:-1]
    return f"{claim}~{pattern(text)}" if found["op"] == "matches" else f"{claim}={value(text)}"


def rule_of(vector: dict[str, Any]) -> tuple[Rule, str | None]:
    """The rule, and the audience that it pins: AWS's own there, and so ours here."""
    texts = translated(vector["condition"])
    pinned = [text.removeprefix("aud=") for text in texts if text.startswith("aud=")]
    kind, issuer = ISSUERS[vector["issuer"]]
    made = rule(*(text for text in texts if not text.startswith("aud=")), kind=kind, issuer=issuer)
    return made, pinned[0] if pinned else None


def claims_of(vector: dict[str, Any], audience: str | None) -> dict[str, Any]:
    given = exact.read(json.dumps({"sub": vector["subject"], **(vector.get("claims") or {})}))
    assert isinstance(given, dict)
    ours = (
        "https://gatepass.example" if audience is None or given.get("aud") == audience else "https://elsewhere.example"
    )
    return {**claims(iss=ISSUERS[vector["issuer"]][1]), **given, "aud": ours}


@pytest.mark.parametrize("vector", VECTORS)
def test_our_matcher_agrees(vector: dict[str, Any]) -> None:
    if vector["id"] in NOT_SAID:
        with pytest.raises((Malformed, ValueError)):
            rule_of(vector)
        return
    made, audience = rule_of(vector)
    accepted = judge(made, claims_of(vector, audience), NOW).accepted
    if vector["id"] in FAILS_OPEN | NARROWER:
        assert not accepted
        return
    assert accepted == (vector["expect"] == "match")


@pytest.mark.parametrize("vector", VECTORS)
def test_our_linter_warns_on_every_danger(vector: dict[str, Any]) -> None:
    grade = (vector.get("judgment") or {}).get("grade")
    if vector["id"] in NOT_SAID:
        return  # the test above: such a rule cannot be made
    dangers = [finding for finding in lint(rule_of(vector)[0]) if finding.grade is Grade.DANGER]
    if grade == "dangerous":
        assert dangers
    elif grade == "safe":
        assert bool(dangers) == (vector["id"] in STRICTER), dangers


def test_what_is_left_out_is_there_and_nothing_else() -> None:
    ids = {vector.values[0]["id"] for vector in VECTORS}
    assert len(ids) == len(VECTORS) >= 163
    assert set(NOT_SAID) | FAILS_OPEN | NARROWER | set(STRICTER) <= ids


@pytest.mark.parametrize(
    "text", ["sub~main*", "sub~a:b?*", "sub~*@refs/heads/main", "sub!=x", "sub", "=x", "sub~", "sub="]
)
def test_what_has_no_word_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        Condition.parse(text)
