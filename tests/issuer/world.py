"""A deployment in memory with an orders API behind it, and clients of its issuer."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode

import httpx2

from gatepass import exact
from gatepass.access import Instant
from gatepass.credentials.access_tokens import AccessToken
from gatepass.credentials.proofs.making import make_proof
from gatepass.keys.jose.fixed import FixedJws
from gatepass.keys.jose.signing import HolderKey
from gatepass.testing import LocalDeployment

ORDERS: Final = """
types:
  orders:
    actions:
      get: {class: read}
      search: {class: read}
      refund: {class: write, properties: {amount: {type: number, non_negative: true}, user: string}}
      cancel: {class: delete}
      purge: {class: admin}
rest:
  - {match: "GET /orders/{order}", action: "orders:get", resource: path.order}
  - {match: "DELETE /orders/{order}", action: "orders:cancel", resource: path.order}
  - match: "POST /orders/{order}/refunds"
    action: "orders:refund"
    resource: path.order
    properties: {amount: body.amount, user: body.user}
"""
REPORTS: Final = """
types:
  reports:
    actions:
      read: {class: read}
rest:
  - {match: "GET /reports/{report}", action: "reports:read", resource: path.report}
"""
Form: TypeAlias = Mapping[str, str] | list[tuple[str, str]]
ISSUER: Final = "http://127.0.0.1:8420"
TOKEN_URL: Final = f"{ISSUER}/oauth2/token"
PLACE: Final = f"{ISSUER}/u/orders"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
REFUND: Final = "orders:refund:order-12345?amount<=50&user=user-678"


def said_by(text: str) -> AccessToken:
    """What a token says, whoever signed it."""
    return AccessToken.read(FixedJws(text, 16_384).unverified_payload)


@dataclass
class Issuing:
    """A deployment, and what an agent's OAuth client sends to it."""

    gatepass: LocalDeployment
    closing: ExitStack
    nonce: str | None = None
    agents: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def opened(cls, closing: ExitStack, settings: Mapping[str, Mapping[str, object]] | None = None) -> "Issuing":
        gatepass = closing.enter_context(LocalDeployment(settings=settings))
        gatepass.upstream("orders", lambda _: {"ok": True}, operations=ORDERS, secret="the-real-key")
        gatepass.upstream("reports", lambda _: {"ok": True}, operations=REPORTS, secret="the-other-key")
        return cls(gatepass, closing)

    def agent(self, name: str, *scopes: str, role: str | None = None, bearers: bool = False, **more: object) -> str:
        """An agent with a role of its own and an API token for all of it; the token's text."""
        role = role or f"{name}-role"
        self.gatepass.role(role, *scopes, **({} if bearers else {"bearers": None}), **more)  # type: ignore[arg-type]
        made = self.gatepass.agent(name, role)
        self.agents[name] = made
        issued = self.gatepass.admin.create("tokens", {"name": f"{name}-token", "agent": name, "scopes": tuple(scopes)})
        return str(issued["token"])

    def client(self) -> httpx2.Client:
        client = httpx2.Client(transport=self.gatepass.transport(), base_url="http://127.0.0.1")
        return self.closing.enter_context(client)

    def proof(self, key: HolderKey, url: str = TOKEN_URL, **more: Any) -> str:
        at = Instant(self.gatepass.clock())
        return make_proof(key, method="POST", url=url, at=at, entropy=os.urandom, nonce=self.nonce, **more)

    def ask(self, form: Form, *, key: HolderKey | None = None, **headers: str) -> httpx2.Response:
        """One request, asked again with the nonce where one is wanted."""
        answer = self._send(form, key, headers)
        if key is not None and answer.json().get("error") == "use_dpop_nonce":
            self.nonce = answer.headers["dpop-nonce"]
            answer = self._send(form, key, headers)
        return answer

    def _send(self, form: Form, key: HolderKey | None, headers: Mapping[str, str]) -> httpx2.Response:
        proofs = {} if key is None else {"dpop": self.proof(key)}
        body = urlencode(form if isinstance(form, list) else list(form.items()))
        sent = {"content-type": "application/x-www-form-urlencoded", **headers, **proofs}
        return self.client().post("/oauth2/token", content=body, headers=sent)

    def get(self, form: Mapping[str, str], *, key: HolderKey | None = None, **headers: str) -> str:
        """The token that a request gets."""
        answer = self.ask(form, key=key, **headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


def own(secret: str, **more: str) -> dict[str, str]:
    """The client credentials grant with an API token."""
    return {"grant_type": "client_credentials", "client_secret": secret, **more}


def exchange(subject: str, **more: str) -> dict[str, str]:
    """A token exchange."""
    return {"grant_type": EXCHANGE, "subject_token": subject, "subject_token_type": ACCESS_TOKEN, **more}


def details(*objects: Mapping[str, Any]) -> str:
    """`authorization_details`."""
    return exact.write(exact.read(httpx2.Response(200, json=objects).content)).decode()


def new_key() -> HolderKey:
    return HolderKey.generate(os.urandom)
