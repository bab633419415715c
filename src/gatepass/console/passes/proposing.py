"""A first request for a token: one that its upstream's file maps, its scopes cover and the gateway permits.

Whatever is proposed is asked about first. Where nothing that could be proposed is permitted, nothing is shown: a
command that ends in a refusal teaches the wrong thing.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from gatepass.console.asking import Asking
from gatepass.console.bridge import Members
from gatepass.console.showing import Proposed, proposals
from gatepass.errors import Error

__all__ = ["ready_requests"]

MOST_ASKED: Final = 8
"""Proposals that the gateway is asked about, of each upstream."""
MOST_UPSTREAMS: Final = 4


async def ready_requests(asking: Asking, token: Members, reach: Sequence[Members]) -> dict[str, str]:
    """For each REST upstream that the token reaches, by its path: a command that works as it stands."""
    ready: dict[str, str] = {}
    doors = {str(each["path"]): str(each["upstream"]) for each in reach if str(each["path"]).startswith("/u/")}
    for door, upstream in list(doors.items())[:MOST_UPSTREAMS]:
        scopes = [str(each["scope"]) for each in reach if each["upstream"] == upstream]
        found = await _permitted(asking, token, upstream, scopes)
        if found is not None:
            ready[door] = found.curl(asking.agents_url + door.rstrip("/"), str(token["token"]))
    return ready


async def _permitted(asking: Asking, token: Members, upstream: str, scopes: list[str]) -> Proposed | None:
    """The first proposal that the gateway would permit. None for who may not look, too."""
    try:
        operations = str((await asking.api.get("upstreams", upstream))["operations"])
        for proposed in proposals(operations, scopes)[:MOST_ASKED]:
            attempt = {"attempt": proposed.attempt(upstream)}
            said = (await asking.api.post("tokens", str(token["id"]), "explain", body=attempt))["explanation"]
            if isinstance(said, Mapping) and said.get("outcome") == "permit":
                return proposed
    except Error:
        return None
    return None
