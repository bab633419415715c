"""`Idempotency-Key`: done once, answered the same, to nobody else, and never for ever."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.web.deployment import ROLE, UPSTREAM, Deployment

from gatepass.access import CredentialId, Instant
from gatepass.errors import Conflict, Malformed
from gatepass.web.management import repeats
from gatepass.web.management.repeats import Kept, Repeats, read_key
from gatepass.web.management.router import OPERATIONS

KEY = {"idempotency-key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
AGENT = {"name": "bot", "role": "support"}


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_everything_that_creates_takes_a_key() -> None:
    created = {f"{operation.method} {operation.path}" for operation in OPERATIONS if operation.status == 201}
    assert {f"{operation.method} {operation.path}" for operation in OPERATIONS if operation.once} == created - {
        "POST /session"
    }


def test_a_repeat_is_answered_alike_and_done_once(deployment: Deployment) -> None:
    deployment.furnish()
    deployment.ask("PUT", "/upstreams/orders", {name: value for name, value in UPSTREAM.items() if name != "name"})
    token = {"name": "laptop", "agent": "support-bot", "scopes": ["orders:list"]}
    for path, body in (
        ("/agents", AGENT),
        ("/people", {"name": "bob"}),
        ("/upstreams", {**UPSTREAM, "name": "second", "operations": "types: {}\nrest: []\n"}),
        ("/secrets", {"name": "orders-key", "upstream": "orders", "value": "sk_live_1"}),
        ("/tokens", token),
        ("/tokens/laptop/rotate", {"overlap_seconds": 60}),
        ("/people/bob/code", None),
    ):
        key = {"idempotency-key": f"k{path}".replace("/", ":")}
        first = deployment.ask("POST", path, body, headers=key)
        entries = len(deployment.ask("GET", "/journal?limit=500").json()["items"])
        again = deployment.ask("POST", path, body, headers=key)
        assert first.status_code == 201, first.text
        assert again.content == first.content
        assert (again.status_code, again.headers.get("etag")) == (201, first.headers.get("etag"))
        assert again.headers.get("location") == first.headers.get("location")
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert again.headers["cache-control"] == "no-store"
        assert len(deployment.ask("GET", "/journal?limit=500").json()["items"]) == entries


def test_a_key_is_for_one_request(deployment: Deployment) -> None:
    deployment.furnish()
    assert deployment.ask("POST", "/agents", AGENT, headers=KEY).status_code == 201
    assert code(deployment.ask("POST", "/agents", {**AGENT, "name": "other"}, headers=KEY)) == (
        422,
        "idempotency_key_reused",
    )
    assert code(deployment.ask("POST", "/people", {"name": "bot"}, headers=KEY)) == (422, "idempotency_key_reused")


def test_a_failure_is_not_remembered(deployment: Deployment) -> None:
    deployment.furnish()
    wrong = {**AGENT, "role": "absent"}
    assert deployment.ask("POST", "/agents", wrong, headers=KEY).status_code == 404
    deployment.ask("PUT", "/roles/absent", ROLE)
    assert deployment.ask("POST", "/agents", wrong, headers=KEY).status_code == 201


def test_of_two_at_once_one_is_done(deployment: Deployment) -> None:
    deployment.furnish()
    for round_ in range(8):
        together = threading.Barrier(2)
        key = {"idempotency-key": f"round-{round_}"}

        def create(round_: int = round_, together: Any = together, key: Any = key) -> httpx2.Response:
            together.wait()
            return deployment.ask("POST", "/agents", {**AGENT, "name": f"bot-{round_}"}, headers=key)

        with ThreadPoolExecutor(2) as pool:
            answers = [future.result() for future in [pool.submit(create), pool.submit(create)]]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert any(answer.status_code == 201 for answer in answers)
        for answer in answers:
            assert answer.status_code == 201 or answer.json()["code"] == "idempotency_key_in_use"


def test_a_key_is_worth_nothing_to_anybody_else(deployment: Deployment) -> None:
    deployment.furnish()
    body = {"name": "laptop", "agent": "support-bot", "scopes": ["orders:list"]}
    first = deployment.ask("POST", "/tokens", body, headers=KEY)
    secret = first.json()["token"]
    eve = deployment.join("eve", "admin")
    again_ada = deployment.sign_in()
    auditor = deployment.join("kim", "auditor")
    for token in (eve, again_ada, auditor, None):
        answer = deployment.ask("POST", "/tokens", body, token=token, headers=KEY)
        assert answer.status_code in {401, 403, 409}
        assert secret not in answer.text
        assert "idempotent-replayed" not in answer.headers


def test_who_may_not_do_it_any_more_is_not_told_again(deployment: Deployment) -> None:
    deployment.furnish()
    body = {"name": "laptop", "agent": "support-bot", "scopes": ["orders:list"]}
    bob = deployment.join("bob", "operator")
    first = deployment.ask("POST", "/tokens", body, token=bob, headers=KEY)
    assert first.status_code == 201
    deployment.later(16 * 60_000)  # bob's session is not fresh any more
    stale = deployment.ask("POST", "/tokens", body, token=bob, headers=KEY)
    assert code(stale) == (401, "reauthentication_required")
    assert first.json()["token"] not in stale.text
    deployment.token = deployment.sign_in()
    assert deployment.ask("PATCH", "/people/bob", {"operator": None}).status_code == 200
    gone = deployment.ask("POST", "/tokens", body, token=bob, headers=KEY)
    assert gone.status_code in {401, 403}
    deployment.ask("POST", "/people/bob/disable")
    assert deployment.ask("POST", "/tokens", body, token=bob, headers=KEY).status_code == 401


@pytest.mark.parametrize("sent", ["", '""', "a" * 129, '"' + "a" * 129 + '"', "a b", '"a', "a,b", "ä", '"a\\"b"'])
def test_what_is_no_key_is_refused(sent: str) -> None:
    with pytest.raises(Malformed, match="Idempotency-Key"):
        read_key([(b"idempotency-key", sent.encode())])


def test_two_keys_are_refused_and_a_quoted_one_is_the_plain_one() -> None:
    with pytest.raises(Malformed):
        read_key([(b"idempotency-key", b"a"), (b"idempotency-key", b"a")])
    assert read_key([(b"idempotency-key", b'"a-1"')]) == read_key([(b"idempotency-key", b" a-1 ")]) == "a-1"
    assert read_key([]) is None


def test_a_key_cannot_reach_into_the_answers_headers(deployment: Deployment) -> None:
    deployment.furnish()
    answer = deployment.ask("POST", "/agents", AGENT, headers={"idempotency-key": '"a%0d%0aset-cookie: x=1"'})
    assert answer.status_code == 201
    assert "set-cookie" not in answer.headers
    assert "a%0d" not in str(answer.headers)


# -- by itself, with a clock turned by hand


CREDENTIAL = CredentialId("crd_1")
DAY = 24 * 3_600_000


def remembered(kept: Repeats, key: str, credential: CredentialId = CREDENTIAL) -> bool:
    return (credential, key) in kept._rows


async def answered(kept: Repeats, key: str, body: bytes = b"x", credential: CredentialId = CREDENTIAL) -> Kept | None:
    async with kept.once(credential, key, b"request") as attempt:
        before = attempt.answer
        attempt.answer = before or Kept(201, (), body)
        return before


def test_it_is_forgotten_after_a_day() -> None:
    now = [0]
    kept = Repeats(lambda: Instant(now[0]))
    assert asyncio.run(answered(kept, "a")) is None
    now[0] = DAY - 1
    assert asyncio.run(answered(kept, "a")) is not None
    now[0] = DAY
    assert asyncio.run(answered(kept, "a")) is None


def test_so_many_and_no_more_and_each_pushes_out_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_EACH", 3)
    kept = Repeats(lambda: Instant(0))
    asyncio.run(answered(kept, "hers", credential=CredentialId("crd_2")))
    for number in range(5):
        asyncio.run(answered(kept, f"k{number}"))
    assert [remembered(kept, f"k{number}") for number in range(5)] == [False, False, True, True, True]
    assert remembered(kept, "hers", CredentialId("crd_2"))


def test_all_of_it_together_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_BYTES", 100)
    kept = Repeats(lambda: Instant(0))
    for number in range(5):
        asyncio.run(answered(kept, f"k{number}", bytes(40)))
    assert [remembered(kept, f"k{number}") for number in range(5)] == [False, False, False, True, True]
    asyncio.run(answered(kept, "large", bytes(101)))
    assert not kept._rows


def test_one_under_way_is_in_nobodys_way_but_its_twins() -> None:
    async def story() -> None:
        kept = Repeats(lambda: Instant(0))
        async with kept.once(CREDENTIAL, "a", b"request"):
            with pytest.raises(Conflict, match="under way"):
                await answered(kept, "a")
            assert await answered(kept, "a", credential=CredentialId("crd_2")) is None
        assert not remembered(kept, "a")  # nothing came of it

    asyncio.run(story())


def test_one_that_fails_or_is_cancelled_leaves_nothing() -> None:
    async def story() -> None:
        kept = Repeats(lambda: Instant(0))
        for error in (RuntimeError, asyncio.CancelledError):
            with pytest.raises(error):
                async with kept.once(CREDENTIAL, "a", b"request"):
                    raise error
            assert not kept._rows

    asyncio.run(story())


def test_what_is_kept_does_not_print() -> None:
    kept = Repeats(lambda: Instant(0))
    asyncio.run(answered(kept, "a", b"gp_sk_secret"))
    assert "gp_sk" not in repr(kept) + repr(next(iter(kept._rows.values())).answer)
