"""What the issuer says of itself and of the surfaces that its tokens are for, to anybody.

The law: the issuer's name is the base, byte for byte, in every document (RFC 8414, section 3.3; RFC 9728, section 3.3);
what is announced is what the endpoints do. Keys are public halves of those that verify now, the next one among them
(RFC 7517). A document of a surface names that surface as an audience and nothing of what is behind it but the names of
scopes that read: whoever asks is a stranger.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatepass.access import ActionClass, Json
from gatepass.attestation.assertions import ALGORITHMS as ASSERTED
from gatepass.authority import Catalogue
from gatepass.credentials.proofs.dpop import ALGORITHMS
from gatepass.issuer.places import Place, Places
from gatepass.issuer.world import World, served_at

__all__ = ["Published"]

ID_JAG_PROFILE: Final = "urn:ietf:params:oauth:grant-profile:id-jag"
_ALGORITHMS: Final = tuple(sorted(ALGORITHMS))
_BOUND: Final = "tls_client_certificate_bound_access_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The documents, each made anew: what is announced follows what there is."""

    world: World
    places: Places
    grant_types: Callable[[], Sequence[str]]
    endpoints: Mapping[str, str]
    """Further endpoints, by the name that metadata gives them: `introspection_endpoint`, with its path."""
    methods: Sequence[str] = ("client_secret_basic", "client_secret_post", "private_key_jwt")
    """The ways in which clients authenticate."""
    certificates: bool = False
    """Whether a client's certificate can be seen, and what is issued be bound to it (RFC 8705)."""

    def server(self) -> Mapping[str, Json]:
        """RFC 8414: the issuer's metadata."""
        said: dict[str, Json] = {
            "issuer": self.places.issuer,
            "token_endpoint": self.places.token,
            "jwks_uri": f"{self.places.base}/.well-known/jwks.json",
            # Nobody signs in here yet. Both are named all the same: the first is required of every server, and the
            # `mcp` SDK reads no document without the second, whatever the grant. It answers that there is nothing.
            "response_types_supported": (),
            "authorization_endpoint": self.places.authorize,
            "grant_types_supported": tuple(self.grant_types()),
            "token_endpoint_auth_methods_supported": tuple(self.methods),
            "token_endpoint_auth_signing_alg_values_supported": tuple(sorted(ASSERTED)),
            "authorization_grant_profiles_supported": (ID_JAG_PROFILE,),
            "scopes_supported": _reading(self.world.catalogue),
            "authorization_details_types_supported": tuple(sorted(self.world.catalogue.types)),
            "dpop_signing_alg_values_supported": _ALGORITHMS,
            "resource_indicators_supported": True,
            **({_BOUND: True} if self.certificates else {}),
            "protected_resources": tuple(self.places.audience(place) for place in self._surfaces()),
        }
        return {**said, **{name: f"{self.places.base}{path}" for name, path in self.endpoints.items()}}

    def keys(self) -> Mapping[str, Json]:
        """RFC 7517: the public keys, the latest to sign first."""
        held = sorted(self.world.signing.values(), key=lambda key: (key.begins, key.id), reverse=True)
        return {
            "keys": tuple(
                {**key.jwk, "alg": "ES256", "kid": key.id, "use": "sig"} for key in held if key.withdrawn is None
            )
        }

    def resource(self, path: str) -> Mapping[str, Json] | None:
        """RFC 9728: what is at a surface's path; None where there is nothing."""
        place = self.places.at(path)
        behind = None if place is None else served_at(self.world, place)
        if place is None or behind is None or path != self.places.path(place):
            return None
        return {
            "resource": self.places.audience(place),
            "authorization_servers": (self.places.issuer,),
            "jwks_uri": f"{self.places.base}/.well-known/jwks.json",
            "scopes_supported": _reading(behind.catalogue),
            "bearer_methods_supported": ("header",),
            "dpop_signing_alg_values_supported": _ALGORITHMS,
            "authorization_details_types_supported": tuple(sorted(behind.catalogue.types)),
            "resource_name": behind.upstream.name,
            **({_BOUND: True} if self.certificates else {}),
        }

    def _surfaces(self) -> tuple[Place, ...]:
        return tuple(
            place
            for behind in self.world.upstreams.values()
            if behind.upstream.disabled is None
            and (place := Places.at(f"/{'mcp' if behind.upstream.kind.speaks_mcp else 'u'}/{behind.upstream.name}"))
        )


def _reading(catalogue: Catalogue) -> tuple[str, ...]:
    """The least that somebody could begin with."""
    return tuple(
        sorted(
            f"{spec.name}:{action.name}"
            for spec in catalogue.types.values()
            for action in spec.actions.values()
            if action.kind is ActionClass.READ
        )
    )
