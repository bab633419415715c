"""A real browser: Debian's Chromium, led by playwright, with every complaint of its console counted as a failure.

A page is opened in a `Look` (scheme, width, with or without scripts). What the page may not do is noted while
it lives and raised when the visit ends: errors in the console, violations of the content security policy,
failed requests, and any request to another origin than the one it was opened at.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--font-render-hinting=none",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    scheme: str = "light"
    width: int = 1280
    height: int = 900
    scripts: bool = True

    @property
    def phone(self) -> bool:
        return self.width < 600

    def __str__(self) -> str:
        return f"{self.scheme}-{'phone' if self.phone else 'desktop'}{'' if self.scripts else '-plain'}"


LIGHT = Look()
DARK = Look(scheme="dark")
PHONE = Look(width=390, height=844)
DARK_PHONE = Look(scheme="dark", width=390, height=844)
PLAIN = Look(scripts=False)
PLAIN_PHONE = Look(width=390, height=844, scripts=False)
LOOKS = [LIGHT, DARK, PHONE, DARK_PHONE]


@dataclass
class Complaints:
    """What a page did that no page of ours may do."""

    origin: str
    said: list[str] = field(default_factory=list)
    refusals_expected: bool = False
    """A page that is answered with 4xx on purpose is reported by the browser's console as a failed resource."""

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))

    def _console(self, message: Any) -> None:
        expected = self.refusals_expected and "Failed to load resource" in message.text
        if message.type in {"error", "warning"} and not expected:
            self.said.append(f"{message.type}: {message.text}")

    def _request(self, url: str) -> None:
        there = urlsplit(url)
        if f"{there.scheme}://{there.netloc}" != self.origin and there.scheme not in {"about", "data"}:
            self.said.append(f"another origin: {url}")

    def _failed(self, url: str, failure: str) -> None:
        if "ERR_ABORTED" not in failure:
            self.said.append(f"failed: {url} {failure}")


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """One browser for a session of tests."""
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=ARGUMENTS, env={"HOME": str(folder), "LANG": "C.UTF-8"}
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, origin: str, look: Look = LIGHT, state: Any = None) -> Iterator[tuple[Page, Complaints]]:
    """A page in a profile of its own (signed in, if `state` is that of a profile that is); complaints are raised."""
    context: BrowserContext = browser.new_context(
        base_url=origin,
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.scheme == "dark" else "light",
        java_script_enabled=look.scripts,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        storage_state=state,
    )
    try:
        page = context.new_page()
        complaints = Complaints(origin)
        complaints.watch(page)
        yield page, complaints
        assert not complaints.said, "\n".join(complaints.said)
    finally:
        context.close()


def signed_in_state(browser: Browser, origin: str, said: str, password: str | None = None) -> Any:
    """The profile of somebody who signs in by the form: with a one-time code, or a name and a password."""
    with visit(browser, origin) as (page, _):
        page.goto("/console/sign-in")
        if password is None:
            page.get_by_label("One-time code").fill(said)
            page.get_by_role("button", name="Sign in with the code").click()
        else:
            page.get_by_label("Name").fill(said)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in with the password").click()
        page.get_by_role("navigation", name="Pages").wait_for()
        return page.context.storage_state()


def violations(page: Page) -> list[str]:
    """What axe finds, a line each. It runs in an isolated world, where the page's CSP does not reach."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
    return [
        f"{each['id']}: {each['help']}: {node['target']} {node['html'][:200]} {_why(node)}"
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    return json.dumps([check["message"] for kind in ("any", "all", "none") for check in node[kind]])[:300]


def overflow(page: Page) -> list[str]:
    """What is wider than the window, if the page scrolls sideways (asked of the page itself)."""
    return list(
        page.evaluate("""() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            const clipped = (element) => {
                for (let up = element.parentElement; up; up = up.parentElement)
                    if (getComputedStyle(up).overflowX !== "visible") return true;
                return false;
            };
            return [...document.querySelectorAll("body *")]
                .filter((each) => each.getBoundingClientRect().right > width + 1 && !clipped(each))
                .map((each) => each.tagName + "." + each.className).slice(0, 8);
        }""")
    )
