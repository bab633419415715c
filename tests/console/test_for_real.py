"""A real `gatepass up` and a person at a browser: files that were applied, and an upstream inside one's own network."""

import ipaddress
import subprocess
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6
from threading import Thread

import httpx2
import pytest
from playwright.sync_api import Browser, Page
from tests.console.browser import LIGHT, Look, signed_in_state, visit
from tests.console.content import WAREHOUSE, Answering, Content
from tests.e2e.place import PASSWORD, Place, environment, founder, running, signed_in

INSIDE = "inside.example"
RESOLVING = f"""
import socket, sys
sys.modules["uvloop"] = None  # it asks the system by itself
_asked = socket.getaddrinfo
def getaddrinfo(host, *more, **named):
    return _asked("{{address}}" if host == "{INSIDE}" else host, *more, **named)
socket.getaddrinfo = getaddrinfo
"""


def private_address() -> str | None:
    """An address of this machine that is private, if it has one."""
    try:
        lines = Path("/proc/net/if_inet6").read_text().split("\n")
    except OSError:
        return None
    found = (":".join(line[at : at + 4] for at in range(0, 32, 4)) for line in lines if line)
    inside = [ipaddress.ip_address(text) for text in found]
    return next((str(each) for each in inside if each in ipaddress.ip_network("fc00::/7")), None)


class _Six(ThreadingHTTPServer):
    address_family = AF_INET6


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A name that turns out to be an address of this machine's network, where an API answers."""
    names = tmp_path / "names"
    names.mkdir()
    (names / "sitecustomize.py").write_text(RESOLVING.replace("{address}", private_address() or "127.0.0.1"))
    with running(tmp_path, PYTHONPATH=str(names)) as place:
        yield place


def opened(browser: Browser, place: Place, look: Look = LIGHT) -> tuple[Content, str, object]:
    content = Content(place, signed_in(place))
    return content, content.origin, signed_in_state(browser, content.origin, founder(), PASSWORD)


def test_what_files_manage_says_so_and_has_no_form(browser: Browser, place: Place, tmp_path: Path) -> None:
    content, origin, state = opened(browser, place)
    folder = tmp_path / "files"
    for kind, name, text in (
        ("upstreams", "warehouse", "kind: rest\ntarget: https://warehouse.example\n"),
        ("operations", "warehouse", WAREHOUSE),
        ("roles", "reading", "scopes:\n  - tables:read:*\n"),
        ("agents", "reader", f"role: reading\nowner: {founder()}\n"),
    ):
        (folder / kind).mkdir(parents=True)
        (folder / kind / f"{name}.yaml").write_text(text)
    env = environment(tmp_path, GATEPASS_URL=place.people_url, GATEPASS_TOKEN=str(place.session))
    command = [sys.executable, "-m", "gatepass", "apply", str(folder), "--yes"]
    ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    content.management.create("agents", {"name": "by-hand", "role": "reading"})
    with visit(browser, origin, state=state) as (page, _):
        for path in ("/console/agents/reader", "/console/roles/reading", "/console/upstreams/warehouse"):
            page.goto(path)
            assert page.locator(".badge-files").first.is_visible(), path
            assert page.get_by_text("is managed by files.").is_visible(), path
            assert page.get_by_role("button", name="Save").count() == 0
            assert page.get_by_role("link", name="Change", exact=True).count() == 0
        page.goto("/console/agents")
        assert page.get_by_role("row", name="reader managed by files").is_visible()
        assert "managed by files" not in page.get_by_role("row", name="by-hand").inner_text()


