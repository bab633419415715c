"""The issuer's documents, at the well-known places where clients look for them.

The law: anybody may read them and keep them for a short while. MCP clients look beneath the surface's own path first
and at the root then (RFC 9728, section 3.1), and some ask for OpenID's name of the same document; the header-only
surface answers none of these, because clients drop their header where discovery answers.
"""

from collections.abc import Mapping
from typing import Final

from gatepass import exact
from gatepass.access import Json
from gatepass.gateway.requests import Headers, Reply
from gatepass.issuer import Published
from gatepass.web.oauth.answers import body_reply, json_reply
from gatepass.web.oauth.router import Document

__all__ = ["documents_of"]

_KEPT: Final[Headers] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"public, max-age=60"),
    (b"access-control-allow-origin", b"*"),
    (b"x-content-type-options", b"nosniff"),
)


def documents_of(published: Published) -> Mapping[bytes, Document]:
    """Each document by its path, or the beginning of it."""

    def server(left: bytes) -> Reply | None:
        # A surface's path inserted after the name (RFC 8414, section 3.1) is another issuer's, which we are not.
        return _reply(published.server()) if not left else None

    def keys(_: bytes) -> Reply | None:
        return _reply(published.keys())

    def resource(left: bytes) -> Reply | None:
        found = published.resource("/" + left.decode("ascii", "replace"))
        return None if found is None else _reply(found)

    return {
        b"/oauth2/authorize": _nobody_signs_in,
        b"/.well-known/jwks.json": keys,
        b"/.well-known/oauth-authorization-server": server,
        b"/.well-known/openid-configuration": server,
        b"/.well-known/oauth-protected-resource/": resource,
    }


def _nobody_signs_in(_: bytes) -> Reply:
    """The endpoint that the metadata has to name (RFC 6749, section 4.1.2.1); nobody is sent back anywhere."""
    said = {
        "error": "unsupported_response_type",
        "error_description": "nobody signs in here; ask at the token endpoint",
    }
    return json_reply(400, said)


def _reply(document: Mapping[str, Json]) -> Reply:
    return body_reply(200, exact.write(document), _KEPT)
