"""The JWT bearer grant (RFC 7523): a workload's own token, or an identity assertion grant (ID-JAG) beside a client.

The law. A workload's token is for our issuer identifier or token endpoint, and says by itself who is asking: a
`client_id` beside it has to say the same. An identity assertion (`typ` is `oauth-id-jag+jwt`) says for whom a client
that has authenticated otherwise may act: it is for our issuer identifier alone, names that very client, and what
comes of it is within the scopes and the resource that it says and bound to the key that it says. Neither is ever
given a refresh token, and no kind of token is taken for the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gatepass import exact
from gatepass.access import AgentId, Instant, Json
from gatepass.attestation.assertions import ID_JAG
from gatepass.attestation.matching import sole_audience
from gatepass.errors import Error
from gatepass.issuer.clients import Use
from gatepass.issuer.workloads.asked import Assertion, Names, Proven
from gatepass.issuer.workloads.own_keys import OwnKeys
from gatepass.issuer.workloads.proving import Proving, agent_named, parsed, refused

__all__ = ["CLIENT_ASSERTION", "SPIFFE_ASSERTION", "Allowed", "Workloads"]

CLIENT_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SPIFFE_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
_CLIENT_TYPE: Final = "client-authentication+jwt"
_GRANT: Final = "grant_invalid"
_CLIENT: Final = "client_invalid"
_MOST: Final = 32
_LONGEST_EVIDENCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What an assertion comes to, for the issuer."""

    agent: AgentId
    how: str
    evidence: Mapping[str, str]
    rule: str | None = None
    """The id of the trust rule."""
    longest: int | None = None
    """Milliseconds that a credential may live for."""
    scopes: tuple[str, ...] | None = None
    """All that may be granted; None where the assertion does not say."""
    resources: tuple[str, ...] = ()
    use: Use | None = None
    """What is claimed before anything is issued."""
    key: str | None = None
    """The thumbprint of the key that has to be proven with the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    """What the token endpoint asks about assertions."""

    proving: Proving
    own_keys: OwnKeys
    issuer: str
    token: str
    """The token endpoint."""
    names: Names
    clock: Callable[[], Instant]

    async def granted(self, assertion: str, client_id: str | None, client: AgentId | None) -> Allowed:
        """What an assertion grants. `client` is who has authenticated otherwise.

        Raises `Denied` (`grant_invalid`), and `Unavailable` where an issuer's keys cannot be had.
        """
        said = parsed(assertion, _GRANT)
        named = agent_named(self.names, client_id, _GRANT)
        if said.type == _CLIENT_TYPE or (client is not None and named not in {None, client}):
            raise refused(_GRANT, "the assertion is not one for this grant")
        if said.type == ID_JAG:
            return await self._identity(assertion, client)
        asked = Assertion(said=said, audiences=frozenset({self.issuer, self.token}), agent=client or named)
        return _allowed(await self.proving.prove(asked, _GRANT), "jwt-bearer")

    async def authenticated(self, kind: str | None, assertion: str, client_id: str | None) -> Allowed:
        """Who authenticates with a client assertion. Raises `Unauthenticated` (`client_invalid`), `Unavailable`."""
        said = parsed(assertion, _CLIENT)
        named = agent_named(self.names, client_id, _CLIENT)
        if kind not in {CLIENT_ASSERTION, SPIFFE_ASSERTION} or said.type == ID_JAG:
            raise refused(_CLIENT, "`client_assertion_type` is none that is taken")
        if (said.domain() is not None) != (kind == SPIFFE_ASSERTION):
            raise refused(_CLIENT, f"a JWT-SVID authenticates a client as `{SPIFFE_ASSERTION}`, and nothing else")
        if kind == CLIENT_ASSERTION and said.issuer is not None and said.issuer == said.subject:
            agent = self.names(said.issuer)
            if agent is None or named not in {None, agent}:
                raise refused(_CLIENT, "the client is unknown, or its authentication does not hold")
            key, use = self.own_keys.check(said, agent, self.issuer, self.clock())
            return Allowed(
                agent=agent,
                how="private_key_jwt",
                evidence={"private_key_jwt": key.thumbprint},
                use=replace(use, client=True),
            )
        asked = Assertion(said=said, audiences=frozenset({self.issuer}), agent=named)
        found = _allowed(await self.proving.prove(asked, _CLIENT), "workload_jwt")
        return found if found.use is None else replace(found, use=replace(found.use, client=True))

    async def _identity(self, assertion: str, client: AgentId | None) -> Allowed:
        """ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant)."""
        if client is None:
            raise refused(_CLIENT, "an identity assertion needs a client that authenticates as well")
        said = parsed(assertion, _GRANT)
        proven = await self.proving.prove(
            Assertion(said=said, audiences=frozenset({self.issuer}), agent=client), _GRANT
        )
        named = proven.claims.get("client_id")
        if (
            not isinstance(named, str)
            or self.names(named) != client
            or sole_audience(proven.claims) != self.issuer
            or proven.evidence.token is None
        ):
            raise refused(_GRANT, "the identity assertion was not issued for this client and this issuer")
        return replace(
            _allowed(proven, "id-jag"),
            use=proven.use,
            scopes=_scopes(proven.claims),
            resources=_texts(proven.claims.get("resource")),
            key=_confirmed(proven.claims),
        )


def _allowed(proven: Proven, how: str) -> Allowed:
    return Allowed(
        agent=proven.agent,
        how=how,
        evidence={proven.evidence.kind: _told(proven)},
        rule=proven.rule.id,
        longest=proven.rule.longest_life,
        use=proven.use if proven.counts_once else None,
    )


def _told(proven: Proven) -> str:
    """The evidence as one line of JSON, of which the first claims that fit are kept."""
    kept = proven.evidence
    said: dict[str, Json] = {
        "rule": kept.rule,
        "issuer": kept.issuer,
        "subject": kept.subject,
        "digest": kept.digest,
        **({"token": kept.token} if kept.token else {}),
    }
    claims: dict[str, Json] = {}
    for name, value in kept.claims.items():
        more = {**claims, name: value}
        if len(exact.write({**said, "claims": more})) > _LONGEST_EVIDENCE:
            break
        claims = dict(more)
    return exact.write({**said, **({"claims": claims} if claims else {})}).decode()


def _scopes(claims: Mapping[str, Json]) -> tuple[str, ...] | None:
    """The scopes that an identity assertion says. One that cannot be read grants nothing."""
    if "scope" not in claims:
        return None
    said = claims["scope"]
    words = said.split(" ") if isinstance(said, str) else []
    return tuple(word for word in words if word)[:_MOST]


def _texts(value: Json) -> tuple[str, ...]:
    if value is None:
        return ()
    listed = value if isinstance(value, tuple) else (value,)
    if not 1 <= len(listed) <= _MOST or not all(isinstance(each, str) for each in listed):
        raise _unreadable()
    return tuple(str(each) for each in listed)


def _confirmed(claims: Mapping[str, Json]) -> str | None:
    """The key of `cnf`. A confirmation of another kind cannot be honoured, so it is refused."""
    if "cnf" not in claims:
        return None
    said = claims["cnf"]
    key = said.get("jkt") if isinstance(said, Mapping) and len(said) == 1 else None
    if not isinstance(key, str):
        raise _unreadable()
    return key


def _unreadable() -> Error:
    return refused(_GRANT, "the identity assertion says something that cannot be honoured")