def test_an_upstream_inside_ones_own_network_is_refused_until_somebody_says_so(browser: Browser, place: Place) -> None:
    address = private_address()
    if address is None:
        pytest.skip("this machine has no private address")
    content, origin, state = opened(browser, place)
    with _Six((address, 0), Answering) as server, visit(browser, origin, state=state) as (page, _):
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        _register(page, f"http://{INSIDE}:{server.server_address[1]}")
        content.management.replace("roles", "reading", {"scopes": ("tables:read:*",)})
        content.management.create("agents", {"name": "reader", "role": "reading"})
        token = content.management.create("tokens", {"name": "t", "agent": "reader", "scopes": ("tables:read:*",)})
        url = f"{place.agents_url}/u/warehouse/tables/one"
        headers = {"authorization": f"Bearer {token['token']}"}
        with httpx2.Client(trust_env=False, timeout=30) as client:
            refused = client.get(url, headers=headers)
            assert refused.json()["code"] == "upstream_forbidden_address"
            page.goto("/console/upstreams/warehouse")
            page.get_by_role("link", name="Change", exact=True).click()
            page.get_by_label("It stands at a private address").check()
            page.get_by_role("button", name="Change it").click()
            page.get_by_text("private ones are allowed").wait_for()
            assert client.get(url, headers=headers).json() == {"ok": True}
        server.shutdown()
        thread.join(10)


def _register(page: Page, target: str) -> None:
    page.goto("/console/upstreams/_new")
    page.get_by_label("Name", exact=True).fill("warehouse")
    page.get_by_label("Target").fill(target)
    page.get_by_label("Into").select_option("")
    page.get_by_label("Operations file").fill(WAREHOUSE)
    page.get_by_role("button", name="Register it").click()
    page.get_by_text("It needs no secret.").wait_for()


def test_a_newcomer_gets_from_the_link_to_a_revoked_token(browser: Browser, place: Place) -> None:
    """By the links that pages show and nothing else: seven forms and a command, as somebody who has read nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        there = f"http://{place.people_url.partition('//')[2]}"
        with visit(browser, there) as (page, complaints):
            complaints.refusals_expected = True
            page.goto(f"/console/sign-in#{place.code}")
            page.keyboard.press("Enter")
            page.get_by_label("New password").fill(PASSWORD)
            page.get_by_label("The same once more").fill(PASSWORD)
            page.get_by_role("button", name="Set it").click()
            page.get_by_role("link", name="Register one").click()
            page.get_by_label("Name", exact=True).fill("things")
            page.get_by_label("Target").fill(f"http://127.0.0.1:{server.server_address[1]}")
            page.get_by_role("button", name="Register it").click()
            page.get_by_role("link", name="Store its secret").click()
            page.get_by_label("Value").fill("sk_live_x")
            page.get_by_role("button", name="Store it").click()
            page.get_by_role("link", name="Make a role that may use its upstream").click()
            page.get_by_label("Name", exact=True).fill("reading")
            page.get_by_role("checkbox", name="things:read").check()
            page.get_by_role("button", name="Make the role").click()
            page.get_by_role("link", name="Add an agent in it").click()
            page.get_by_label("Name", exact=True).fill("bot")
            page.get_by_role("button", name="Add the agent").click()
            page.get_by_role("link", name="Give it a token").click()
            page.get_by_label("Name", exact=True).fill("laptop")
            page.get_by_role("checkbox", name="things:read").check()
            page.get_by_role("button", name="Create the token").click()
            page.get_by_role("heading", name="laptop is created").wait_for()
            command = next(text for text in page.locator("pre.code").all_inner_texts() if text.startswith("curl"))
            arguments = ["bash", "-c", f"{command} --silent --noproxy '*'"]
            assert _said(arguments) == '{"ok":true}'
            _look_and_revoke(page)
            assert '"code"' in _said(arguments)
        server.shutdown()
        thread.join(10)


def _look_and_revoke(page: Page) -> None:
    page.get_by_role("link", name="its story").click()
    page.get_by_text("the upstream answered 200").wait_for()
    page.goto("/console/tokens")
    page.get_by_role("button", name="Revoke laptop").click()
    page.get_by_text("The token laptop is revoked for good").wait_for()


def _said(arguments: list[str]) -> str:
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True).stdout
