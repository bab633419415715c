"""Who is asking: by an API token here, by whatever else the wiring adds.

The law: a client authenticates in one way, or not at all (RFC 6749, section 2.3); two ways in one request are refused,
whichever of them would have held. An API token is looked up, compared in constant time, alive, and a machine's; a
`client_id` beside it names its agent, or the request is refused. Every failure is the same sentence.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote_to_bytes

from gatepass.access import Instant
from gatepass.credentials import TokenKind, TokenRecord, UnverifiedToken, refusal
from gatepass.credentials.proofs import ReplayStore
from gatepass.errors import Denied, Error, Malformed, Unauthenticated
from gatepass.issuer.clients import Client
from gatepass.issuer.granting.requests import TokenRequest
from gatepass.issuer.world import World

__all__ = ["Authenticate", "Grant", "by_api_token", "check_one_way", "spend", "token_of"]

Authenticate = Callable[[TokenRequest], Awaitable[Client | None]]
"""Another way: None where the request does not use it. Raises `Unauthenticated` (`client_invalid`)."""

Grant = Callable[[TokenRequest, Client | None], Awaitable[Client]]
"""A further grant: who the client is by what is granted, beside whoever has authenticated. Raises `grant_invalid`."""

_ANOTHER: Final = "Get a new assertion: each counts once."
NOBODY: Final = bytes(32)
"""Compared against when the token is unknown, so that the answer takes as long."""
_LONGEST: Final = 1024
_ENCODED: Final = re.compile(r"(?:[^%]|%[0-9A-Fa-f]{2})*", re.ASCII)


def by_api_token(request: TokenRequest, world: World, at: Instant) -> Client | None:
    """The agent whose API token was sent; None where none was. Raises `Unauthenticated`."""
    check_one_way(request)
    sent = _sent(request)
    if sent is None:
        return None
    how, named, text = sent
    record = token_of(text, world, at)
    if record.agent is None:
        raise _unknown()
    agent = world.agents[record.agent]
    if any(name not in {None, agent.id, agent.name} for name in (named, request.client_id)):
        raise _unknown()
    return Client(agent=agent.id, how=how, root=record.id)


def token_of(text: str, world: World, at: Instant) -> TokenRecord:
    """The live record of a machine's API token. Raises `Unauthenticated` (`client_invalid`)."""
    try:
        token = UnverifiedToken.parse(text)
    except Malformed:
        raise _unknown() from None
    record = world.tokens.get(token.credential_id)
    ours = token.matches(record.hash if record else NOBODY)
    if record is None or not ours or record.kind is not TokenKind.MACHINE or record.agent not in world.agents:
        raise _unknown()
    if refusal(record, at) is not None or world.live.check(record.id, "") is not None:
        raise _unknown()
    return record


async def spend(client: Client | None, replays: ReplayStore) -> None:
    """Claim what counts once, when all else holds: a request that was refused has spent nothing."""
    for use in () if client is None else client.uses:
        if not await replays.first(use.digest, use.until):
            if use.client:
                raise Unauthenticated("client_invalid", "the client assertion was used before", hint=_ANOTHER)
            raise Denied("grant_invalid", "the assertion was used before", hint=_ANOTHER)


def check_one_way(request: TokenRequest) -> None:
    """Raise `Malformed` for a client that authenticates in two ways at once."""
    ways = (bool(request.authorization), request.client_secret is not None, request.client_assertion is not None)
    if sum(ways) > 1 or len(request.authorization) > 1:
        raise Malformed("malformed_request", "a client authenticates in one way, and this request uses two")


def _sent(request: TokenRequest) -> tuple[str, str | None, str] | None:
    """How, as whom, and the text."""
    if request.client_secret is not None:
        return "client_secret_post", None, request.client_secret
    if not request.authorization:
        return None
    scheme, _, text = request.authorization[0].partition(" ")
    if scheme.lower() == "basic":
        named, secret = _basic(text.strip())
        return "client_secret_basic", named, secret
    if scheme.lower() in {"bearer", "dpop"}:
        return "bearer", None, text.strip()
    raise _unknown()


def _basic(text: str) -> tuple[str, str]:
    """RFC 6749, section 2.3.1: each half is encoded as in a form."""
    try:
        pair = base64.b64decode(text[:_LONGEST].encode("ascii"), validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        raise _unknown() from None
    named, colon, secret = pair.partition(":")
    if not colon or not _ENCODED.fullmatch(pair):
        raise _unknown()
    return _decoded(named), _decoded(secret)


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def _unknown() -> Error:
    return Unauthenticated("client_invalid", "the client is unknown, or its authentication does not hold")
