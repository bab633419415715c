"""The same credentials on MCP: proven, listed by what was proven, challenged for the scope that is missing."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest
from tests.issuer.world import ISSUER, Issuing, new_key, own

from gatepass.access import Instant
from gatepass.credentials.proofs.making import make_proof
from gatepass.gateway.mcp.wire.eras import CAPABILITIES_KEY, CLIENT_KEY, MODERN, VERSION_KEY
from gatepass.keys.jose.signing import HolderKey

NOTES = """
types:
  notes:
    actions:
      read: {class: read}
      write: {class: write, properties: {text: string}}
mcp:
  tools:
    read_note: {action: "notes:read", resource: arguments.note}
    write_note: {action: "notes:write", resource: arguments.note, properties: {text: arguments.text}}
"""
PLACE = f"{ISSUER}/mcp/notes"
METADATA = f'resource_metadata="{ISSUER}/.well-known/oauth-protected-resource/mcp/notes"'


def read_note(note: str) -> str:
    """What a note says."""
    return f"what {note} says"


def write_note(note: str, text: str) -> str:
    """Make a note say something."""
    return f"{note}: {text}"


@pytest.fixture
def issuing() -> Iterator[Issuing]:
    with ExitStack() as closing:
        opened = Issuing.opened(closing)
        opened.gatepass.mcp("notes", [read_note, write_note], operations=NOTES, secret="the-notes-key")
        yield opened


def ask(
    issuing: Issuing,
    token: str,
    key: HolderKey | None,
    method: str,
    params: dict[str, Any],
    *,
    path: str = "/mcp/notes",
) -> httpx2.Response:
    """One request, asked again with the nonce where one is wanted."""

    def once() -> httpx2.Response:
        meta = {VERSION_KEY: MODERN, CLIENT_KEY: {"name": "t", "version": "1"}, CAPABILITIES_KEY: {}}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
        headers = {
            "authorization": f"{'Bearer' if key is None else 'DPoP'} {token}",
            "mcp-protocol-version": MODERN,
            "mcp-method": method,
            "accept": "application/json",
        }
        if "name" in params:
            headers["mcp-name"] = params["name"]
        if key is not None:
            headers["dpop"] = make_proof(
                key,
                method="POST",
                url=ISSUER + path,
                at=Instant(issuing.gatepass.clock()),
                entropy=os.urandom,
                credential=token,
                nonce=issuing.nonce,
            )
        return issuing.client().post(path, json=message, headers=headers)

    answer = once()
    if answer.status_code == 401 and "use_dpop_nonce" in answer.headers["www-authenticate"]:
        issuing.nonce = answer.headers["dpop-nonce"]
        answer = once()
    return answer


def tools(answer: httpx2.Response) -> list[str]:
    return [tool["name"] for tool in answer.json()["result"]["tools"]]


def called(name: str, **arguments: str) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


def test_a_bound_token_writes_and_lists_what_it_may_write_on_either_path(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "notes:read", "notes:write"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="notes:read notes:write", composition="explicit"), key=key)
    for path in ("/mcp/notes", "/k/notes/mcp"):
        assert tools(ask(issuing, token, key, "tools/list", {}, path=path)) == ["read_note", "write_note"]
        answer = ask(issuing, token, key, "tools/call", called("write_note", note="monday", text="hello"), path=path)
        assert "monday: hello" in answer.text
    refused = ask(issuing, token, None, "tools/list", {})
    assert refused.status_code == 401
    assert METADATA in refused.headers["www-authenticate"]


def test_what_was_not_proven_is_neither_listed_nor_called(issuing: Issuing) -> None:
    secret = issuing.agent("bot", "notes:read", "notes:write")
    assert tools(ask(issuing, secret, None, "tools/list", {})) == ["read_note"]
    answer = ask(issuing, secret, None, "tools/call", called("write_note", note="monday", text="hello"))
    result = answer.json()["result"]
    assert (result["isError"], result["structuredContent"]["code"]) == (True, "proof_required")
    assert "resource_metadata" not in answer.text


def test_a_token_that_is_too_narrow_is_challenged_under_its_scheme_with_all_that_is_missing(issuing: Issuing) -> None:
    secret, key = issuing.agent("bot", "notes:read", "notes:write"), new_key()
    token = issuing.get(own(secret, resource=PLACE, scope="notes:read:monday"), key=key)
    answer = ask(issuing, token, key, "tools/call", called("read_note", note="tuesday"))
    assert answer.status_code == 403
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('DPoP error="insufficient_scope", scope="notes:read:tuesday"')
    assert METADATA in challenge


def test_a_stranger_learns_where_the_surface_is_described_but_on_the_plain_path(issuing: Issuing) -> None:
    for path, told in (("/mcp/notes", True), ("/k/notes/mcp", False)):
        answer = issuing.client().post(path, json={})
        assert answer.status_code == 401
        assert (METADATA in answer.headers["www-authenticate"]) is told
        assert "error=" not in answer.headers["www-authenticate"]
