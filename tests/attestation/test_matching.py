"""Whom claims prove under a rule, and each thing for which they prove nobody."""

from decimal import Decimal
from typing import Any

import pytest
from tests.attestation.rules import AGENT, NOW, Terms, claims, rule

from gatepass.access import AgentId, Instant
from gatepass.attestation import Rule, evidence_of, judge
from gatepass.errors import Malformed

SECONDS = NOW // 1000


def faults(made: Rule, **more: Any) -> list[str]:
    return [check.what for check in judge(made, claims(**more), NOW).faults]


def test_a_token_that_meets_every_condition_proves_the_agent() -> None:
    verdict = judge(rule("sub=svc-1"), claims(), NOW)
    assert verdict.accepted
    assert verdict.agent == AGENT
    assert not verdict.faults


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"iss": "https://issuer.example/"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "https://elsewhere.example"}, "audience"),
        ({"aud": None}, "audience"),
        ({"aud": ()}, "audience"),
        ({"aud": ("https://gatepass.example", "https://elsewhere.example")}, "audience"),
        ({"aud": ("https://gatepass.example", "https://gatepass.example")}, "audience"),
        ({"exp": None}, "expiry"),
        ({"exp": str(SECONDS)}, "expiry"),
        ({"exp": Decimal(SECONDS - 61)}, "expiry"),
        ({"exp": Decimal(-1)}, "expiry"),
        ({"exp": Decimal("1e400")}, "expiry"),
        ({"exp": Decimal(SECONDS + 86_401)}, "life"),
        ({"iat": Decimal(SECONDS + 61)}, "iat"),
        ({"nbf": Decimal(SECONDS + 61)}, "nbf"),
        ({"nbf": "now"}, "nbf"),
        ({"sub": None}, "subject"),
        ({"sub": "x" * 1025}, "subject"),
    ],
)
def test_one_thing_wrong_is_enough(more: dict[str, Any], what: str) -> None:
    made = rule()
    assert what in faults(made, **more)
    assert judge(made, claims(**more), NOW).agent is None


def test_the_audience_may_be_the_only_member_of_a_list() -> None:
    assert faults(rule(), aud=("https://gatepass.example/oauth2/token",)) == []


def test_a_pinned_audience_is_the_only_one() -> None:
    made = rule(audience="deploys")
    assert faults(made) == ["audience"]
    assert faults(made, aud="deploys") == []


def test_a_rule_ends() -> None:
    assert faults(rule(expires=Instant(NOW + 1))) == []
    assert faults(rule(expires=NOW)) == ["rule"]


def test_a_mapping_names_the_agent_of_each_value() -> None:
    made = rule(agent=None, agent_claim="environment", agents={"prod": AgentId("agt_p"), "test": AgentId("agt_t")})
    assert judge(made, claims(environment="prod"), NOW).agent == "agt_p"
    assert judge(made, claims(environment="test"), NOW).agent == "agt_t"
    for other in ("PROD", None, ("prod",), Decimal(1)):
        assert faults(made, environment=other) == ["agent"]


KUBERNETES: dict[str, Any] = {
    "iss": "https://cluster.example",
    "sub": "system:serviceaccount:agents:support",
    "kubernetes.io": {
        "namespace": "agents",
        "serviceaccount": {"name": "support", "uid": "1c9e"},
        "pod": {"name": "support-1", "uid": "77aa"},
    },
}


def cluster(*conditions: str) -> Rule:
    return rule(*conditions, kind="kubernetes", issuer="https://cluster.example")


def test_a_service_account_is_pinned_by_its_uid() -> None:
    made = cluster("sub=system:serviceaccount:agents:support", "/kubernetes.io/serviceaccount/uid=1c9e")
    assert faults(made, **KUBERNETES) == []
    again = {**KUBERNETES["kubernetes.io"], "serviceaccount": {"name": "support", "uid": "2222"}}
    assert faults(made, **{**KUBERNETES, "kubernetes.io": again}) == [
        "condition /kubernetes.io/serviceaccount/uid=1c9e"
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"kubernetes.io": None},
        {"kubernetes.io": {"namespace": "other", "serviceaccount": {"name": "support"}}},
        {"sub": "system:serviceaccount:agents:other"},
        {"sub": "system:node:agents:support"},
        {"sub": "system:serviceaccount:agents:support:x"},
        {"sub": "system:serviceaccount::support"},
    ],
)
def test_what_only_looks_like_a_service_account_is_none(more: dict[str, Any]) -> None:
    assert faults(cluster(), **{**KUBERNETES, **more}) == ["service account"]


