"""The wiring: the rooms, put together by hand out of parts. Nothing here opens a file, a socket or a clock.

Read `Deployment.of` from top to bottom to see the whole: what is made in which order, who is given what, and
nothing else. Everything that fails here fails before the first request is answered; what was made is closed
again in the opposite order.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace

from gatepass.administration import Administration, Announcement, Put, Removed, SettingFact, Terms
from gatepass.console import Console
from gatepass.credentials import Ahead, Rate, TokenLimits
from gatepass.credentials.proofs import Nonces
from gatepass.gateway.admission import Admission
from gatepass.gateway.explain import Explainer
from gatepass.gateway.forwarding.door import Patience
from gatepass.gateway.mcp import Bounds, McpSurface
from gatepass.gateway.mcp.behind import Behind
from gatepass.gateway.mcp.results import Seal
from gatepass.gateway.mcp.servers.streamable import HttpServers
from gatepass.gateway.operations import read_operations
from gatepass.gateway.rest import RestSurface
from gatepass.gateway.snapshot import Snapshot
from gatepass.gateway.strangers import Strangers
from gatepass.gateway.verifying.passes import Passes
from gatepass.issuer import Places
from gatepass.issuer.workloads import ForeignKeys, Trusted
from gatepass.keys import Digests, IssuerKeys, Sealer
from gatepass.outbound.documents import DocumentFetcher
from gatepass.registry import AgentKey, TrustRule, Upstream
from gatepass.revocation import Live, Reinstated, Withdrawn
from gatepass.server.housekeeping import Housekeeping
from gatepass.server.issuing import oauth_of, token_service
from gatepass.server.parts import Parts, SlowPasswords
from gatepass.settings import Settings, effective
from gatepass.vault import Custody, Secret
from gatepass.web.app import App, Surfaces
from gatepass.web.certificates import CertificateProxies
from gatepass.web.hosts import Hosts
from gatepass.web.management import build as management_api

__all__ = ["Deployment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that runs, ready."""

    parts: Parts
    app: App
    administration: Administration
    admission: Admission
    housekeeping: Housekeeping

    @classmethod
    @asynccontextmanager
    async def of(cls, parts: Parts) -> AsyncIterator["Deployment"]:
        """A deployment made of `parts`; what it made itself is closed when the caller is done."""
        async with AsyncExitStack() as closing:
            parts.ledger.rebuild({}, await parts.store.load_spent(parts.clock()))
            nonces = nonces_of(parts)
            admission = _admission(parts, nonces)
            closing.callback(admission.close)
            mcp = _mcp(parts, admission)
            closing.push_async_callback(mcp.close)
            rest = RestSurface(admission=admission, door=parts.door, patience=_patience(parts.settings))
            trusted = Trusted(_ours(parts))
            foreign = ForeignKeys(DocumentFetcher(parts.door).fetch, parts.clock)
            keys = IssuerKeys(parts.keyring, parts.entropy)
            administration = await _administration(parts, admission, keys, trusted, foreign)
            admission.leaked = administration.revoking.leaked
            await administration.signing.tend()
            management = management_api(administration)
            app = App(
                surfaces=Surfaces(rest=rest, mcp=mcp, header_only=mcp),
                management=management,
                oauth=oauth_of(
                    token_service(
                        parts, admission, administration, keys, nonces=nonces, trusted=trusted, foreign=foreign
                    ),
                    administration,
                    admission.snapshot,
                    certificates=bool(parts.settings.server.certificate_proxies),
                    resource_servers=parts.settings.issuer.resource_servers,
                ),
                console=Console(
                    api=management,
                    host=parts.settings.server.people_host,
                    agents=parts.settings.server.agents_host,
                    clock=parts.clock,
                ),
                hosts=_hosts(parts.settings),
                proxies=CertificateProxies(parts.settings.server.certificate_proxies),
                ready=parts.trouble,
            )
            yield cls(
                parts=parts,
                app=app,
                administration=administration,
                admission=admission,
                housekeeping=Housekeeping(
                    admission=admission,
                    mcp=mcp,
                    store=parts.store,
                    clock=parts.clock,
                    tend=administration.tend,
                    signing=administration.signing,
                ),
            )


# -- the rooms


def _admission(parts: Parts, nonces: Nonces) -> Admission:
    """The numbered steps, with everything that they decide with."""
    snapshot = Snapshot(live=Live(), defaults=_terms(parts.settings).limits)
    return Admission(
        snapshot=snapshot,
        passes=Passes(
            base=parts.agents_url,
            snapshot=snapshot,
            replay=parts.replay,
            nonces=nonces,
        ),
        ledger=parts.ledger,
        journal=parts.journal,
        custody=Custody(parts.keyring),
        clock=parts.clock,
        entropy=Ahead(parts.entropy),
        digest=Digests(parts.keyring).digest,
        strangers=Strangers(),
    )


