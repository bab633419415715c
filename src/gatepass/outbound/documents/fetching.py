"""Fetching one small JSON document, whole and bounded, through the guarded door.

The law: an address that an operator wrote down, or that such an address's own document named, and nothing that a
stranger said. No redirect is followed, no cookie kept, no secret sent. An answer counts only if it is a plain 200
with a body of the size allowed, in the time allowed; everything else is one failure, which says nothing of what was
there.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from gatepass.access import UpstreamId
from gatepass.errors import Malformed, Unavailable, UpstreamFailed
from gatepass.gateway.forwarding.door import Door, HttpAnswer, HttpCall, Patience, Traffic
from gatepass.registry import Upstream, UpstreamKind

__all__ = ["MOST_BYTES", "DocumentFetcher"]

MOST_BYTES: Final = 256 * 1024
_WHOLE: Final = 10.0
"""Seconds for all of it."""
_PATIENCE: Final = Patience(connect=5.0, first=5.0, idle=5.0, whole=_WHOLE)
_OK: Final = 200
_HEADERS: Final = ((b"accept", b"application/json, application/jwk-set+json"), (b"accept-encoding", b"identity"))


@dataclass(frozen=True, slots=True)
class DocumentFetcher:
    """Fetches through a door."""

    door: Door
    most_bytes: int = MOST_BYTES
    whole: float = _WHOLE

    async def fetch(self, url: str, *, private: bool) -> bytes:
        """The document at `url`; `private` says whether a name may turn out to be a private address.

        Raises `Unavailable` (`issuer_keys_unavailable`).
        """
        scheme, _, rest = url.partition("://")
        authority, slash, path = rest.partition("/")
        place = Upstream(
            id=UpstreamId("ups_document"),
            name="document",
            kind=UpstreamKind.REST,
            target=f"{scheme}://{authority}",
            operations="",
            allow_private=private,
        )
        try:
            async with asyncio.timeout(self.whole):
                at = f"{slash}{path}".encode("ascii")
                call = HttpCall(upstream=place, method="GET", path=at, headers=_HEADERS, patience=_PATIENCE)
                answer = await self.door.send(call, None, Traffic())
                try:
                    return await self._read(answer)
                finally:
                    answer.close()
        except UpstreamFailed as fault:
            why = fault.message.replace("the upstream", "the place of the keys")
        except TimeoutError:
            why = "it took too long"
        except (
            Malformed,
            ValueError,
        ):  # an address that the door cannot write: it was checked, so it is none that it goes to
            why = "it is not an address that can be gone to"
        raise _unavailable(why)

    async def _read(self, answer: HttpAnswer) -> bytes:
        if answer.status != _OK:
            raise _unavailable(f"the answer is {answer.status}, not 200")
        said = {name: value for name, value in answer.headers if name in {b"content-encoding", b"content-length"}}
        if said.get(b"content-encoding", b"identity").lower() != b"identity":
            raise _unavailable("the answer is encoded")
        pieces: list[bytes] = []
        size = 0
        while piece := await answer.read():
            size += len(piece)
            if size > self.most_bytes:
                raise _unavailable(f"the answer has more than {self.most_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)


def _unavailable(why: str) -> Unavailable:
    return Unavailable("issuer_keys_unavailable", f"the issuer's keys cannot be fetched: {why}")
