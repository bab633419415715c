"""The token endpoint, asked as a stranger's OAuth client asks it."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.issuer.world import ISSUER, PLACE, REFUND, Issuing, new_key, own, said_by

from gatepass.authority import SingleUse


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        yield Issuing.opened(closing)


def test_an_api_token_is_exchanged_for_a_bound_token_for_one_refund(issuing: Issuing) -> None:
    secret, key = issuing.agent("support-bot", "orders:refund", "orders:get"), new_key()
    answer = issuing.ask(own(secret, client_id="support-bot", resource=PLACE, scope=REFUND, single_use="true"), key=key)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["token_type"], said["expires_in"]) == ("DPoP", 300)
    assert "scope" not in said
    assert answer.headers["cache-control"] == "no-store"
    token = said_by(said["access_token"])
    assert (token.issuer, token.audience, token.client) == (ISSUER, PLACE, token.subject)
    assert token.confirmation is not None
    assert token.confirmation.thumbprint == key.public.thumbprint
    (grant,) = token.credential.authority.grants
    assert grant.text == "orders:refund:order-12345?amount<=50&amount>=0&user=user-678"
    assert grant.caveats == (SingleUse(f"{token.credential.id}/once"),)
    assert said["authorization_details"][0]["type"] == "orders"
    assert token.status is not None
    assert token.status.uri.startswith(f"{ISSUER}/oauth2/status/")
