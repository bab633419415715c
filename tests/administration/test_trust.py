"""Trust rules and agents' keys: who may say what, what is kept and told, and what a rule would say to a token."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import pytest
from tests.administration.world import World, opened
from tests.attestation.test_assertions import RSA, jwk, keys, signed

from gatepass import exact
from gatepass.access import Instant, Json
from gatepass.administration import Operator
from gatepass.administration.trust import TrustForm
from gatepass.attestation import RuleKind, UnverifiedAssertion, keys_of
from gatepass.errors import Conflict, Denied, Malformed, NotFound, Unauthenticated
from gatepass.keys.jose.signing import HolderKey
from gatepass.registry import AgentKey, OperatorRole, TrustKind, TrustRule

GITHUB = "https://token.actions.githubusercontent.com"
KEYS = keys(jwk())


def form(**more: Any) -> TrustForm:
    said = {
        "kind": TrustKind.GITHUB_ACTIONS,
        "issuer": GITHUB,
        "conditions": ("repository_id=7", "ref=refs/heads/main"),
        "agent": "support-bot",
        "keys": KEYS,
    }
    return TrustForm(**{**said, **more})


async def furnished() -> tuple[World, Operator]:
    world = await opened()
    return world, await world.furnished()


def test_a_rule_is_kept_announced_and_told() -> None:
    async def story() -> None:
        world, ada = await furnished()
        rules = world.administration.trust.rules
        made = await rules.put(ada, "deploys", form())
        assert made.agent == world.administration.desk.register.agent("support-bot").id
        assert world.put(TrustRule)[-1:] == [made]
        assert world.store.events()[-1] == "trust.created"
        assert "repository_id=7" in world.store.entries[-1].details["conditions"]
        again = await rules.put(ada, "deploys", form(conditions=("repository_id=8",)))
        assert again.id == made.id
        assert world.store.events()[-1] == "trust.changed"
        assert [found.code for found in rules.lint(again)] == ["pull_request"]
        restarted = await opened(world.store)
        assert restarted.put(TrustRule) == [again]
        await rules.delete(ada, "deploys")
        assert await rules.list(ada) == []
        assert (await opened(world.store)).put(TrustRule) == []

    asyncio.run(story())


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent": "nobody"},
        {"keys": "{}"},
        {"keys": keys({"kty": "oct", "k": "AAAA"})},
        {"keys": keys(jwk(use="enc"))},
        {"keys_url": "https://keys.example"},
        {"keys": None, "keys_url": "http://keys.example"},
        {"keys": None, "kind": TrustKind.SPIFFE, "issuer": "spiffe://prod.example", "conditions": ()},
        {"longest_life": 15 * 60_000 + 1},
        {"longest_life": 1},
        {"conditions": ("sub~main*",)},
    ],
)
def test_what_cannot_be_is_not_kept(wrong: dict[str, Any]) -> None:
    async def story() -> None:
        world, ada = await furnished()
        with pytest.raises(Malformed) as refusal:
            await world.administration.trust.rules.put(ada, "deploys", form(**wrong))
        assert refusal.value.code == "malformed_trust_rule"
        assert world.put(TrustRule) == []

    asyncio.run(story())


def test_only_an_admin_who_has_just_signed_in_lets_strangers_in() -> None:
    async def story() -> None:
        world, ada = await furnished()
        rules = world.administration.trust.rules
        bob = await world.joined("bob", OperatorRole.OPERATOR)
        with pytest.raises(Denied):
            await rules.put(bob, "deploys", form())
        await rules.put(ada, "deploys", form())
        await rules.delete(bob, "deploys")
        with pytest.raises(Unauthenticated):
            await rules.put(await world.with_pat(), "deploys", form())

    asyncio.run(story())


def test_a_new_proof_each_time_means_a_token_each_time() -> None:
    async def story() -> None:
        world, ada = await furnished()
        made = await world.administration.trust.rules.put(ada, "deploys", form(single_use=False, reproof=True))
        assert made.single_use

    asyncio.run(story())


def test_an_agents_key_belongs_to_it_alone() -> None:
    async def story() -> None:
        world, ada = await furnished()
        await world.administration.agents.create(ada, "other-bot", "support")
        held = world.administration.trust.keys
        public = exact.read(json.dumps(jwk(RSA)))
        key = await held.add(ada, "support-bot", public, "laptop")
        assert json.loads(key.jwk)["alg"] == "PS256"
        assert world.put(AgentKey) == [key]
        for name in ("support-bot", "other-bot"):
            with pytest.raises(Conflict):
                await held.add(ada, name, public)
        assert await held.list(ada, "other-bot") == []
        await held.remove(ada, key.thumbprint)
        with pytest.raises(NotFound):
            await held.remove(ada, key.id)
        await held.add(ada, "other-bot", public)
        assert world.store.events()[-3:] == ["agent.key_added", "agent.key_removed", "agent.key_added"]

    asyncio.run(story())


@pytest.mark.parametrize("wrong", [jwk(d="AAAA"), {"kty": "oct", "k": "AAAA"}, {}, jwk(use="enc"), "text"])
def test_only_a_public_key_is_taken(wrong: Any) -> None:
    async def story() -> None:
        world, ada = await furnished()
        with pytest.raises(Malformed):
            await world.administration.trust.keys.add(ada, "support-bot", exact.read(json.dumps(wrong)))
        assert world.put(AgentKey) == []

    asyncio.run(story())


def test_an_agent_has_a_bounded_number_of_keys_and_its_owner_takes_them_away() -> None:
    async def story() -> None:
        world, ada = await furnished()
        await world.joined("bob", None)
        await world.administration.agents.change(ada, "support-bot", owner="bob")
        held = world.administration.trust.keys
        for number in range(1, 17):
            await held.add(ada, "support-bot", HolderKey(number.to_bytes(32, "big")).public.jwk)
        with pytest.raises(Conflict):
            await held.add(ada, "support-bot", HolderKey((17).to_bytes(32, "big")).public.jwk)
        bob = await world.signed_in("bob")
        shown = await held.list(bob, "support-bot")
        assert len(shown) == 16
        await held.remove(bob, shown[0].id)
        with pytest.raises(Denied):
            await held.add(bob, "support-bot", HolderKey((17).to_bytes(32, "big")).public.jwk)

    asyncio.run(story())


class Pinned:
    """The signatures of rules that pin their keys, checked for real."""

    async def claims(self, rule: TrustRule, assertion: UnverifiedAssertion, /) -> Mapping[str, Json]:
        kind = RuleKind(rule.kind)
        return assertion.claims_verified_by(keys_of(rule.keys or "", kind), kind)


def test_a_dry_run_says_what_each_rule_would_and_why() -> None:
    async def story() -> None:
        world, ada = await furnished()
        rules, trials = world.administration.trust.rules, world.administration.trust.trials
        object.__setattr__(trials, "proves", Pinned())
        await rules.put(ada, "main", form())
        await rules.put(ada, "prod", form(conditions=("repository_id=7", "environment=prod")))
        await rules.put(ada, "elsewhere", form(kind=TrustKind.OIDC, issuer="https://issuer.example"))
        seconds = world.now[0] // 1000
        said = {
            "iss": GITHUB,
            "sub": "repo:a/b:ref:refs/heads/main",
            "aud": "https://gatepass.example",
            "exp": seconds + 60,
        }
        said |= {"repository_id": "7", "ref": "refs/heads/main"}
        before = len(world.store.entries)
        found = {trial.rule.name: trial.verdict for trial in await trials.token(ada, signed(said))}
        assert set(found) == {"main", "prod"}
        assert found["main"].accepted
        assert [check.what for check in found["prod"].faults] == ["condition environment=prod"]
        (wrong,) = await trials.token(ada, signed(said, HolderKey((2).to_bytes(32, "big"))), "main")
        assert [check.what for check in wrong.verdict.faults] == ["signature"]
        written = {**said, "exp": Decimal(seconds + 60), "repository_id": "8"}
        by_hand = {
            each.rule.name: each.verdict for each in await trials.claims(ada, cast("Mapping[str, Json]", written))
        }
        assert not by_hand["main"].accepted
        assert "issuer" in [check.what for check in by_hand["elsewhere"].faults]
        with pytest.raises(Malformed):
            await trials.token(ada, "not.a.token")
        await world.administration.agents.disable(ada, "support-bot")
        (disabled,) = await trials.token(ada, signed(said), "main")
        assert not disabled.verdict.accepted
        assert [entry.event for entry in world.store.entries[before:]] == ["agent.disabled"]

    asyncio.run(story())


def test_who_may_not_read_does_not_try() -> None:
    async def story() -> None:
        world, _ = await furnished()
        bob = await world.joined("bob", None)
        with pytest.raises(Denied):
            await world.administration.trust.trials.claims(bob, {})
        with pytest.raises(Denied):
            await world.administration.trust.rules.list(bob)

    asyncio.run(story())


def test_a_rule_may_end() -> None:
    async def story() -> None:
        world, ada = await furnished()
        made = await world.administration.trust.rules.put(ada, "deploys", form(expires=Instant(world.now[0] + 1000)))
        (trial,) = await world.administration.trust.trials.claims(ada, {}, "deploys")
        assert "rule" not in [check.what for check in trial.verdict.faults]
        world.later(2000)
        (trial,) = await world.administration.trust.trials.claims(ada, {}, made.id)
        assert "rule" in [check.what for check in trial.verdict.faults]

    asyncio.run(story())
