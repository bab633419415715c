"""A real browser: Debian's Chromium, led by playwright, with every complaint of its console counted as a failure.

A page is opened in a `Look` (scheme, width, with or without scripts). What the page may not do is noted while
it lives and raised when the visit ends: errors in the console, violations of the content security policy,
failed requests, and any request to another origin than the one it was opened at.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

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
OF_COLOURS = ["color-contrast", "link-in-text-block"]
OF_SIZES = ["target-size", "scrollable-region-focusable"]
"""Everything else is the same in every look of a page."""
FRESH = 300.0
"""Seconds after which somebody signs in again."""


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    scheme: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 900
    scripts: bool = True

    @property
    def size(self) -> ViewportSize:
        return {"width": self.width, "height": self.height}

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

    def settle(self) -> None:
        """Raise what was said, once."""
        said, self.said = self.said, []
        assert not said, "\n".join(said)

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
def chromium(folder: Path, *, keeps_pages: bool = False) -> Iterator[Browser]:
    """One browser for a module of tests. `keeps_pages`: has pages ready for going back, as people's browsers have."""
    if not CHROMIUM.exists():
        pytest.skip("no /usr/bin/chromium here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=ARGUMENTS,
            env={"HOME": str(folder), "LANG": "C.UTF-8"},
            ignore_default_args=["--disable-back-forward-cache"] if keeps_pages else None,
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, origin: str, look: Look = LIGHT, state: Any = None) -> Iterator[tuple[Page, Complaints]]:
    """A page in a profile of its own (signed in, if `state` is that of a profile that is); complaints are raised."""
    page, complaints = _opened(browser, origin, look, state)
    try:
        yield page, complaints
        complaints.settle()
    finally:
        page.context.close()


def _opened(browser: Browser, origin: str, look: Look, state: Any) -> tuple[Page, Complaints]:
    context: BrowserContext = browser.new_context(
        base_url=origin,
        viewport=look.size,
        color_scheme=look.scheme,
        java_script_enabled=look.scripts,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        storage_state=state,
    )
    page = context.new_page()
    complaints = Complaints(origin)
    complaints.watch(page)
    return page, complaints


def turn(page: Page, look: Look) -> None:
    """Look at the page that is open in another way."""
    page.emulate_media(color_scheme=look.scheme)
    page.set_viewport_size(look.size)


class Visitor:
    """Somebody who is signed in and looks at one page after the other, as people do: a profile and a page for all.

    Complaints are raised after each page. What widens asks for somebody who has just signed in, so that a profile
    is left for a new one in good time.
    """

    def __init__(self, browser: Browser, origin: str, sign_in: Callable[[], Any]) -> None:
        self._browser, self._origin, self._sign_in = browser, origin, sign_in
        self._state: Any = None
        self._since = -FRESH
        self._pages: dict[bool, tuple[Page, Complaints]] = {}

    @contextmanager
    def at(self, look: Look) -> Iterator[Page]:
        """The page, in that look."""
        if time.monotonic() - self._since >= FRESH:
            self.leave()
            self._state, self._since = self._sign_in(), time.monotonic()
        if look.scripts not in self._pages:
            self._pages[look.scripts] = _opened(self._browser, self._origin, look, self._state)
        page, complaints = self._pages[look.scripts]
        turn(page, look)
        yield page
        complaints.settle()

    def leave(self) -> None:
        """Close the pages."""
        for page, _ in self._pages.values():
            page.context.close()
        self._pages.clear()


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


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds, a line each. It runs in an isolated world, where the page's CSP does not reach."""
    only = {"type": "tag", "values": RULES} if rules is None else {"type": "rule", "values": rules}
    found = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
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
