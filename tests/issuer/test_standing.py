"""What is said of a token is what a gateway would say of it in that instant, and only to whom it concerns."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.issuer.standing import ADA, BASE, BOB, BOT, HOLDER, NOW, ORDERS, OTHER, REFUND, RUN, World

from gatepass.access import AgentId, CredentialId, Instant
from gatepass.credentials.access_tokens import AccessTokens
from gatepass.issuer.clients import Client
from gatepass.issuer.standing import LIFE, TTL, Taking, introspect
from gatepass.issuer.standing.introspection import INACTIVE
from gatepass.keys.jose.fixed import FixedJws, header_segment
from gatepass.revocation import Scope
from gatepass.revocation.status_lists import StatusBits, split

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def said(world: World, text: str, asks: AgentId = BOT, serves: frozenset[str] = frozenset()) -> Any:
    return introspect(world.find(text), asks, world.places, serves)


def test_an_access_token_is_told_to_its_agent_in_the_words_of_the_rfc() -> None:
    world = World()
    world.snapshot.put(RUN)
    record, text = world.bound(run=RUN.id)
    assert said(world, text) == {
        "active": True,
        "iss": BASE,
        "aud": ORDERS,
        "jti": record.id,
        "client_id": BOT,
        "sub": BOT,
        "owner": ADA,
        "iat": NOW // 1000,
        "exp": NOW // 1000 + 600,
        "scope": REFUND,
        "authorization_details": (
            {
                "type": "orders",
                "actions": ("refund",),
                "identifier": "order-12345",
                "limits": {"amount": {"<=": 50, ">=": 0}, "currency": {"=": "USD"}},
            },
        ),
        "token_type": "DPoP",
        "cnf": {"jkt": HOLDER.public.thumbprint},
        "run_id": RUN.id,
        "purpose": "refunds",
    }


def test_api_tokens_and_capabilities_are_told_too() -> None:
    world = World()
    record, token = world.api_token()
    assert said(world, token.reveal())["jti"] == record.id
    assert said(world, token.reveal())["token_type"] == "Bearer"
    root, chain = world.chain(3)
    told = said(world, chain.text)
    assert (told["sub"], told["aud"], told["active"]) == (BOT, ORDERS, True)
    assert told["jti"].startswith("lnk_")
    assert told["cnf"] == {"jkt": HOLDER.public.thumbprint}
    assert said(world, world.chain(1)[1].text)["jti"].startswith("crd_")
    assert root.id != told["jti"]


def test_a_certificates_token_says_so() -> None:
    world = World()
    record = world.record(binding="x5t#S256:" + "A" * 43)
    standing = world.find(world.access_token_of_certificate(record))
    told = introspect(standing, BOT, world.places)
    assert (told["cnf"], told["token_type"]) == ({"x5t#S256": "A" * 43}, "Bearer")


def nothing(world: World) -> dict[str, str]:
    """Texts that stand for nothing, by what is wrong with them."""
    stranger = World(b"stranger")
    _, foreign = stranger.bound()
    record, text = world.bound()
    never_record, never_put = world.bound()
    del world.snapshot.issued[never_record.id]
    expired_record = world.record(expires=Instant(NOW + 1000))
    expired = world.access_token(expired_record)
    revoked_record, revoked = world.bound()
    world.withdraw(Scope.CREDENTIAL, revoked_record.id)
    withdrawn_key = world.new_key()
    of_withdrawn_key = world.access_token(world.record(key=withdrawn_key.id), key=withdrawn_key)
    world.withdraw(Scope.KEY, withdrawn_key.id)
    moved = world.access_token(
        type(record)(**{**{name: getattr(record, name) for name in record.__slots__}, "audience": f"{BASE}/mcp/orders"})
    )
    unknown_run = world.access_token(world.record(run="run_unknown"))
    _, chain = world.chain(2)
    world.now += 2000
    return {
        "nothing": "",
        "words": "not a token",
        "dots": "a.b.c",
        "far too long": "x" * 30_000,
        "another issuer's": foreign,
        "another audience on the record": moved,
        "another issuer in it": world.access_token(record, issuer="http://elsewhere"),
        "not on the live list": never_put,
        "expired": expired,
        "revoked": revoked,
        "of a withdrawn key": of_withdrawn_key,
        "of a run that is not known": unknown_run,
        "garbled": text[:-4] + "AAAA",
        "without its signature": text.rpartition(".")[0] + ".",
        "half a chain": chain.text[: len(chain.text) // 2],
    }


@pytest.mark.parametrize("what", list(nothing(World())))
def test_what_does_not_stand_is_inactive_and_nothing_more_is_said(what: str) -> None:
    world = World()
    assert said(world, nothing(world)[what]) == {"active": False}


def test_what_does_not_concern_whoever_asks_is_inactive_in_the_same_words() -> None:
    world = World()
    texts = [world.bound()[1], world.api_token()[1].reveal(), world.chain(2)[1].text]
    for text in texts:
        assert said(world, text)["active"] is True
        assert said(world, text, OTHER) is INACTIVE
        assert said(world, text, OTHER, frozenset({"elsewhere"})) is INACTIVE
    for text in (texts[0], texts[2]):  # who serves the system that it is for
        assert said(world, text, OTHER, frozenset({"orders"}))["active"] is True
    assert said(world, texts[1], OTHER, frozenset({"orders"})) is INACTIVE


WITHDRAWALS: dict[str, Callable[[World, CredentialId], None]] = {
    "itself": lambda world, id_: world.withdraw(Scope.CREDENTIAL, id_),
    "its agent": lambda world, _: world.withdraw(Scope.AGENT, BOT),
    "its owner": lambda world, _: world.withdraw(Scope.PERSON, ADA),
    "its run": lambda world, _: world.withdraw(Scope.RUN, RUN.id),
    "its parent": lambda world, _: world.withdraw(Scope.CREDENTIAL, "crd_parent"),
    "its key": lambda world, _: world.withdraw(Scope.KEY, world.key.id),
    "everything": lambda world, _: world.withdraw(Scope.EVERYTHING, ""),
    "its upstream": lambda world, _: world.withdraw(Scope.UPSTREAM, "orders"),
}


@pytest.mark.parametrize("what", WITHDRAWALS)
def test_introspection_the_live_list_and_the_status_list_never_disagree(what: str) -> None:
    world = World()
    world.snapshot.put(RUN)
    world.new_key()
    line = {"run": RUN.id, "parent": CredentialId("crd_parent"), "ancestors": (CredentialId("crd_parent"),)}
    record, text = world.bound(**line)
    _, chain = world.chain(2, **line)
    assert (said(world, text)["active"], said(world, chain.text)["active"], bit(world, record.status)) == (
        True,
        True,
        0,
    )
    WITHDRAWALS[what](world, record.id)
    assert world.snapshot.live.check(record.id, "orders") is not None
    assert said(world, text) == {"active": False}
    assert said(world, chain.text)["active"] is (what == "itself")
    # A bit is of the token and not of a place where it is not honoured; a key's tokens are refused by their signature.
    assert bit(world, record.status) == (what != "its upstream")


async def test_never_active_once_the_revocation_was_answered() -> None:
    """Asked without pause while somebody revokes: from the answer on, nobody hears `active`."""
    world = World()
    answered: dict[str, bool] = {}
    wrong: list[str] = []

    async def asking(text: str) -> None:
        for _ in range(30):
            before = answered.get(text, False)
            if said(world, text)["active"] and before:
                wrong.append(text)
            await asyncio.sleep(0)

    async def taking(id_: CredentialId, text: str) -> None:
        for _ in range(10):
            await asyncio.sleep(0)
        world.withdraw(Scope.CREDENTIAL, id_)
        await asyncio.sleep(0)
        answered[text] = True

    made = [world.bound() for _ in range(10)]
    await asyncio.gather(*(asking(text) for _, text in made), *(taking(record.id, text) for record, text in made))
    assert (wrong, len(answered)) == ([], 10)
    assert all(said(world, text) is INACTIVE for _, text in made)


def test_the_same_token_verifies_for_a_gateway_when_it_is_active() -> None:
    world = World()
    _, text = world.bound()
    verifier = AccessTokens(BASE, world.snapshot.issuer_keys.named, audience=ORDERS)
    assert verifier.verify(text, at=Instant(world.now)).said.status == world.status.place(
        next(iter(world.snapshot.issued.values())).status
    )


# -- revocation


class Takes:
    """Notes what was taken away."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    async def own(self, agent: AgentId, id_: CredentialId, because: str) -> None:
        self.told.append(("own", agent, id_, because))

    async def link(self, actor: AgentId, agent: AgentId, id_: CredentialId, expires: Instant, because: str) -> None:
        self.told.append(("link", actor, agent, id_, str(expires), because))


