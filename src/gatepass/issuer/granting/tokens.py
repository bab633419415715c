"""The token endpoint's work, in numbered steps. The order is the security argument.

    1 client     who is asking; whoever cannot say is counted, and nothing of theirs is read further
    2 cap        how often this agent asks, whatever comes of it: a runaway client mints no more than that
    3 proof      the key that the new credential will be bound to, proven for this request, once
    4 basis      what it descends from, and whether whoever asks may have anything of it
    5 place      the one surface that it is for
    6 decide     `policy.narrowest`: the narrowest sufficient credential, or what would be granted
    7 sign       with the key of the moment
    8 record     the credential and what the journal says of it, durable before the answer goes out

Every issuance is journalled with all that is known of it, every refusal to a known client too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from gatepass.access import AgentId, CredentialId, Instant, MeterKind, Rate, Reservation, RunId
from gatepass.audit import Entry
from gatepass.authority import SingleUse, meter_key
from gatepass.credentials import IssuedRecord, new_id
from gatepass.credentials.access_tokens import AccessToken, AgentClaims, Confirmation, StatusPlace
from gatepass.credentials.proofs import Nonces, ProvenCall, ReplayStore, use_once, verify_proof
from gatepass.errors import Denied, Error, LimitExceeded, Malformed, Unauthenticated, Unavailable
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.authenticating import Authenticate, Grant, by_api_token, spend
from gatepass.issuer.granting.bases import Basis, exchanged, of_client, subject_of
from gatepass.issuer.granting.certificates import binding_of
from gatepass.issuer.granting.journalling import issued_entry, refused_entry
from gatepass.issuer.granting.requests import (
    TokenRequest,
    bounded,
    read_defaults,
    read_flag,
    read_line,
    read_seconds,
    read_wishes,
)
from gatepass.issuer.granting.signing import CAPABILITY, Signing
from gatepass.issuer.issuance import Book, Issuance
from gatepass.issuer.places import Place, Places, RestPlace
from gatepass.issuer.world import World, run_of, served_at
from gatepass.keys import IssuerKey
from gatepass.keys.issuing import signing_now
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.signing import Signs
from gatepass.limits import Exhausted, Ledger
from gatepass.policy import LONGEST, Bounds, Granted, Wanted, narrowest
from gatepass.revocation.status_lists import split

__all__ = ["EXCHANGE", "Book", "Issuance", "TokenService"]

CLIENT_CREDENTIALS: Final = "client_credentials"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
QUESTIONS: Final = 6_000
"""What one agent may ask in a minute besides tokens: about tokens, for runs."""
_CERTIFICATE: Final = "x5t#S256:"
_PROVE: Final = "Ask with the JWT bearer grant and a new token of your own issuer."


@dataclass(slots=True, kw_only=True)
class TokenService:
    """Issues access tokens."""

    world: World
    places: Places
    clock: Callable[[], Instant]
    entropy: Callable[[int], bytes]
    ledger: Ledger
    replays: ReplayStore
    nonces: Nonces
    opened: Callable[[IssuerKey], Signs]
    """The private half of a key of ours."""
    book: Book
    note: Callable[[Entry], object]
    """Journals an entry about which nobody waits."""
    stranger: Callable[[str, str, str | None, CredentialId | None], None]
    """Counts a failed authentication."""
    cap: Rate
    """Requests of one agent."""
    auditor: str | None = None
    """Whom an auditor's questions go to."""
    others: Sequence[Authenticate] = ()
    """Further ways in which clients authenticate."""
    grants: Mapping[str, Grant] = field(default_factory=dict)
    """Further grants, each of which says who the client is."""
    reproof: Callable[[str], bool] = lambda _: True
    """Whether nothing further comes of what was issued under a trust rule: it wants new proof each time."""
    _signing: Signing = field(init=False)

    def __post_init__(self) -> None:
        self._signing = Signing(self.opened)

    @property
    def grant_types(self) -> tuple[str, ...]:
        """What `grant_type` may say."""
        return (CLIENT_CREDENTIALS, EXCHANGE, *self.grants)

    async def token(self, request: TokenRequest) -> Issuance:
        """Issue what a request asks for. Raises why not, saying what would be granted."""
        if request.grant_type not in self.grant_types:
            raise Malformed("grant_unsupported", "the grant type is none of this issuer")
        at = self.clock()
        client = await self._client(request, at)  # (1)
        try:
            return await self._issue(request, client, at)
        except Error as error:
            self._refused(request, client, error)
            raise

    async def authenticated(self, request: TokenRequest, *, counted: bool = True) -> Client:
        """Who is asking, where nothing is issued (step 1). Raises `Unauthenticated`, `LimitExceeded`."""
        at = self.clock()
        client = await self._client(request, at)
        if client is None:
            raise Unauthenticated("client_invalid", "the request does not say who is asking")
        if counted:
            meter = Reservation(f"{client.agent}/questions", MeterKind.RATE, Decimal(QUESTIONS), period=60_000)
            drawn = await self.ledger.draw((meter,), at)
            if isinstance(drawn, Exhausted):
                raise LimitExceeded("limit_exceeded", "this agent asks too often", retry_after=drawn.retry_after)
        await spend(client, self.replays)
        return client

    # -- the steps

    async def _client(self, request: TokenRequest, at: Instant) -> Client | None:
        """(1) None: an exchange, whose subject token may say who is asking."""
        try:
            found = by_api_token(request, self.world, at)
            for way in () if found is not None else self.others:
                found = await way(request)
                if found is not None:
                    break
            if (grant := self.grants.get(request.grant_type)) is not None:
                found = await grant(request, found)
        except (Unauthenticated, Denied) as error:
            self.stranger("client.refused", error.code, request.source, None)
            raise
        if found is None and request.grant_type != EXCHANGE:
            self.stranger("client.refused", "client_invalid", request.source, None)
            raise Unauthenticated("client_invalid", "the request does not say who is asking")
        return found

    async def _issue(self, request: TokenRequest, client: Client | None, at: Instant) -> Issuance:
        if client is not None:
            await self._count(client.agent, at)  # (2)
        proven, key = await self._proven(request, client, at)  # (3)
        basis = await self._basis(request, client, proven, at)  # (4)
        request = bounded(request, client, proven)
        basis = self._in_run(basis, request, at)
        wishes = read_wishes(request)
        types = {wish.scope.type for wish in wishes.wishes}
        place, here = self._place(request, basis, types)  # (5)
        id_ = CredentialId(new_id("crd", at, self.entropy))
        role = self.world.role_records.get(basis.agent.role)
        granted = narrowest(  # (6)
            Wanted(
                wishes=wishes.wishes,
                whole=basis.hands_on,
                composed=wishes.composed,
                caveats=(SingleUse(meter_key(id_, "once")),) if read_flag(request.single_use, "single_use") else (),
                lifetime=read_seconds(request.expires_in, "expires_in"),
                proven=proven is not None,
            ),
            Bounds(
                held=basis.held,
                roles=basis.roles,
                types=here,
                defaults=() if role is None else read_defaults(role.default_scopes),
                longest=LONGEST if role is None or role.longest_token is None else role.longest_token,
                ends=basis.ends,
            ),
            self.world.catalogue,
            at=at,
        )
        token, record = self._said(request, basis, granted, place=place, id_=id_, proven=proven, at=at)
        await spend(client, self.replays)
        capability = request.requested_token_type == CAPABILITY
        if capability:  # (7)
            text = self._signing.capability(record, key, self.world.signing, issuer=self.places.issuer)
        else:
            text = self._signing.access_token(token, record, self.world.signing)
        entry = issued_entry(
            record,
            token=token,
            basis=basis,
            granted=granted,
            request=request,
            issuer=self.places.issuer,
            auditor=self.auditor,
        )
        await self.book.keep(record, entry)  # (8)
        if self.world.live.check(record.id, "") is not None:
            raise Denied("grant_invalid", "what the token descends from was withdrawn meanwhile")
        return Issuance(text, record, exchanged=request.grant_type == EXCHANGE, capability=capability)

    async def _count(self, agent: AgentId, at: Instant) -> None:
        """(2) Nobody mints without end."""
        meter = Reservation(f"{agent}/issuances", MeterKind.RATE, Decimal(self.cap.count), period=self.cap.period)
        drawn = await self.ledger.draw((meter,), at)
        if isinstance(drawn, Exhausted):
            self.stranger("issuance.throttled", "limit_exceeded", None, CredentialId(agent))
            raise LimitExceeded("limit_exceeded", "this agent asks for tokens too often", retry_after=drawn.retry_after)

    async def _proven(
        self, request: TokenRequest, client: Client | None, at: Instant
    ) -> tuple[str | None, PublicKey | None]:
        """(3) The binding that was proven with the request, and the key, where it is one."""
        if not request.proofs:
            if client is not None and client.proof_key is not None:
                return client.proof_key, None
            return (None if request.certificate is None else binding_of(request.certificate)), None
        proof = verify_proof(request.proofs, ProvenCall(method="POST", url=self.places.token, at=at))
        self.nonces.check(proof, at)
        await use_once(proof, self.replays)
        return proof.thumbprint, proof.key

    async def _basis(self, request: TokenRequest, client: Client | None, proven: str | None, at: Instant) -> Basis:
        """(4) What it stands on."""
        if request.grant_type != EXCHANGE:
            if client is None:
                raise Unauthenticated("client_invalid", "the request does not say who is asking")
            return of_client(client, self.world)
        try:
            basis = exchanged(subject_of(request, self.world, self.places, at), client, proven, self.world)
            anew = client is not None and client.trust == basis.trust
            if basis.trust is not None and not anew and self.reproof(basis.trust):
                raise Denied(
                    "grant_invalid", "each credential of this workload needs a new proof of who it is", hint=_PROVE
                )
        except Unauthenticated as error:
            if client is None:
                self.stranger("client.refused", error.code, request.source, None)
            raise
        if client is None:
            await self._count(basis.agent.id, at)
        return basis

    def _in_run(self, basis: Basis, request: TokenRequest, at: Instant) -> Basis:
        """The run that it is in, which has to be open, and the agent's own."""
        asked, purpose = request.run_id, read_line(request.purpose, "purpose")
        if basis.purpose is not None and purpose not in {None, basis.purpose}:
            raise Denied("grant_invalid", "the subject has another purpose, which was fixed when it was issued")
        if basis.run is not None and asked not in {None, basis.run}:
            raise Denied("grant_invalid", "the subject is in another run, and stays in it")
        id_ = basis.run or (None if asked is None else RunId(asked))
        if id_ is None:
            return replace(basis, run=None, purpose=basis.purpose or purpose, ends=basis.ends)
        run = run_of(self.world, id_, at)
        if run is None or (basis.run is None and run.agent != basis.agent.id):
            raise Denied("grant_invalid", "`run_id` is no open run of this agent")
        return replace(
            basis, run=run.id, purpose=basis.purpose or purpose or run.purpose, ends=(*basis.ends, run.closes)
        )

    def _place(self, request: TokenRequest, basis: Basis, types: set[str]) -> tuple[Place, frozenset[str]]:
        """(5) The one surface that it is for, and the types that are there."""
        named = {*request.resource, *request.audience}
        if len(named) > 1:
            raise Denied("target_refused", "a token is for one resource, and several are named")
        if not named:
            return self._only_place(basis, types)
        place = self.places.find(named.pop())
        behind = None if place is None else served_at(self.world, place)
        if place is None or behind is None:
            raise Denied("target_refused", "the resource is no surface of this deployment")
        return place, frozenset(behind.catalogue.types)

    def _only_place(self, basis: Basis, types: set[str]) -> tuple[Place, frozenset[str]]:
        """Where no resource is named: the one upstream that all of it is of."""
        held = types or {grant.permission.type for grant in (basis.held.grants if basis.held is not None else ())}
        found = [
            behind
            for behind in self.world.upstreams.values()
            if behind.upstream.disabled is None and not held.isdisjoint(behind.catalogue.types)
        ]
        if len(found) != 1:
            raise Denied("target_refused", "no resource is named, and the scopes are not of exactly one")
        upstream = found[0].upstream
        named = Places.at(f"/{'mcp' if upstream.kind.speaks_mcp else 'u'}/{upstream.name}")
        return named or RestPlace(upstream.name), frozenset(found[0].catalogue.types)

    def _said(
        self,
        request: TokenRequest,
        basis: Basis,
        granted: Granted,
        *,
        place: Place,
        id_: CredentialId,
        proven: str | None,
        at: Instant,
    ) -> tuple[AccessToken, IssuedRecord]:
        """(7, 8) The same thing twice: as it is signed, and as it is kept."""
        key = signing_now(self.world.signing.values(), at)
        if key is None:
            raise Unavailable("key_unusable", "the issuer has no key to sign with")
        status = self.book.place(at)
        number, index = split(status)
        record = IssuedRecord(
            id=id_,
            agent=basis.agent.id,
            client=basis.client.agent,
            owner=basis.agent.owner,
            person=basis.person,
            authority=granted.authority,
            audience=self.places.audience(place),
            key=key.id,
            root=basis.root,
            meters=basis.meters,
            issued=at,
            expires=granted.expires,
            status=status,
            run=basis.run,
            binding=proven,
            purpose=basis.purpose,
            parent=basis.ancestors[0] if basis.ancestors else None,
            ancestors=basis.ancestors,
            trust=basis.trust,
        )
        token = AccessToken(
            credential=record.credential,
            issuer=self.places.issuer,
            audience=record.audience,
            client=record.client,
            subject=basis.subject,
            actor=basis.actor,
            confirmation=_confirmation(proven),
            agent=AgentClaims(
                agent_version=read_line(request.agent_version, "agent_version"),
                host_id=read_line(request.host_id, "host_id"),
                attestation=tuple(sorted(basis.client.evidence)),
            ),
            status=StatusPlace(index, self.places.status_list(number)),
            may_act=self._may_act(request.may_act, basis),
        )
        return token, record

    def _may_act(self, named: str | None, basis: Basis) -> AgentId | None:
        if named is None:
            return None
        found = next((each.id for each in self.world.agents.values() if named in {each.id, each.name}), None)
        if found is None or found == basis.agent.id:
            raise Malformed("malformed_request", "`may_act` names no other agent")
        return found

    def _refused(self, request: TokenRequest, client: Client | None, error: Error) -> None:
        """What is refused to a known client is journalled one by one: its number is capped."""
        if client is None or isinstance(error, LimitExceeded | Unavailable) or error.code == "proof_nonce":
            return
        agent = self.world.agents.get(client.agent)
        at, issuer = self.clock(), self.places.issuer
        self.note(refused_entry(error, request=request, client=client, agent=agent, at=at, issuer=issuer))


def _confirmation(proven: str | None) -> Confirmation | None:
    """What the token says of what was proven."""
    if proven is None:
        return None
    return Confirmation(proven.removeprefix(_CERTIFICATE), certificate=proven.startswith(_CERTIFICATE))