def nonces_of(parts: Parts) -> Nonces:
    """The nonces of this deployment: the issuer and the surfaces take each other's."""
    digests = Digests(parts.keyring, "nonces of proofs")
    return Nonces(lambda said: bytes.fromhex(digests.digest(said).rpartition(":")[2]), parts.clock())


def _mcp(parts: Parts, admission: Admission) -> McpSurface:
    """The MCP surface, and the servers behind it."""
    servers = HttpServers(door=parts.door, farewell=_farewell(admission))
    return McpSurface(
        admission=admission,
        behind=Behind(http=servers, stdio=parts.children, clock=parts.clock),
        seal=Seal(parts.entropy(32)),
        bounds=Bounds(request=parts.settings.sizes.mcp_request),
    )


async def _administration(
    parts: Parts, admission: Admission, keys: IssuerKeys, trusted: Trusted, foreign: ForeignKeys
) -> Administration:
    """What people manage. It announces everything there is to the snapshot while it opens."""
    return await Administration.open(
        store=parts.store,
        announce=_Announcer(admission.snapshot, trusted),
        clock=parts.clock,
        entropy=parts.entropy,
        read_catalogue=lambda text, name: read_operations(text, name).catalogue,
        seals=Sealer(parts.keyring, parts.entropy),
        new_key=lambda at: parts.keyring.rotate(at, parts.entropy),
        signing_keys=keys,
        passwords=SlowPasswords(parts.entropy),
        ledger=parts.ledger,
        archive=parts.archive,
        explain=Explainer(admission).explain,
        proves=foreign,
        stranger=admission.stranger,
        terms=replace(_terms(parts.settings), audiences=trusted.ours),
        facts=replace(
            parts.facts,
            settings=tuple(SettingFact(**asdict(each)) for each in effective(parts.settings)),
            trouble=parts.trouble,
        ),
    )


# -- what goes between them


def _farewell(admission: Admission) -> Callable[[Upstream], Secret | None]:
    """The secret with which an upstream's sessions are ended, if it still has one."""

    def secret(upstream: Upstream) -> Secret | None:
        sealed = admission.snapshot.secrets.get(upstream.secret) if upstream.secret else None
        return admission.custody.open(sealed, upstream) if sealed else None

    return secret


class _Announcer:
    """Tells the snapshot what administration did. Synchronous: when it returns, the next decision knows."""

    def __init__(self, snapshot: Snapshot, trusted: Trusted) -> None:
        self._snapshot, self._trusted = snapshot, trusted

    def __call__(self, announcement: Announcement) -> None:
        match announcement:
            case Put(record):
                if isinstance(record, TrustRule | AgentKey):
                    self._trusted.put(record)
                else:
                    self._snapshot.put(record)
            case Removed(record):
                if isinstance(record, TrustRule | AgentKey):
                    self._trusted.remove(record)
                else:
                    self._snapshot.remove(record)
            case Withdrawn():
                self._snapshot.withdraw(announcement)
            case Reinstated():
                self._snapshot.live.reinstate(announcement)


# -- settings, as each room takes them


def _ours(parts: Parts) -> frozenset[str]:
    """What a token that is meant for our issuer may have as its sole audience."""
    places = Places(parts.agents_url)
    return frozenset({places.issuer, places.token})


def _patience(settings: Settings) -> Patience:
    timeouts = settings.timeouts
    return Patience(connect=timeouts.connect / 1000, first=timeouts.answer / 1000, idle=timeouts.idle / 1000)


def _terms(settings: Settings) -> Terms:
    limits = settings.limits
    return Terms(
        limits=TokenLimits(
            attempts=Rate(limits.attempts.count, limits.attempts.period),
            calls=Rate(limits.calls.count, limits.calls.period),
            writes_per_minute=limits.writes_per_minute,
            requests_per_day=limits.requests_per_day,
        ),
        account=Rate(limits.account.count, limits.account.period),
        token_lifetime=settings.lifetimes.token,
        session_lifetime=settings.lifetimes.session,
        fresh=settings.lifetimes.fresh,
        code_lifetime=settings.lifetimes.sign_in_code,
        signing_period=settings.lifetimes.signing_key,
    )


def _hosts(settings: Settings) -> Hosts:
    server = settings.server
    # Behind a proxy agents use the public name, and machines beside this one the name that it listens under.
    return Hosts(agents=frozenset({server.agents_host, server.agents_name}), people=frozenset({server.people_host}))
