"""The issuer's wiring: what it is given, and the endpoints and documents that are made of it."""

from collections.abc import Callable, Sequence

from gatepass.access import AgentId, Rate
from gatepass.administration import Administration
from gatepass.credentials import Ahead
from gatepass.credentials.proofs import Nonces
from gatepass.gateway.admission import Admission
from gatepass.gateway.snapshot import Snapshot
from gatepass.issuer import METHOD, ByAssertion, ByCertificate, Places, Published, TokenService
from gatepass.issuer.standing import StatusLists, Taking
from gatepass.issuer.workloads import (
    JWT_BEARER,
    ForeignKeys,
    OwnKeys,
    Proving,
    Trusted,
    Workloads,
)
from gatepass.keys import IssuerKeys
from gatepass.server.parts import Parts
from gatepass.web.oauth import (
    OAuth,
    authenticating,
    documents_of,
    introspection_endpoint,
    list_of_lists,
    revocation_endpoint,
    run_ending,
    run_opening,
    status_list,
    token_endpoint,
)

__all__ = ["oauth_of", "token_service"]


def token_service(
    parts: Parts,
    admission: Admission,
    administration: Administration,
    keys: IssuerKeys,
    *,
    nonces: Nonces,
    trusted: Trusted,
    foreign: ForeignKeys,
) -> TokenService:
    """What the token endpoint does, with everything that it decides with."""
    settings = parts.settings
    clients = _workload_clients(parts, admission, trusted, foreign)
    return TokenService(
        world=admission.snapshot,
        places=Places(parts.agents_url),
        clock=parts.clock,
        entropy=Ahead(parts.entropy),
        ledger=parts.ledger,
        replays=parts.replay,
        nonces=nonces,
        opened=keys.open,
        book=administration.access,
        note=parts.journal.append,
        stranger=admission.stranger,
        cap=Rate(settings.limits.issuances.count, settings.limits.issuances.period),
        auditor=settings.issuer.auditor,
        others=(clients.by_client_assertion, ByCertificate(trusted, admission.snapshot, parts.clock)),
        grants={JWT_BEARER: clients.by_grant},
        reproof=trusted.reproof,
    )


def oauth_of(
    service: TokenService,
    administration: Administration,
    snapshot: Snapshot,
    *,
    certificates: bool,
    resource_servers: Sequence[str] = (),
) -> OAuth:
    """Its paths. `certificates`: those of clients can be seen; `resource_servers`: who asks for which upstream."""
    published = Published(
        world=service.world,
        places=service.places,
        grant_types=lambda: service.grant_types,
        endpoints={
            "introspection_endpoint": "/oauth2/introspect",
            "revocation_endpoint": "/oauth2/revoke",
            "status_list_aggregation_endpoint": "/oauth2/status",
        },
        methods=("client_secret_basic", "client_secret_post", "private_key_jwt", *((METHOD,) if certificates else ())),
        certificates=certificates,
    )
    asks, takes = authenticating(service), authenticating(service, counted=False)
    taking = Taking(snapshot, service.places, administration.revoking, service.clock)
    lists = StatusLists(
        world=snapshot,
        places=administration.desk.places,
        addresses=service.places,
        opens=service.opened,
        clock=service.clock,
    )
    return OAuth(
        endpoints={
            b"/oauth2/token": token_endpoint(service),
            b"/oauth2/introspect": introspection_endpoint(
                asks, snapshot, service.places, service.clock, _served_by(snapshot, resource_servers)
            ),
            b"/oauth2/revoke": revocation_endpoint(takes, taking),
            b"/oauth2/runs": run_opening(asks, administration.runs),
            b"/oauth2/runs/end": run_ending(takes, administration.runs),
        },
        documents={
            **documents_of(published),
            b"/oauth2/status": list_of_lists(lists),
            b"/oauth2/status/": status_list(lists),
        },
    )


def _workload_clients(parts: Parts, admission: Admission, trusted: Trusted, foreign: ForeignKeys) -> ByAssertion:
    """Who is asking, by another issuer's token or a signature of the agent's own."""
    places, world = Places(parts.agents_url), admission.snapshot

    def named(ref: str) -> AgentId | None:
        return next((agent.id for agent in world.agents.values() if ref in {agent.id, agent.name}), None)

    workloads = Workloads(
        proving=Proving(trusted=trusted, keys=foreign, clock=parts.clock),
        own_keys=OwnKeys(trusted),
        issuer=places.issuer,
        token=places.token,
        names=named,
        clock=parts.clock,
    )
    return ByAssertion(workloads=workloads, world=world, clock=parts.clock)


def _served_by(snapshot: Snapshot, pairs: Sequence[str]) -> Callable[[AgentId], frozenset[str]]:
    """The upstreams in whose name an agent asks: by the agent's name, as the settings have it."""

    def serves(agent: AgentId) -> frozenset[str]:
        known = snapshot.agents.get(agent)
        named = (pair.partition("=") for pair in pairs)
        return frozenset(upstream for upstream, _, name in named if known is not None and known.name == name)

    return serves
