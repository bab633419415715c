"""Step 7: what was decided, signed with the key of the moment, in the shape that was asked for.

The law: both shapes say the same credential, whose record is kept beside: an access token for one surface, or the first
link of a capability, which is given to exactly the key that was proven with the request, and which its holder narrows
and hands on without us. Nothing is signed that its verifier would not read back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gatepass.credentials import IssuedRecord
from gatepass.credentials.access_tokens import AccessToken
from gatepass.credentials.access_tokens.minting import Minter
from gatepass.credentials.capability.minting import mint
from gatepass.errors import Malformed
from gatepass.keys import IssuerKey
from gatepass.keys.jose.jwk import PublicKey
from gatepass.keys.jose.signing import Signs

__all__ = ["CAPABILITY", "Signing"]

CAPABILITY: Final = "urn:gatepass:params:oauth:token-type:capability"
"""`requested_token_type` of a capability."""
_ALGORITHM: Final = "ES256"


@dataclass(slots=True)
class Signing:
    """Signs with the issuer's keys. `opened` gives the private half of one."""

    opened: Callable[[IssuerKey], Signs]
    _minter: tuple[str, Minter] | None = field(default=None, repr=False)

    def access_token(self, token: AccessToken, record: IssuedRecord, keys: Mapping[str, IssuerKey]) -> str:
        """The text of an access token."""
        if self._minter is None or self._minter[0] != record.key:
            self._minter = (record.key, Minter(self.opened(keys[record.key]), record.key))
        return self._minter[1].mint(token)

    def capability(
        self, record: IssuedRecord, holder: PublicKey | None, keys: Mapping[str, IssuerKey], *, issuer: str
    ) -> str:
        """The text of a capability of one link. Raises `Malformed` where no key was proven that could hold it."""
        if holder is None or holder.algorithm != _ALGORITHM:
            hint = "Send a DPoP proof by the P-256 key that the capability is to be given to."
            raise Malformed("malformed_request", "a capability is given to a key, and none was proven", hint=hint)
        made = mint(
            record.credential,
            holder,
            issuer=issuer,
            audiences=(record.audience,),
            key=self.opened(keys[record.key]),
            key_id=record.key,
        )
        return made.text