@pytest.mark.parametrize(
    "subject", ["repo:octo-org/octo-repo:ref:refs/heads/main", "repo:octo-org@1/octo-repo@7:ref:refs/heads/main"]
)
def test_both_of_githubs_subjects_are_matched_by_id(subject: str) -> None:
    made = rule(
        "repository_id=7",
        "ref=refs/heads/main",
        kind="github-actions",
        issuer="https://token.actions.githubusercontent.com",
    )
    given = {"iss": made.issuer, "sub": subject, "repository_id": "7", "ref": "refs/heads/main"}
    assert faults(made, **given) == []
    assert faults(made, **{**given, "repository_id": "8"}) == ["condition repository_id=7"]


@pytest.mark.parametrize(
    ("subject", "wrong"),
    [
        ("spiffe://prod.example/ns/a/sa/support", []),
        ("spiffe://test.example/ns/a/sa/support", ["trust domain"]),
        ("spiffe://prod.example.evil.example/ns/a/sa/support", ["trust domain"]),
        ("spiffe://prod.example", ["trust domain"]),
        ("spiffe://prod.example/", ["trust domain"]),
        ("spiffe://prod.example/../x", ["trust domain"]),
        ("/ns/a/sa/support", ["trust domain"]),
        (None, ["trust domain"]),
    ],
)
def test_a_path_counts_in_its_trust_domain_alone(subject: str | None, wrong: list[str]) -> None:
    made = rule(kind="spiffe", issuer="spiffe://prod.example")
    assert faults(made, iss=None, sub=subject) == wrong


def test_a_condition_without_the_domain_gets_nobody_in() -> None:
    made = rule("sub~spiffe://*/ns/a/sa/support", kind="spiffe", issuer="spiffe://prod.example")
    assert faults(made, sub="spiffe://evil.example/ns/a/sa/support") == ["trust domain"]


@pytest.mark.parametrize(
    "terms",
    [
        Terms(issuer="http://issuer.example"),
        Terms(issuer="https://issuer.example?x"),
        Terms(issuer="https://user@issuer.example"),
        Terms(issuer="https://issuer.example/../x"),
        Terms(issuer="ftp://issuer.example"),
        Terms(issuer="issuer"),
        Terms(issuer="https://" + "a" * 1024),
        Terms(kind="spiffe", issuer="https://issuer.example"),
        Terms(kind="spiffe", issuer="spiffe://prod.example/ns"),
        Terms(kind="spiffe", issuer="spiffe://Prod.example"),
        Terms(audience=""),
        Terms(audience="a\n"),
        Terms(conditions=("aud=x",)),
        Terms(conditions=("exp=#1",)),
        Terms(conditions=tuple(f"a{place}=1" for place in range(33))),
        Terms(agent=None),
        Terms(agent_claim="env"),
        Terms(agents={"a": AGENT}),
        Terms(agent=None, agent_claim="env"),
        Terms(agent=None, agent_claim="env", agents={"": AGENT}),
        Terms(agent=None, agent_claim="env=a", agents={"a": AGENT}),
    ],
)
def test_a_rule_that_cannot_be_is_refused(terms: Terms) -> None:
    with pytest.raises(Malformed) as refusal:
        Rule.of(terms, frozenset({"x"}))
    assert refusal.value.code == "malformed_trust_rule"


def test_a_new_proof_each_time_is_a_token_each_time() -> None:
    assert Rule.of(Terms(single_use=False, reproof=True), frozenset({"x"})).single_use
    assert not Rule.of(Terms(single_use=False), frozenset({"x"})).single_use


def test_what_is_kept_is_chosen_and_bounded() -> None:
    made = cluster("sub=system:serviceaccount:agents:support", "/kubernetes.io/serviceaccount/uid=1c9e", "deep=x")
    kept = evidence_of(made, claims(**KUBERNETES, email="ada@example.org", deep="y" * 1000), "d").flat()
    assert kept["proof.claim./kubernetes.io/pod/uid"] == "77aa"
    assert kept["proof.subject"] == "system:serviceaccount:agents:support"
    assert kept["proof.token"] == "1"
    assert len(kept["proof.claim.deep"]) < 300
    assert not [value for value in kept.values() if "ada@" in value]