async def taken(world: World, agent: AgentId, text: str) -> list[tuple[str, ...]]:
    takes = Takes()
    taking = Taking(world.snapshot, world.places, takes, lambda: Instant(world.now))
    await taking.revoke(Client(agent=agent, how="bearer"), text)
    return takes.told


async def test_a_token_is_taken_away_by_its_client_or_agent_and_by_nobody_else() -> None:
    world = World()
    record, text = world.bound(client=OTHER)
    api, token = world.api_token()
    because = "its client revoked it"
    for agent in (BOT, OTHER):
        assert await taken(world, agent, text) == [("own", agent, record.id, because)]
    assert await taken(world, AgentId("agt_third"), text) == []
    assert await taken(world, BOT, token.reveal()) == [("own", BOT, api.id, because)]
    assert await taken(world, OTHER, token.reveal()) == []


async def test_of_a_capability_the_last_link_goes_whoever_shows_it() -> None:
    world = World()
    root, chain = world.chain(3)
    last = said(world, chain.text)["jti"]
    (told,) = await taken(world, OTHER, chain.text)
    assert told[:4] == ("link", OTHER, BOT, last)
    whole = type(chain)(chain.links[:1])
    (told,) = await taken(world, OTHER, whole.text)
    assert told[3] == root.id
    assert BOB.public.thumbprint != HOLDER.public.thumbprint


