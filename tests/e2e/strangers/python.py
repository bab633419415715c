"""requests_oauth2client in this process: the token endpoint, DPoP and calls, all by its own hand."""

from typing import Any

import requests
from requests_oauth2client import DPoPKey, DPoPToken, OAuth2Client
from requests_oauth2client.dpop import MissingDPoPNonce


class Python:
    """One client with a key of its own, and another key for what must not work."""

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        found = self.session.get(f"{issuer}/.well-known/oauth-authorization-server", timeout=30).json()
        assert found["issuer"] == issuer
        self.client = OAuth2Client(
            found["token_endpoint"],
            auth=(client_id, client_secret),
            issuer=issuer,
            session=self.session,
            dpop_bound_access_tokens=True,
            testing=True,  # plain http, on this machine
        )
        self.keys = {"own": DPoPKey.generate(alg="ES256"), "other": DPoPKey.generate(alg="ES256")}
        self.tokens: dict[str, Any] = {}

    def close(self) -> None:
        self.session.close()

    def token(self, name: str, **parameters: Any) -> dict[str, Any]:
        scope = parameters.pop("scope")
        held = self.client.client_credentials(scope, dpop_key=self.keys["own"], **parameters)
        assert isinstance(held, DPoPToken)
        self.tokens[name] = held
        return {"token_type": held.token_type, "expires_in": held.expires_in, "scope": held.scope}

    def call(self, name: str, url: str, body: Any, key: str | None = "own") -> tuple[int, Any]:
        held = self.tokens[name]
        if key is None:
            auth: Any = None
            headers = {"authorization": f"Bearer {held.access_token}"}
        else:
            auth, headers = DPoPToken(held.access_token, _dpop_key=self.keys[key]), {}
        try:
            answer = self.session.post(url, json=body, auth=auth, headers=headers, timeout=30)
        except MissingDPoPNonce as error:  # its word for every 401 to a proof that asks for no nonce
            answer = error.response
        return answer.status_code, answer.json()
