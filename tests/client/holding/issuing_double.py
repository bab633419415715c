"""An issuer and a tool on one address: real HTTP, real proofs, and answers as a test wants them."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.client.doubles import Answer, Asked, Double, serving

from gatepass.client.holding.issuing import clock
from gatepass.credentials.proofs import Proof, ProvenCall, verify_proof
from gatepass.errors import Unauthenticated


@dataclass
class Stranger:
    """Issues a token a request; takes each at its own resource."""

    url: str = ""
    nonces: frozenset[str] | None = None
    resource_nonces: frozenset[str] | None = None
    forms: list[dict[str, str]] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    called: list[tuple[str, str]] = field(default_factory=list)
    """Path and token of every call that was let in."""
    instead: Callable[[Asked], Answer | None] = lambda _asked: None
    said: dict[str, Any] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Answer:
        told = self.instead(asked)
        if told is not None:
            return told
        return self.issue(asked) if asked.path == "/oauth2/token" else self.serve(asked)

    def issue(self, asked: Asked) -> Answer:
        call = ProvenCall(method="POST", url=f"{self.url}/oauth2/token", at=clock(), nonces=self.nonces)
        try:
            proof = verify_proof([asked.headers["dpop"]], call)
        except Unauthenticated as error:
            word = "use_dpop_nonce" if error.code == "proof_nonce" else "invalid_dpop_proof"
            more = {"dpop-nonce": min(self.nonces)} if self.nonces else {}
            return Answer(400, json.dumps({"error": word}).encode(), more)
        self.proofs.append(proof)
        self.forms.append(dict(parse_qsl(asked.body.decode(), strict_parsing=True)))
        body = {"access_token": f"token-{len(self.forms)}", "token_type": "DPoP", "expires_in": 300, "scope": "a:b"}
        return Answer(200, json.dumps({**body, **self.said}).encode())

    def serve(self, asked: Asked) -> Answer:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        call = ProvenCall(
            method=asked.method,
            url=self.url + asked.path,
            at=clock(),
            credential=token,
            binding=self.proofs[-1].thumbprint,
            nonces=self.resource_nonces,
        )
        assert scheme == "DPoP"
        try:
            verify_proof([asked.headers["dpop"]], call)
        except Unauthenticated as error:
            if error.code != "proof_nonce":
                raise
            challenge = {
                "www-authenticate": 'DPoP error="use_dpop_nonce"',
                "dpop-nonce": min(self.resource_nonces or ()),
            }
            return Answer(401, b"{}", challenge)
        self.called.append((asked.path, token))
        return Answer(200, asked.body or b"{}")


@contextmanager
def issuing(**settings: Any) -> Iterator[tuple[Stranger, Double]]:
    stranger = Stranger(**settings)
    with serving(stranger.answer) as double:
        stranger.url = double.url
        yield stranger, double


def claims(proof: str) -> dict[str, Any]:
    payload = proof.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))  # type: ignore[no-any-return]