@pytest.mark.parametrize("what", list(nothing(World())))
async def test_for_what_does_not_stand_nothing_happens(what: str) -> None:
    world = World()
    assert await taken(world, BOT, nothing(world)[what]) == []


# -- status lists


def read(world: World, number: int) -> dict[str, Any]:
    text = world.status.signed(number)
    assert text is not None
    jws = FixedJws(text, 1 << 20)
    signs = next(
        key for key in world.snapshot.signing.values() if jws.header == header_segment("statuslist+jwt", key.id)
    )
    payload = jws.verified_by(signs.public)
    assert payload is not None
    return dict(json.loads(payload))


def bit(world: World, status: int) -> int:
    number, index = split(status)
    return StatusBits.read(read(world, number)["status_list"]["lst"], 1)[index]


def test_a_list_is_a_signed_statement_that_ends() -> None:
    world = World()
    record = world.record()
    number, _ = split(record.status)
    told = read(world, number)
    assert {name: told[name] for name in ("iss", "sub", "iat", "exp", "ttl")} == {
        "iss": BASE,
        "sub": f"{BASE}/oauth2/status/{number}",
        "iat": NOW // 1000,
        "exp": NOW // 1000 + LIFE,
        "ttl": TTL,
    }
    assert told["sub"] == world.status.place(record.status).uri
    assert told["status_list"]["bits"] == 1
    assert world.status.uris == (told["sub"],)
    assert world.status.signed(99) is None


def test_a_bit_is_set_in_the_instant_in_which_the_token_falls() -> None:
    world = World()
    records = [world.record() for _ in range(20)]
    assert [bit(world, each.status) for each in records] == [0] * 20
    world.withdraw(Scope.CREDENTIAL, records[7].id)
    assert [bit(world, each.status) for each in records] == [int(number == 7) for number in range(20)]
    world.withdraw(Scope.AGENT, BOT)
    assert all(bit(world, each.status) for each in records)


def test_the_same_list_is_signed_once_a_second_and_anew_after_each_change() -> None:
    world = World()
    record = world.record()
    first = world.status.signed(1)
    assert world.status.signed(1) is first
    world.now += 1000
    second = world.status.signed(1)
    assert second != first
    world.withdraw(Scope.CREDENTIAL, record.id)
    assert world.status.signed(1) != second


def test_what_is_not_withdrawn_looks_like_decoys_do() -> None:
    world = World()
    world.record()
    bits = StatusBits.read(read(world, 1)["status_list"]["lst"], 1)
    marked = {index for index in range(bits.size) if bits[index]}
    assert marked == set(world.lists.order(1).decoys)
    assert len(marked) > 3000
