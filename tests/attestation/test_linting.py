"""Each dangerous shape that the vectors do not have: clusters, trust domains, people, audiences, reuse."""

from typing import Any

import pytest
from tests.attestation.rules import rule

from gatepass.attestation import Grade, lint

CLUSTER: dict[str, Any] = {"kind": "kubernetes", "issuer": "https://cluster.example"}
DOMAIN: dict[str, Any] = {"kind": "spiffe", "issuer": "spiffe://prod.example"}
UID = "/kubernetes.io/serviceaccount/uid=1c9e"


@pytest.mark.parametrize(
    ("conditions", "more", "code"),
    [
        ((), {}, "no_condition"),
        (("sub~*",), {}, "matches_everything"),
        (("environment=prod",), {}, "no_subject"),
        (("email=ada@example.org",), {}, "mutable_name"),
        (("sub=a",), {"audience": "sts.amazonaws.com"}, "shared_audience"),
        (("sub=a",), {"audience": "https://github.com/octo-org"}, "shared_audience"),
        (("sub~system:serviceaccount:*",), CLUSTER, "whole_cluster"),
        (("sub~system:serviceaccount:*:support",), CLUSTER, "whole_cluster"),
        (("sub~system:serviceaccount:agents:*",), CLUSTER, "whole_namespace"),
        (("sub=system:serviceaccount:agents:default",), CLUSTER, "default_account"),
        (("/kubernetes.io/namespace=agents",), CLUSTER, "no_account"),
        (("sub~spiffe://prod.example/*",), DOMAIN, "whole_trust_domain"),
        (("sub~spiffe://*/ns/a/sa/support",), DOMAIN, "path_without_domain"),
        (("sub=/ns/a/sa/support",), DOMAIN, "path_without_domain"),
        (("iss=https://spire.example",), DOMAIN, "no_subject"),
    ],
)
def test_a_danger_is_named(conditions: tuple[str, ...], more: dict[str, Any], code: str) -> None:
    assert code in [finding.code for finding in lint(rule(*conditions, **more)) if finding.grade is Grade.DANGER]


@pytest.mark.parametrize(
    ("conditions", "more", "codes"),
    [
        (("sub=system:serviceaccount:agents:support", UID), CLUSTER, []),
        ((UID,), CLUSTER, []),
        (("sub=system:serviceaccount:agents:support",), CLUSTER, ["mutable_name"]),
        (("sub=spiffe://prod.example/ns/a/sa/support",), DOMAIN, []),
        (("sub~spiffe://prod.example/ns/a/*",), DOMAIN, ["wildcard"]),
        (("sub=svc-1",), {}, ["never_expires"]),
        (("sub=system:serviceaccount:agents:support", UID), {**CLUSTER, "single_use": False}, ["reusable_token"]),
    ],
)
def test_what_is_right_is_left_alone(conditions: tuple[str, ...], more: dict[str, Any], codes: list[str]) -> None:
    found = lint(rule(*conditions, **more))
    assert [finding.code for finding in found] == codes
    assert all(finding.grade is Grade.CAUTION for finding in found)


def test_dangers_come_first_and_nothing_is_said_twice() -> None:
    found = lint(rule("sub~*|a:*", "email=a", single_use=False))
    grades = [finding.grade for finding in found]
    assert grades == sorted(grades, key=lambda grade: grade is Grade.CAUTION)
    assert len(set(found)) == len(found)
