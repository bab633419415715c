"""Workloads at the token endpoint of a whole deployment: what they get, what is kept of it, and what is refused."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
from tests.attestation.test_assertions import jwk, keys, signed
from tests.issuer.world import ISSUER, PLACE, TOKEN_URL, Issuing, exchange, new_key, own, said_by

from gatepass.client import Management
from gatepass.issuer.workloads import JWT_BEARER
from gatepass.issuer.workloads.grants import CLIENT_ASSERTION
from gatepass.keys.jose.signing import HolderKey

CLUSTER = "https://cluster.example"
ACCOUNT = "system:serviceaccount:agents:support"
UID = "/kubernetes.io/serviceaccount/uid=1c9e"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        opened = Issuing.opened(closing)
        opened.agent("support-bot", "orders:get", "orders:search")
        yield opened


def trust(issuing: Issuing, name: str = "cluster", **more: Any) -> None:
    said: dict[str, Any] = {
        "kind": "kubernetes",
        "issuer": CLUSTER,
        "keys": keys(jwk()),
        "conditions": (f"sub={ACCOUNT}", UID),
        "agent": "support-bot",
    }
    api: Management = issuing.gatepass.admin
    api.replace("trust-rules", name, {**said, **more})


def token(issuing: Issuing, number: int = 1, header: dict[str, Any] | None = None, **more: Any) -> str:
    seconds = issuing.gatepass.clock() // 1000
    account = {"namespace": "agents", "serviceaccount": {"name": "support", "uid": "1c9e"}, "pod": {"uid": "77aa"}}
    said = {
        "iss": CLUSTER,
        "sub": ACCOUNT,
        "aud": [TOKEN_URL],
        "exp": seconds + 600,
        "iat": seconds,
        "jti": f"t{number}",
    }
    return signed({**said, "kubernetes.io": account, **more}, **(header or {}))


def asking(assertion: str, **more: str) -> dict[str, str]:
    return {"grant_type": JWT_BEARER, "assertion": assertion, "resource": PLACE, "scope": "orders:get", **more}


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_pod_gets_a_credential_for_minutes_and_its_proof_is_kept(issuing: Issuing) -> None:
    trust(issuing, longest_life_seconds=Decimal(60))
    key = new_key()
    assertion = token(issuing)
    answer = issuing.ask(asking(assertion), key=key)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["token_type"], said["expires_in"]) == ("DPoP", 60)
    assert "refresh_token" not in said
    issued = said_by(said["access_token"])
    assert issued.agent is not None
    assert issued.agent.attestation == ("kubernetes",)
    told = json.dumps(issuing.gatepass.admin.listed("journal")[0], default=str)
    assert "credential.issued" in told
    for kept in (ACCOUNT, "1c9e", "77aa", "cluster", JWT_BEARER):
        assert kept in told, kept
    assert assertion not in told
    assert error(issuing.ask(asking(assertion), key=key)) == (400, "invalid_grant")


def test_a_refused_request_spends_nothing(issuing: Issuing) -> None:
    trust(issuing)
    assertion = token(issuing)
    assert error(issuing.ask(asking(assertion, scope="orders:refund:order-1")))[0] == 400
    assert error(issuing.ask(asking(assertion, resource=f"{ISSUER}/u/nothing"))) == (400, "invalid_target")
    assert issuing.ask(asking(assertion)).status_code == 200
    assert error(issuing.ask(asking(assertion))) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "more",
    [
        {"sub": "system:serviceaccount:agents:other"},
        {"aud": ["https://elsewhere.example"]},
        {"aud": [TOKEN_URL, ISSUER]},
        {"iss": "https://other.example"},
        {"kubernetes.io": {}},
        {"exp": 1},
    ],
)
def test_what_a_rule_does_not_accept_gets_nothing(issuing: Issuing, more: dict[str, Any]) -> None:
    trust(issuing)
    answer = issuing.ask(asking(token(issuing, **more)))
    assert error(answer) == (400, "invalid_grant")
    assert answer.json()["error_description"] == "the assertion proves no agent of this deployment"


def test_a_rule_that_is_gone_and_an_agent_that_is_disabled_get_nothing(issuing: Issuing) -> None:
    trust(issuing)
    issuing.gatepass.admin.act("agents", "support-bot", "disable")
    assert error(issuing.ask(asking(token(issuing))))[0] in {400, 401}
    issuing.gatepass.admin.act("agents", "support-bot", "enable")
    issuing.gatepass.admin.remove("trust-rules", "cluster")
    assert error(issuing.ask(asking(token(issuing, 2)))) == (400, "invalid_grant")


def test_the_role_is_the_ceiling_of_a_workload(issuing: Issuing) -> None:
    trust(issuing)
    refused = issuing.ask(asking(token(issuing), scope="orders:cancel:order-1"))
    assert error(refused)[0] == 400
    assert issuing.ask(asking(token(issuing))).json()["scope"] == "orders:get"


@pytest.mark.parametrize("reproof", [True, False])
def test_new_proof_before_each_credential(issuing: Issuing, reproof: bool) -> None:  # noqa: FBT001
    trust(issuing, reproof=reproof)
    key = new_key()
    first = issuing.get(asking(token(issuing)), key=key)
    again = issuing.ask(exchange(first, resource=PLACE, scope="orders:get:order-1"), key=key)
    if reproof:
        assert error(again) == (400, "invalid_grant")
        assert "new proof" in again.json()["error_description"]
        assert issuing.ask(asking(token(issuing, 2)), key=key).status_code == 200
        return
    assert again.status_code == 200, again.text
    issuing.gatepass.admin.remove("trust-rules", "cluster")
    later = issuing.ask(exchange(first, resource=PLACE, scope="orders:get:order-1"), key=key)
    assert error(later) == (400, "invalid_grant"), "nothing further comes of a rule that is gone"


OWN = HolderKey((9).to_bytes(32, "big"))


def own_assertion(issuing: Issuing, number: int = 1, **more: Any) -> dict[str, str]:
    seconds = issuing.gatepass.clock() // 1000
    said = {"iss": "support-bot", "sub": "support-bot", "aud": ISSUER, "exp": seconds + 60, "jti": f"c{number}", **more}
    return {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signed(said, OWN, kid=OWN.public.thumbprint)}


def registered(issuing: Issuing) -> None:
    issuing.gatepass.admin.act("agents", "support-bot", "keys", {"jwk": OWN.public.jwk, "label": "laptop"})


def test_an_agents_own_key_authenticates_it_once_for_each_signature(issuing: Issuing) -> None:
    registered(issuing)
    form = {"grant_type": "client_credentials", "resource": PLACE, "scope": "orders:get"}
    assertion = own_assertion(issuing)
    assert issuing.ask({**form, **assertion}).status_code == 200
    assert error(issuing.ask({**form, **assertion})) == (401, "invalid_client")
    assert error(issuing.ask({**form, **own_assertion(issuing, 2, aud=TOKEN_URL)})) == (401, "invalid_client")
    assert issuing.ask({**form, **own_assertion(issuing, 3), "client_id": "support-bot"}).status_code == 200
    (held,) = issuing.gatepass.admin.listed("agents", "support-bot", "keys")
    issuing.gatepass.admin.remove("agent-keys", str(held["id"]))
    assert error(issuing.ask({**form, **own_assertion(issuing, 4)})) == (401, "invalid_client")


def test_two_ways_at_once_are_none(issuing: Issuing) -> None:
    registered(issuing)
    form = own("gp_sk_x", resource=PLACE, scope="orders:get")
    assert error(issuing.ask({**form, **own_assertion(issuing)})) == (400, "invalid_request")


def identity(issuing: Issuing, number: int = 1, **more: Any) -> str:
    seconds = issuing.gatepass.clock() // 1000
    said = {"iss": "https://idp.example", "sub": "ada", "aud": ISSUER, "client_id": "support-bot", "jti": f"j{number}"}
    return signed({**said, "exp": seconds + 60, "iat": seconds, **more}, typ="oauth-id-jag+jwt")


def test_an_identity_assertion_bounds_its_client(issuing: Issuing) -> None:
    registered(issuing)
    trust(issuing, "idp", kind="oidc", issuer="https://idp.example", conditions=("sub=ada",))

    def ask(number: int, *, key: HolderKey | None = None, form: dict[str, str] | None = None, **more: Any) -> Any:
        said = {
            "grant_type": JWT_BEARER,
            "assertion": identity(issuing, number, **more),
            **own_assertion(issuing, number),
        }
        return issuing.ask({**said, **(form or {})}, key=key)

    granted = ask(1, scope="orders:get nothing:known", resource=PLACE)
    assert granted.status_code == 200, granted.text
    assert granted.json()["scope"] == "orders:get"
    assert said_by(granted.json()["access_token"]).audience == PLACE
    wider = ask(2, form={"scope": "orders:search"}, scope="orders:get", resource=PLACE)
    assert error(wider)[1] in {"invalid_scope", "access_denied"}
    assert error(ask(3, form={"resource": f"{ISSUER}/u/reports"}, resource=PLACE)) == (400, "invalid_target")
    assert error(ask(4, client_id="other-bot")) == (400, "invalid_grant")
    assert error(ask(5, aud=TOKEN_URL)) == (400, "invalid_grant")
    key = new_key()
    bound: dict[str, Any] = {"scope": "orders:get", "resource": PLACE, "cnf": {"jkt": key.public.thumbprint}}
    assert error(ask(6, **bound)) == (400, "invalid_grant")
    assert error(ask(7, key=new_key(), **bound)) == (400, "invalid_grant")
    alone = issuing.ask({"grant_type": JWT_BEARER, "assertion": identity(issuing, 9), "resource": PLACE})
    assert error(alone) == (401, "invalid_client")


def test_metadata_says_what_is_taken(issuing: Issuing) -> None:
    said = issuing.client().get("/.well-known/oauth-authorization-server").json()
    assert JWT_BEARER in said["grant_types_supported"]
    assert "private_key_jwt" in said["token_endpoint_auth_methods_supported"]
    assert said["authorization_grant_profiles_supported"] == ["urn:ietf:params:oauth:grant-profile:id-jag"]
    assert "none" not in said["token_endpoint_auth_signing_alg_values_supported"]
