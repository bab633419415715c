"""Proofs and single use over real HTTP, on a real disk: replayed at once, after kill -9, and by two at one moment."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import httpx2
from tests.e2e.place import Place, furnished, running, signed_in, token_for, upstream

from gatepass.access import Instant
from gatepass.client import Management
from gatepass.credentials.proofs.making import make_proof
from gatepass.keys.jose.signing import HolderKey

BASE = "https://gatepass.example"
"""What the deployment calls itself; a proxy in front of it would pass the name on."""
KEY = HolderKey.generate(os.urandom)
FORM = {"content-type": "application/x-www-form-urlencoded"}
PATH = "/u/things/things/one"


def proof(path: str, token: str | None, nonce: str | None, method: str = "POST") -> str:
    at = Instant(time.time_ns() // 1_000_000)
    return make_proof(KEY, method=method, url=BASE + path, at=at, entropy=os.urandom, credential=token, nonce=nonce)


class Client:
    """An agent's client of one running process, with the nonce that it was given last."""

    def __init__(self, place: Place) -> None:
        self.url = f"http://127.0.0.1:{place.people_url.rpartition(':')[2]}"
        self.nonce: str | None = None

    async def post(self, path: str, token: str | None, sent: str | None = None, **more: Any) -> httpx2.Response:
        """One call, asked again with a nonce where one is wanted; `sent` is a proof that was made before."""
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as client:
            answer = await self._once(client, path, token, sent, more)
            if sent is None and answer.headers.get("dpop-nonce"):
                self.nonce = answer.headers["dpop-nonce"]
                answer = await self._once(client, path, token, sent, more)
            return answer

    async def _once(
        self, client: httpx2.AsyncClient, path: str, token: str | None, sent: str | None, more: dict[str, Any]
    ) -> httpx2.Response:
        headers = {
            "host": "gatepass.example",
            "dpop": sent or proof(path, token, self.nonce),
            **more.get("headers", {}),
        }
        if token is not None:
            headers["authorization"] = f"DPoP {token}"
        return await client.post(path, content=more.get("content", b""), headers=headers)


async def issued(client: Client, secret: str) -> str:
    asked = f"resource={BASE}/u/things&scope=things:take:one&single_use=true"
    body = f"grant_type=client_credentials&client_secret={secret}&{asked}"
    answer = await client.post("/oauth2/token", None, content=body.encode(), headers=FORM)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def test_a_proof_and_a_token_for_one_call_are_used_once_whatever_happens_to_the_process(tmp_path: Path) -> None:
    config = tmp_path / "gatepass.toml"
    config.write_text(f'[server]\nagents_url = "{BASE}"\n')

    async def story() -> None:
        async with upstream() as behind:
            with running(tmp_path, GATEPASS_CONFIG=str(config)) as place:
                management: Management = signed_in(place)
                furnished(management, behind.port)
                management.replace("roles", "worker", {"scopes": ("things:*", "tools:*")})
                secret = str(token_for(management, "one")["token"])
                client = Client(place)
                first, racing = await issued(client, secret), await issued(client, secret)
                used = proof(PATH, first, client.nonce)
                taken = await client.post(PATH, first, used)
                assert taken.status_code == 200, taken.text
                again = await client.post(PATH, first, used)
                assert (again.status_code, again.json()["code"]) == (401, "proof_replayed")
                answers = await asyncio.gather(*(client.post(PATH, racing) for _ in range(6)))
                assert sorted(answer.status_code for answer in answers) == [200] + [429] * 5
                last = await issued(client, secret)
                assert (await client.post(PATH, last)).status_code == 200
                place.kill()
            with running(tmp_path, GATEPASS_CONFIG=str(config)) as place:
                client = Client(place)
                replayed = await client.post(PATH, first, used)
                assert (replayed.status_code, replayed.json()["code"]) == (401, "proof_nonce")
                for token in (first, racing, last):
                    spent = await client.post(PATH, token)
                    assert (spent.status_code, spent.json()["code"]) == (429, "budget_exceeded")
            assert [thing for _, thing in behind.touched] == ["one"] * 3

    asyncio.run(story())
