"""Other issuers' keys, fetched from real servers through the guarded door: when, how often, and from where never."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.issuer.workloads.oidc import Issuer, answer, running

from gatepass.access import AgentId, Instant
from gatepass.attestation import UnverifiedAssertion
from gatepass.errors import Unauthenticated, Unavailable
from gatepass.issuer.workloads import ForeignKeys
from gatepass.issuer.workloads.foreign_keys import FRESH, GAP, STALE
from gatepass.outbound import GuardedDoor
from gatepass.outbound.documents import DocumentFetcher
from gatepass.registry import TrustKind, TrustRule, TrustRuleId

START = Instant(1_800_000_000_000)
DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class World:
    issuer: Issuer
    keys: ForeignKeys
    now: list[Instant] = field(default_factory=lambda: [START])

    def later(self, milliseconds: int) -> None:
        self.now[0] = Instant(self.now[0] + milliseconds)

    def rule(self, **more: Any) -> TrustRule:
        said = {"issuer": self.issuer.url, "kind": TrustKind.OIDC, "agent": AgentId("agt_1"), **more}
        return TrustRule(id=TrustRuleId("tru_1"), name="deploys", **said)

    async def subject(self, token: str, **more: Any) -> object:
        claims = await self.keys.claims(self.rule(**more), UnverifiedAssertion.parse(token))
        return claims["sub"]

    def token(self, kid: str | None = None) -> str:
        return self.issuer.token({"iss": self.issuer.url, "sub": "svc-1"}, kid)


@asynccontextmanager
async def world(**more: Any) -> AsyncGenerator[World]:
    async with running(Issuer()) as issuer:
        door, now = GuardedDoor(), [START]
        fetcher = DocumentFetcher(door, **more)
        try:
            yield World(issuer, ForeignKeys(fetcher.fetch, lambda: now[0]), now)
        finally:
            await door.close()


def test_keys_are_discovered_once_and_kept_for_a_while() -> None:
    async def story() -> None:
        async with world() as here:
            for _ in range(5):
                assert await here.subject(here.token()) == "svc-1"
            assert here.issuer.asked == [DISCOVERY, "/jwks"]
            here.later(FRESH)
            assert await here.subject(here.token()) == "svc-1"
            assert here.issuer.asked == [DISCOVERY, "/jwks"] * 2

    asyncio.run(story())


def test_many_at_once_fetch_once() -> None:
    async def story() -> None:
        async with world() as here:
            found = await asyncio.gather(*(here.subject(here.token()) for _ in range(20)))
            assert set(found) == {"svc-1"}
            assert here.issuer.asked == [DISCOVERY, "/jwks"]

    asyncio.run(story())


def test_a_key_that_is_new_is_looked_for_and_one_that_is_made_up_not_often() -> None:
    async def story() -> None:
        async with world() as here:
            await here.subject(here.token())
            here.issuer.rotate()
            with pytest.raises(Unauthenticated):  # it was fetched a moment ago
                await here.subject(here.token())
            here.later(GAP)
            assert await here.subject(here.token()) == "svc-1"
            assert here.issuer.asked == [DISCOVERY, "/jwks"] * 2
            for _ in range(10):
                with pytest.raises(Unauthenticated):
                    await here.subject(forged(here, "no-such-key"))
            assert here.issuer.asked == [DISCOVERY, "/jwks"] * 2
            here.later(GAP)
            for _ in range(10):
                with pytest.raises(Unauthenticated):
                    await here.subject(forged(here, "no-such-key"))
            assert here.issuer.asked == [DISCOVERY, "/jwks"] * 3

    asyncio.run(story())


def forged(here: World, kid: str) -> str:
    other = Issuer()
    other.keys[kid] = here.issuer.keys["key-1"]
    return other.token({"iss": here.issuer.url, "sub": "svc-1"})


def test_an_issuer_that_fails_is_believed_for_an_hour_and_no_longer() -> None:
    async def story() -> None:
        async with world() as here:
            await here.subject(here.token())
            here.issuer.instead["/jwks"] = answer(b"{}", b"503 Service Unavailable")
            here.later(FRESH)
            assert await here.subject(here.token()) == "svc-1"
            assert here.keys.failures[here.issuer.url] == 1
            here.later(STALE - FRESH)
            with pytest.raises(Unavailable) as refusal:
                await here.subject(here.token())
            assert refusal.value.code == "issuer_keys_unavailable"
            asked = len(here.issuer.asked)
            with pytest.raises(Unavailable):
                await here.subject(here.token())
            assert len(here.issuer.asked) == asked, "nobody tries again at once"
            del here.issuer.instead["/jwks"]
            here.later(GAP)
            assert await here.subject(here.token()) == "svc-1"

    asyncio.run(story())


@pytest.mark.parametrize(
    "wrong",
    [
        answer(b"", b"302 Found", b"Location: http://127.0.0.1:1/jwks"),
        answer(b"x" * (256 * 1024 + 1)),
        answer(b"not json"),
        answer(b'{"keys": []}'),
        answer(b'{"keys": [{"kty": "oct", "k": "AAAA"}]}'),
        answer(b'{"keys": 1}'),
        answer(b'{"keys": [], "keys": []}'),
        answer(b"{}", b"200 OK", b"Content-Encoding: gzip"),
        answer(b"{}", b"404 Not Found"),
        b"garbage\r\n\r\n",
    ],
)
def test_whatever_is_no_key_set_is_no_key_set(wrong: bytes) -> None:
    async def story() -> None:
        async with world() as here:
            here.issuer.instead["/jwks"] = wrong
            with pytest.raises(Unavailable):
                await here.subject(here.token())
            assert here.keys.failures[here.issuer.url] == 1
            assert here.issuer.asked == [DISCOVERY, "/jwks"], "no redirect is followed"

    asyncio.run(story())


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "https://user@127.0.0.1/jwks"},
        {"jwks_uri": 7},
        {"jwks_uri": None},
        {"jwks_uri": "http://169.254.169.254.nip.example/"},
        {"jwks_uri": "https://169.254.169.254/latest/meta-data"},
    ],
)
def test_a_discovery_document_leads_nowhere_else(said: dict[str, Any]) -> None:
    async def story() -> None:
        async with world() as here:
            here.issuer.discovery = said
            with pytest.raises(Unavailable):
                await here.subject(here.token())
            assert here.issuer.asked == [DISCOVERY]

    asyncio.run(story())


def test_an_issuer_that_says_nothing_is_not_waited_for() -> None:
    async def story() -> None:
        async with world(whole=0.2) as here:
            here.issuer.silent = True
            with pytest.raises(Unavailable) as refusal:
                await here.subject(here.token())
            assert refusal.value.message == "the issuer's keys cannot be fetched: it took too long"

    asyncio.run(story())


def test_keys_that_are_pinned_are_not_fetched() -> None:
    async def story() -> None:
        async with world() as here:
            pinned = here.issuer.document("/jwks")
            assert pinned is not None
            keys = pinned.partition(b"\r\n\r\n")[2].decode()
            assert await here.subject(here.token(), keys=keys) == "svc-1"
            assert here.issuer.asked == []

    asyncio.run(story())


def test_a_private_address_is_gone_to_only_where_the_rule_says_so() -> None:
    async def story() -> None:
        async with world() as here:
            for url in ("https://10.0.0.1.example/jwks", "https://[fe80::1]/jwks", "https://100.100.100.200/jwks"):
                with pytest.raises(Unavailable):
                    await here.subject(here.token(), keys_url=url)
            assert here.issuer.asked == []

    asyncio.run(story())
