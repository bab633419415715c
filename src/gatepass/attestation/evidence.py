"""What is kept of a proof: who proved it to whom, a few claims by name, and a digest that finds it again.

The law: bounded and chosen. A claim is kept because it is on the list of its kind or because a condition of the rule
looks at it, never because the token has it: tokens carry people's names and addresses. The digest is over what was
signed, not over the signature, of which there may be several for one text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.attestation.conditions import claim_at
from gatepass.attestation.rules import Rule, RuleKind
from gatepass.authority.scopes.patterns import shown

__all__ = ["LONGEST_CLAIM", "MOST_CLAIMS", "Evidence", "evidence_of"]

MOST_CLAIMS: Final = 24
LONGEST_CLAIM: Final = 256

_KEPT: Final[Mapping[RuleKind, tuple[str, ...]]] = {
    RuleKind.OIDC: (),
    RuleKind.KUBERNETES: (
        "/kubernetes.io/namespace",
        "/kubernetes.io/serviceaccount/name",
        "/kubernetes.io/serviceaccount/uid",
        "/kubernetes.io/pod/name",
        "/kubernetes.io/pod/uid",
        "/kubernetes.io/node/name",
        "/kubernetes.io/node/uid",
    ),
    RuleKind.GITHUB_ACTIONS: (
        "repository",
        "repository_id",
        "repository_owner_id",
        "ref",
        "sha",
        "environment",
        "event_name",
        "job_workflow_ref",
        "run_id",
        "run_attempt",
        "actor_id",
    ),
    RuleKind.SPIFFE: (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a proof comes to, once it was accepted."""

    rule: str
    kind: str
    issuer: str
    subject: str
    token: str | None
    """The `jti`, where there is one."""
    digest: str
    """SHA-256, in base64url, of what was signed."""
    claims: Mapping[str, str]

    def flat(self) -> dict[str, str]:
        """As details of a journal entry: `proof.issuer`, `proof.claim.repository_id` and so on."""
        said = {
            "proof.rule": self.rule,
            "proof.kind": self.kind,
            "proof.issuer": self.issuer,
            "proof.subject": self.subject,
            "proof.digest": self.digest,
            **({"proof.token": self.token} if self.token else {}),
        }
        return {**said, **{f"proof.claim.{name}": value for name, value in self.claims.items()}}


def evidence_of(rule: Rule, claims: Mapping[str, Json], digest: str) -> Evidence:
    """What to keep of claims that `rule` accepted."""
    paths = {condition.claim: condition.path for condition in rule.conditions}
    if rule.agent_path:
        paths["/" + "/".join(rule.agent_path) if len(rule.agent_path) > 1 else rule.agent_path[0]] = rule.agent_path
    paths |= {name: tuple(name[1:].split("/")) if name.startswith("/") else (name,) for name in _KEPT[rule.kind]}
    kept = {name: text for name, path in paths.items() if (text := _text(claim_at(claims, path))) is not None}
    issuer, subject, token = (_text(claims.get(name)) for name in ("iss", "sub", "jti"))
    return Evidence(
        rule=rule.name,
        kind=rule.kind.value,
        issuer=issuer or rule.issuer,
        subject=subject or "",
        token=token,
        digest=digest,
        claims=dict(list(kept.items())[:MOST_CLAIMS]),
    )


def _text(value: Json) -> str | None:
    if isinstance(value, str):
        return shown(value, LONGEST_CLAIM)
    return exact.write(value).decode() if isinstance(value, bool | Decimal) else None
