"""What stays behind when somebody leaves, and what a page of somebody else's sees of ours: nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.console.browser import chromium, signed_in_state
from tests.web.deployment import Deployment

SECRET = "agent-that-nobody-else-may-see"


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that keeps pages for going back, as people's browsers do and those of tests do not."""
    folder: Path = tmp_path_factory.mktemp("keeping")
    with chromium(folder, keeps_pages=True) as started:
        yield started


@pytest.fixture
def page(keeping: Browser, deployment: Deployment) -> Iterator[Page]:
    deployment.furnish().ask("POST", "/agents", {"name": SECRET, "role": "support"})
    origin = f"http://localhost:{deployment.port}"
    context = keeping.new_context(base_url=origin, storage_state=signed_in_state(keeping, origin, deployment.code()))
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


@pytest.mark.parametrize("path", ["/console/tokens", "/console", "/console/journal"])
def test_going_back_after_signing_out_shows_nothing(page: Page, path: str) -> None:
    page.goto("/console/agents")
    page.get_by_role("link", name=SECRET, exact=True).wait_for()
    page.goto(path)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    for _ in range(2):
        page.go_back()
        page.get_by_role("heading", name="Sign in").wait_for()
        assert SECRET not in page.content()
        assert page.get_by_role("navigation", name="Pages").count() == 0


def test_another_window_shows_nothing_more_either(page: Page) -> None:
    """What a script asks for by itself is answered with a reload, which leads to the way in."""
    other = page.context.new_page()
    other.goto("/console/agents")
    page.goto("/console")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    other.reload()
    other.get_by_role("heading", name="Sign in").wait_for()
    assert SECRET not in other.content()


@contextmanager
def framing(html: bytes) -> Iterator[int]:
    """The port of somebody else's page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)


@pytest.mark.parametrize("path", ["/console", "/console/sign-in", "/console/agents", "/console/nothing"])
def test_nobody_frames_a_page(page: Page, path: str) -> None:
    """A page at another port of this machine, which is sent the same cookies, and ours within it."""
    page.goto("/console/agents")
    ours = page.evaluate("() => location.origin")
    html = f'<!doctype html><title>x</title><iframe src="{ours}{path}" width="900" height="700"></iframe>'.encode()

    with framing(html) as port:
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://localhost:{port}/")
        page.wait_for_function("() => frames.length === 1")
        [frame] = page.frames[1:]
        frame.wait_for_load_state()
        assert frame.url.startswith("chrome-error://"), frame.url
        assert frame.get_by_role("heading").count() == 0 or SECRET not in frame.content()
        assert any("frame-ancestors" in text for text in said), said
