"""Capabilities at a surface: proven by the last key or sealed; spliced, shortened, withdrawn, or in the wrong form."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.passes import BASE, ORDERS, Issuer
from tests.gateway.test_passes import REFUND, code_of, met, refund, refused, withdraw

from gatepass.access import Access, Action, ActionClass, Instant, Resource
from gatepass.authority import Permission
from gatepass.credentials.capability import UnverifiedCapability
from gatepass.credentials.capability.narrowing import Handover, Next, last_link, narrow, seal
from gatepass.errors import Error, LimitExceeded
from gatepass.gateway.callers import Caller
from gatepass.keys.jose.signing import HolderKey
from gatepass.revocation import Scope

FIRST, SECOND, THIRD = (HolderKey.generate(os.urandom) for _ in range(3))
LIST = "orders:list"
GET = "orders:get:order-12345"


def then(issuer: Issuer, to: HolderKey) -> Next:
    return Next(to=to.public, at=Instant(issuer.house.now), entropy=os.urandom)


def narrowed(issuer: Issuer, chain: UnverifiedCapability, key: HolderKey, to: HolderKey, *scopes: str) -> Any:
    permissions = tuple(Permission.parse(scope) for scope in scopes)
    return narrow(chain, key, then(issuer, to), to=permissions or None)


def sealed(issuer: Issuer, chain: UnverifiedCapability, key: HolderKey, audience: str = ORDERS) -> UnverifiedCapability:
    ends = Instant(issuer.house.now + 60_000)
    return seal(chain, key, audience=audience, at=Instant(issuer.house.now), expires=ends)


def proven(issuer: Issuer, chain: UnverifiedCapability, key: HolderKey, **more: Any) -> Any:
    return issuer.request(chain, issuer.proof(key, chain.text), **more)


def three(issuer: Issuer) -> tuple[UnverifiedCapability, UnverifiedCapability, UnverifiedCapability]:
    root = issuer.capability(FIRST, LIST, GET, REFUND)
    second = narrowed(issuer, root, FIRST, SECOND, LIST, REFUND)
    return root, second, narrowed(issuer, second, SECOND, THIRD, LIST)


def test_each_link_is_honoured_with_a_proof_by_its_key_and_by_no_other() -> None:
    issuer = Issuer()
    for chain, key in zip(three(issuer), (FIRST, SECOND, THIRD), strict=True):
        caller = met(issuer, proven(issuer, chain, key))
        assert caller.credential.id == last_link(chain).id
        assert caller.context.proof_key == key.public.thumbprint
        for other in [each for each in (FIRST, SECOND, THIRD) if each is not key]:
            error = refused(issuer, proven(issuer, chain, other))
            assert (error.code, error.details["fault"]) == ("proof_invalid", "binding")
        error = refused(issuer, issuer.request(chain))
        assert (error.code, error.details["fault"]) == ("capability_invalid", "unproven")


def test_what_a_link_dropped_is_gone() -> None:
    issuer = Issuer()
    _, second, third = three(issuer)

    async def called(chain: UnverifiedCapability, key: HolderKey) -> None:
        proof = issuer.proof(key, chain.text, method="POST")
        caller = await issuer.house.admission.meet(issuer.request(chain, proof, method="POST"), "rest")
        passage = await issuer.house.admission.admit(caller, refund(caller))
        await passage.finish(status=201, sent=True)

    assert code_of(called(second, SECOND)) == "ok"
    assert code_of(called(third, THIRD)) == "scope_missing"


def test_a_sealed_chain_goes_alone_and_reads_only() -> None:
    issuer = Issuer()
    root, second, _ = three(issuer)
    caller = met(issuer, issuer.request(sealed(issuer, second, SECOND)))
    assert caller.context.proof_key is None
    with pytest.raises(Error) as refusal:
        asyncio.run(issuer.house.admission.admit(caller, refund(caller)))
    assert refusal.value.code == "proof_required"
    elsewhere = sealed(issuer, root, FIRST, audience=f"{BASE}/mcp/orders")
    assert refused(issuer, issuer.request(elsewhere)).details["fault"] == "wrong_audience"
    short = sealed(issuer, root, FIRST)
    issuer.house.now += 60_000
    assert refused(issuer, issuer.request(short)).details["fault"] == "expired"


def test_a_chain_can_be_neither_shortened_nor_spliced() -> None:
    issuer = Issuer()
    root, second, third = three(issuer)
    other = narrowed(issuer, issuer.capability(FIRST, LIST, GET), FIRST, SECOND)
    spliced: list[tuple[tuple[str, ...], str]] = [
        ((root.links[0], third.links[2]), "bad_signature"),
        ((other.links[0], *second.links[1:]), "broken_chain"),
        ((second.links[1],), "unknown_key"),
        ((root.links[0], root.links[0]), "malformed"),
        ((second.links[1], root.links[0]), "unknown_key"),
    ]
    for links, fault in spliced:
        chain = UnverifiedCapability(links)
        error = refused(issuer, proven(issuer, chain, SECOND))
        assert (error.code, error.details["fault"]) == ("capability_invalid", fault)
    shortened = UnverifiedCapability(second.links, sealed(issuer, third, THIRD).seal)
    assert refused(issuer, issuer.request(shortened)).details["fault"] in {"bad_signature", "broken_chain"}
    back = UnverifiedCapability(third.links[:2])
    assert refused(issuer, proven(issuer, back, THIRD)).details["fault"] == "binding"


def seen(issuer: Issuer, chain: UnverifiedCapability) -> None:
    met(issuer, proven(issuer, chain, THIRD))


def unseen(_issuer: Issuer, _chain: UnverifiedCapability) -> None:
    """Nobody has presented it yet."""


@pytest.mark.parametrize("before", [seen, unseen])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_link_is_withdrawn_by_its_id_with_what_hangs_below_and_the_refusal_names_it(
    number: int, before: Callable[[Issuer, UnverifiedCapability], None]
) -> None:
    issuer = Issuer()
    chains = three(issuer)
    before(issuer, chains[2])
    link = last_link(chains[number])
    withdraw(issuer, Scope.CREDENTIAL, link.id)
    for place, (chain, key) in enumerate(zip(chains, (FIRST, SECOND, THIRD), strict=True)):
        if place < number:
            met(issuer, proven(issuer, chain, key))
            continue
        error = refused(issuer, proven(issuer, chain, key))
        if error.code == "capability_invalid":
            assert (error.details["fault"], error.details["link"]) == ("withdrawn", str(number))
            assert error.details["link_id"] == link.id
        else:
            assert place == 0


def test_a_call_under_way_is_cut_when_a_link_above_it_falls() -> None:
    issuer = Issuer()
    _, second, third = three(issuer)
    caller = met(issuer, proven(issuer, third, THIRD))
    passage = issuer.house.admission.consult(caller)
    assert not passage.withdrawn.is_set()
    withdraw(issuer, Scope.CREDENTIAL, last_link(second).id)
    assert passage.withdrawn.is_set()
    passage.leave()


def test_everybody_below_draws_on_the_roots_meters() -> None:
    issuer = Issuer()
    token = issuer.house.token(LIST)
    record = issuer.house.snapshot.tokens[token.id]
    tight = replace(record.limits, attempts=replace(record.limits.attempts, count=3))
    issuer.house.snapshot.put(replace(record, limits=tight))
    root = issuer.capability(FIRST, LIST, root=token.id, meters=token.id, ancestors=(token.id,), parent=token.id)
    second = narrowed(issuer, root, FIRST, SECOND)
    for chain, key in ((root, FIRST), (second, SECOND), (second, SECOND)):
        met(issuer, proven(issuer, chain, key))
    assert isinstance(refused(issuer, proven(issuer, root, FIRST)), LimitExceeded)
    withdraw(issuer, Scope.CREDENTIAL, token.id)
    assert refused(issuer, proven(issuer, second, SECOND)).code == "capability_invalid"


def test_a_root_that_nobody_has_heard_of_is_refused_whoever_signed_it() -> None:
    issuer = Issuer()
    root = issuer.capability(FIRST, LIST)
    issuer.house.snapshot.issued.clear()
    error = refused(issuer, proven(issuer, root, FIRST))
    assert (error.code, error.details["link"]) == ("capability_invalid", "0")


def test_an_access_token_is_no_root_and_a_root_is_no_access_token() -> None:
    issuer = Issuer()
    token = issuer.token(LIST, key=FIRST)
    root = issuer.capability(FIRST, LIST)
    chain = UnverifiedCapability((token,))
    assert refused(issuer, proven(issuer, chain, FIRST)).details["fault"] == "unknown_key"
    text = root.links[0]
    error = refused(issuer, issuer.request(text, issuer.proof(FIRST, text)))
    assert (error.code, error.message) == ("credential_invalid", "the token names no key of the issuer")


def test_the_form_that_carries_a_key_is_refused_by_its_name_and_taken_for_leaked() -> None:
    issuer = Issuer()
    shown: list[str] = []

    async def leaked(text: str) -> None:
        shown.append(text)

    issuer.house.admission.leaked = leaked
    chain = narrowed(issuer, issuer.capability(FIRST, LIST), FIRST, SECOND)
    text = Handover(chain, SECOND).reveal()
    for surface in ("rest", "mcp"):
        error = refused(issuer, issuer.request(text), surface)
        assert error.code == "capability_carries_key"
        assert text not in str(error.message) + str(error.details)
    assert shown == [text, text]


def test_a_chain_is_remembered_in_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.gateway.snapshot.MOST_CHAINS", 3)
    issuer = Issuer()
    root = issuer.capability(FIRST, LIST)
    chains = [narrowed(issuer, root, FIRST, SECOND) for _ in range(6)]
    for chain in chains:
        met(issuer, proven(issuer, chain, SECOND))
    assert len(issuer.house.snapshot.chains) == 3
    met(issuer, proven(issuer, chains[0], SECOND))


def listing(caller: Caller) -> Access:
    return Access(caller.subject, Action("list", ActionClass.READ), Resource("orders"), caller.context)


def test_a_chain_that_made_room_for_others_in_the_middle_of_a_call_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatepass.gateway.snapshot.MOST_CHAINS", 1)
    issuer = Issuer()
    root = issuer.capability(FIRST, LIST)
    one, other = (narrowed(issuer, root, FIRST, SECOND) for _ in range(2))
    caller = met(issuer, proven(issuer, one, SECOND))
    met(issuer, proven(issuer, other, SECOND))
    with pytest.raises(Error) as refusal:
        asyncio.run(issuer.house.admission.admit(caller, listing(caller)))
    assert refusal.value.code == "credential_invalid"
