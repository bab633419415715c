"""The text of a capability: links joined by `~`, and perhaps a seal.

    gp_cap_<link 0>~<link 1>~…            proven by the key that the last link names
    gp_cap_<link 0>~<link 1>~…~<seal>     sealed by that key

The law: taking a text apart tells nothing about power. It is bounded before anything is looked at; each part is a
compact JWS, and only the last may be a seal. A text that carries a private key is for handing on between holders: it
begins otherwise, and is refused here, so that no surface ever takes one.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from gatepass.credentials.capability.faults import Fault
from gatepass.errors import Malformed
from gatepass.keys.jose.fixed import header_segment

__all__ = ["HANDOVER_PREFIX", "LINK_HEADER", "MOST_BYTES", "MOST_LINKS", "PREFIX", "ROOT_TYPE", "SEAL_HEADER"]
__all__ += ["UnverifiedCapability"]

PREFIX: Final = "gp_cap_"
HANDOVER_PREFIX: Final = "gp_hand_"
MOST_LINKS: Final = 8
"""The issuer's link counts."""
MOST_BYTES: Final = 16 * 1024

ROOT_TYPE: Final = "gatepass-root+jwt"
LINK_HEADER: Final = header_segment("gatepass-link+jwt")
SEAL_HEADER: Final = header_segment("gatepass-seal+jwt")


@dataclass(frozen=True, slots=True, eq=False)
class UnverifiedCapability:
    """A chain that somebody presented or holds, well formed and nothing more."""

    links: tuple[str, ...] = field(repr=False)
    seal: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "UnverifiedCapability":
        """Take a text apart. Raises `Malformed`: `capability_carries_key`, `too_large`, `malformed_capability`."""
        if text.startswith(HANDOVER_PREFIX):
            raise Malformed(
                "capability_carries_key",
                "this is the form of a capability that is for handing on",
                details={"fault": Fault.CARRIES_KEY},
            )
        if not text.startswith(PREFIX):
            raise _malformed("this is not a capability")
        return cls.of_parts(text.removeprefix(PREFIX))

    @classmethod
    def of_parts(cls, joined: str) -> "UnverifiedCapability":
        """What stands behind the prefix, taken apart."""
        if len(joined) > MOST_BYTES:
            raise Malformed(
                "too_large",
                f"a capability has at most {MOST_BYTES} characters",
                details={"fault": Fault.TOO_LARGE},
            )
        parts = joined.split("~", MOST_LINKS + 1)
        seal = parts.pop() if len(parts) > 1 and parts[-1].startswith(f"{SEAL_HEADER}.") else None
        if len(parts) > MOST_LINKS:
            raise _malformed(f"a capability has at most {MOST_LINKS} links", Fault.TOO_DEEP)
        if not all(parts):
            raise _malformed("a link of the capability is empty")
        return cls(tuple(parts), seal)

    @property
    def chain(self) -> str:
        """The links as a seal signs them."""
        return "~".join(self.links)

    @property
    def text(self) -> str:
        """The whole text."""
        return PREFIX + (self.chain if self.seal is None else f"{self.chain}~{self.seal}")

    @property
    def digest(self) -> bytes:
        """SHA-256 of the last link's text: what the next link names as its parent."""
        return hashlib.sha256(self.links[-1].encode("utf-8", "surrogatepass")).digest()


def _malformed(why: str, fault: Fault = Fault.MALFORMED) -> Malformed:
    return Malformed("malformed_capability", why, details={"fault": fault})
