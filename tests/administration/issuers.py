"""A check of signatures for tests that have no issuer: it believes nobody."""

from collections.abc import Mapping

from gatepass.access import Json
from gatepass.attestation import UnverifiedAssertion
from gatepass.errors import Unavailable
from gatepass.registry import TrustRule


class NoKeys:
    async def claims(self, rule: TrustRule, assertion: UnverifiedAssertion, /) -> Mapping[str, Json]:
        raise Unavailable("issuer_keys_unavailable", "the issuer's keys cannot be fetched: there is no network")
