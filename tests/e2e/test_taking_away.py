"""What was taken away at the issuer stays away after kill -9, and nothing else goes: a real process, a real disk."""

import asyncio
from decimal import Decimal
from pathlib import Path

import httpx2
from tests.e2e.place import Line, Place, furnished, running, signed_in, upstream

from gatepass.access import Json

ISSUER = "http://127.0.0.1:18420"
"""The issuer's name, whatever port each process gets."""
SETTINGS = {"GATEPASS_SERVER__AGENTS_URL": ISSUER}


def port(place: Place) -> int:
    """Where it listens, which is not where it says that it is."""
    return int(place.people_url.rpartition(":")[2])


def post(place: Place, path: str, secret: str, **form: str) -> httpx2.Response:
    url = f"http://127.0.0.1:{port(place)}/oauth2/{path}"
    return httpx2.post(url, data=form, headers={"authorization": f"Bearer {secret}"})


def issued(place: Place, secret: str, **form: str) -> str:
    said = {"grant_type": "client_credentials", "resource": f"{ISSUER}/u/things", "scope": "things:get:one", **form}
    answer = post(place, "token", secret, expires_in="600", **said)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def active(place: Place, secret: str, token: str) -> bool:
    answer = post(place, "introspect", secret, token=token)
    assert answer.status_code == 200, answer.text
    return bool(answer.json()["active"])


async def permitted(place: Place, token: str) -> bool:
    line = Line(port(place))
    try:
        return (await line.rest(token, "one"))[0] == 200
    finally:
        line.close()


def test_what_was_taken_away_stays_away_after_a_kill(tmp_path: Path) -> None:
    async def story() -> None:
        async with upstream() as noting:
            with running(tmp_path, **SETTINGS) as place:
                admin = signed_in(place)
                furnished(admin, noting.port)
                said: dict[str, Json] = {
                    "agent": "bot",
                    "name": "long",
                    "scopes": ("things:get:one",),
                    "lifetime_seconds": Decimal(3600),
                }
                secret = str(admin.create("tokens", said)["token"])
                run = post(place, "runs", secret, expires_in="900").json()["run_id"]
                over = post(place, "runs", secret, expires_in="900").json()["run_id"]
                kept, revoked = issued(place, secret), issued(place, secret)
                inside, outlived = issued(place, secret, run_id=run), issued(place, secret, run_id=over)
                for token in (kept, revoked, inside, outlived):
                    assert await permitted(place, token)
                    assert active(place, secret, token)
                assert post(place, "revoke", secret, token=revoked).status_code == 200
                assert post(place, "runs/end", secret, run_id=over).status_code == 200
                for token in (revoked, outlived):
                    assert not await permitted(place, token)
                    assert not active(place, secret, token)
                place.kill()
            with running(tmp_path, **SETTINGS) as place:
                for token, lives in ((kept, True), (revoked, False), (inside, True), (outlived, False)):
                    assert active(place, secret, token) is lives
                    assert await permitted(place, token) is lives
                assert post(place, "runs/end", secret, run_id=over).json()["active"] is False
                assert post(place, "token", secret, grant_type="client_credentials", run_id=over).status_code == 400

    asyncio.run(story())
