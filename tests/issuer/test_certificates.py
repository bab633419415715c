"""An agent proves itself with a certificate of its own, and what it gets is bound to that certificate."""

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.issuer.world import ISSUER, PLACE, REFUND, Issuing, new_key, said_by
from tests.keys.x509.certificates import self_signed

from gatepass.issuer.granting.certificates import binding_of
from gatepass.keys.x509 import ClientCertificate

PROXY = {"server": {"certificate_proxies": ["127.0.0.1/32"]}}
ASKED = {"grant_type": "client_credentials", "client_id": "support-bot", "resource": PLACE, "scope": REFUND}


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        yield Issuing.opened(closing, PROXY)


def said(der: bytes) -> dict[str, Any]:
    return {"client-cert": f":{base64.b64encode(der).decode()}:"}


def certificate(issuing: Issuing, key: Any = None, **more: Any) -> bytes:
    begins = datetime.fromtimestamp(issuing.gatepass.clock() / 1000, UTC)
    return self_signed("anything", key, begins=more.pop("begins", begins), **more)[0]


def registered(issuing: Issuing) -> tuple[bytes, Any]:
    issuing.agent("support-bot", "orders:refund")
    key = ec.generate_private_key(ec.SECP256R1())
    der = certificate(issuing, key)
    jwk = dict(ClientCertificate.read(der).key.jwk)
    issuing.gatepass.admin.act("agents", "support-bot", "keys", {"label": "its certificate", "jwk": jwk})
    return der, key


def test_a_registered_key_is_its_agent_and_the_token_is_bound_to_the_certificate(issuing: Issuing) -> None:
    der, key = registered(issuing)
    answer = issuing.ask(ASKED, **said(der))
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"
    token = said_by(answer.json()["access_token"])
    assert token.confirmation is not None
    assert token.confirmation.binding == binding_of(der)
    renewed = certificate(issuing, key)
    again = said_by(issuing.get(ASKED, **said(renewed)))
    assert again.confirmation is not None
    assert again.confirmation.binding == binding_of(renewed) != binding_of(der)


def test_a_proof_by_a_key_goes_before_the_certificate(issuing: Issuing) -> None:
    der, _ = registered(issuing)
    key = new_key()
    token = said_by(issuing.get(ASKED, key=key, **said(der)))
    assert token.confirmation is not None
    assert token.confirmation.binding == key.public.thumbprint


def test_an_api_token_over_mutual_tls_gets_a_token_that_is_bound_to_the_certificate(issuing: Issuing) -> None:
    secret = issuing.agent("support-bot", "orders:refund")
    der = certificate(issuing)
    token = said_by(issuing.get({**ASKED, "client_secret": secret}, **said(der)))
    assert token.confirmation is not None
    assert token.confirmation.binding == binding_of(der)


def test_what_is_not_the_agents_is_refused_in_one_sentence(issuing: Issuing) -> None:
    der, key = registered(issuing)
    issuing.agent("other-bot", "orders:refund")
    now = datetime.fromtimestamp(issuing.gatepass.clock() / 1000, UTC)
    late, early = (certificate(issuing, key, begins=now + timedelta(days=days)) for days in (-2, 2))
    refused = [
        issuing.ask(ASKED, **said(certificate(issuing))),
        issuing.ask({**ASKED, "client_id": "other-bot"}, **said(der)),
        issuing.ask({**ASKED, "client_id": "nobody"}, **said(der)),
        issuing.ask(ASKED, **said(late)),
        issuing.ask(ASKED, **said(early)),
        issuing.ask(ASKED, **said(der[:-1])),
        issuing.ask({name: text for name, text in ASKED.items() if name != "client_id"}, **said(der)),
        issuing.ask(ASKED),
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(401, "invalid_client")}
    assert len({answer.json()["error_description"] for answer in refused[:6]}) == 1


def test_a_key_that_was_taken_away_is_nobody(issuing: Issuing) -> None:
    der, _ = registered(issuing)
    thumbprint = ClientCertificate.read(der).key.thumbprint
    issuing.gatepass.admin.remove("agent-keys", thumbprint)
    assert issuing.ask(ASKED, **said(der)).status_code == 401


def test_from_anywhere_else_there_is_no_certificate() -> None:
    with ExitStack() as closing:
        issuing = Issuing.opened(closing, {"server": {"certificate_proxies": ["10.0.0.7/32"]}})
        der, _ = registered(issuing)
        assert issuing.ask(ASKED, **said(der)).status_code == 401


@pytest.mark.parametrize("settings", [PROXY, None])
def test_what_is_announced_is_what_can_be_seen(settings: Any) -> None:
    with ExitStack() as closing:
        issuing = Issuing.opened(closing, settings)
        client = issuing.client()
        server = client.get("/.well-known/oauth-authorization-server").json()
        place = client.get("/.well-known/oauth-protected-resource/u/orders").json()
        seen = settings is not None
        methods = server["token_endpoint_auth_methods_supported"]
        assert ("self_signed_tls_client_auth" in methods) is seen
        for document in (server, place):
            assert document.get("tls_client_certificate_bound_access_tokens", False) is seen
        assert server["issuer"] == ISSUER
