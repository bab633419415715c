"""Kubernetes: `system:serviceaccount:NAMESPACE:ACCOUNT`, and ids in the claim `kubernetes.io`.

An account that is deleted and made again has its old name and another uid. Whoever may make pods in a namespace may use
every account in it.
"""

from collections.abc import Iterator

from gatepass.attestation.rules import Rule
from gatepass.attestation.shapes.reading import Finding, Shape, caution, danger, pins, subjects

__all__ = ["lint"]

_NAMESPACE, _ACCOUNT = 2, 3
_UID = "/kubernetes.io/serviceaccount/uid"
_NAME = "/kubernetes.io/serviceaccount/name"
_SPACE = "/kubernetes.io/namespace"


def lint(rule: Rule) -> Iterator[Finding]:
    """What is unwise about a rule for a cluster's service accounts."""
    shapes = tuple(subjects(rule))
    by_id = pins(rule, _UID)
    if rule.conditions and not by_id and not shapes and not pins(rule, _SPACE, _NAME):
        yield danger("no_account", "no condition pins a service account, so others of the cluster are accepted")
    for shape in shapes:
        if not by_id:
            yield from _subject(rule, shape)
    if not by_id and rule.conditions:
        yield caution("mutable_name", f"an account made again under its old name is accepted; pin `{_UID}`")


def _subject(rule: Rule, shape: Shape) -> Iterator[Finding]:
    space = shape[_NAMESPACE] if len(shape) > _NAMESPACE else None
    account = shape[_ACCOUNT] if len(shape) > _ACCOUNT else None
    if space is None and not pins(rule, _SPACE):
        yield danger("whole_cluster", "the namespace is open: whoever may make one in the cluster gets in")
    elif account is None and not pins(rule, _NAME):
        yield danger("whole_namespace", "every service account of the namespace is accepted, also `default`")
    elif account == "default":
        yield danger(
            "default_account", "`default` is the account of every pod that names none; give the agent one of its own"
        )
