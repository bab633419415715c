"""What a caller showed: read off the headers of one request, before anything of it is believed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gatepass.errors import Unauthenticated

__all__ = ["Presented"]

_AUTHORIZATION: Final = re.compile(r"(Bearer|DPoP) +([A-Za-z0-9._~+/=-]{1,20480})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Presented:
    """One request, as far as its credential goes."""

    method: str
    url: str
    """As the API is known outside; never what a `Host` header says."""
    with_proof: bool
    """Whether the credential came under the scheme `DPoP`."""
    text: str
    proofs: tuple[str, ...] = ()
    source: str | None = None
    """The caller's address, where a caveat is to look at it."""
    certificate: str | None = None
    """`x5t#S256` (RFC 8705) of the client certificate that the TLS handshake proved."""

    @classmethod
    def of(
        cls,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        *,
        source: str | None = None,
        certificate: str | None = None,
    ) -> "Presented":
        """Read the headers, all of them, as they came. Raises `Unauthenticated`."""
        said = [(name.lower(), value.strip(" \t")) for name, value in headers]
        found = [value for name, value in said if name == "authorization"]
        if not found:
            raise Unauthenticated("credential_missing", "the request has no pass")
        read = _AUTHORIZATION.fullmatch(found[0]) if len(found) == 1 else None
        if read is None:
            raise Unauthenticated("credential_invalid", "the request does not have exactly one pass")
        return cls(
            method=method,
            url=url,
            with_proof=read[1].lower() == "dpop",
            text=read[2],
            proofs=tuple(value for name, value in said if name == "dpop"),
            source=source,
            certificate=certificate,
        )

    def __repr__(self) -> str:
        return f"<{self.method} {self.url} with a pass>"
