"""Every page in every look, on a real server: no violation, no complaint, nothing wider than the window."""

from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.console.browser import DARK, DARK_PHONE, LIGHT, PHONE, PLAIN, Look, overflow, violations, visit
from tests.console.content import KEY, Content

PAGES = [
    "/console",
    "/console/agents",
    "/console/agents/new",
    "/console/agents/{support-bot}",
    "/console/tokens",
    "/console/tokens/new",
    "/console/tokens/new?agent=support-bot",
    "/console/tokens/{refund-desk}",
    "/console/tokens/{hostile}",
    "/console/upstreams",
    "/console/upstreams/new",
    "/console/upstreams/{orders}",
    "/console/upstreams/{files}",
    "/console/upstreams/{odd}",
    "/console/upstreams/{orders}/change",
    "/console/secrets",
    "/console/secrets/new?upstream=warehouse",
    "/console/roles",
    "/console/roles/new",
    "/console/roles/support",
    "/console/roles/support/change",
    "/console/people",
    "/console/people/new",
    "/console/people/{ada}",
    "/console/journal",
    "/console/journal?outcome=deny",
    "/console/journal?run=run_0000&event=call.decided",
    "/console/journal?follow=yes",
    "/console/journal/head",
    "/console/stories/{refund-desk}",
    "/console/stories/{refund-desk-run}",
    "/console/stories/{refund-desk}?show=refused",
    "/console/stories/{laptop}",
    "/console/stories/{hostile}",
    "/console/settings",
    "/console/help",
    "/console/password",
]
BUSY = [
    "/console",
    "/console/tokens",
    "/console/roles/support/change",
    "/console/journal",
    "/console/stories/{refund-desk}",
]
SEEN = [(path, look) for path in PAGES for look in (LIGHT, DARK, PHONE)] + [(path, DARK_PHONE) for path in BUSY]
"""The dark phone has the colours of the dark desktop and the width of the light phone: the busiest pages are enough."""
EMPTY = [
    ("/console/agents", "agent"),
    ("/console/tokens", "token"),
    ("/console/upstreams", "Register the first system"),
    ("/console/secrets", "Register the upstream first"),
    ("/console/roles", "Make one before you add an agent"),
    ("/console/people", "Add a colleague"),
    ("/console/journal?event=call.decided", "Take a filter away"),
]


def address(content: Content, page: str) -> str:
    for name, id_ in content.ids.items():
        page = page.replace("{" + name + "}", id_)
    assert "{" not in page, page
    return page


@pytest.mark.parametrize(("path", "look"), SEEN, ids=str)
def test_a_page_in_a_look(browser: Browser, content: Content, state: Any, path: str, look: Look) -> None:
    with visit(browser, content.origin, look, state) as (page, _):
        answer = page.goto(address(content, path))
        assert answer is not None
        assert answer.status == 200
        assert violations(page) == []
        assert overflow(page) == []
        assert "taken" not in page.title()
        assert page.locator("main img, main iframe, main script").count() == 0
        assert KEY not in page.content()


@pytest.mark.parametrize("look", [PLAIN], ids=str)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_scripts(browser: Browser, content: Content, state: Any, path: str, look: Look) -> None:
    with visit(browser, content.origin, look, state) as (page, _):
        answer = page.goto(address(content, path))
        assert answer is not None
        assert answer.status == 200
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.get_by_role("navigation", name="Pages").is_visible()


@pytest.mark.parametrize(("path", "says"), EMPTY)
@pytest.mark.parametrize("look", [LIGHT, DARK_PHONE], ids=str)
def test_where_there_is_nothing_it_says_what_to_do(  # noqa: PLR0917 - what it looks at, and how
    browser: Browser, bare: Content, bare_state: Any, path: str, says: str, look: Look
) -> None:
    with visit(browser, bare.origin, look, bare_state) as (page, _):
        page.goto(path)
        assert says in page.locator("main").inner_text()
        assert violations(page) == []
        assert overflow(page) == []


@pytest.mark.parametrize("path", [path for path in PAGES if "?" not in path])
def test_every_page_can_be_walked_by_keyboard(browser: Browser, content: Content, state: Any, path: str) -> None:
    """Each stop of Tab is seen: it has a size, stands in the page and shows a ring."""
    with visit(browser, content.origin, LIGHT, state) as (page, _):
        page.goto(address(content, path))
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        stops = set()
        for _ in range(30):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOP)
            if stop is None or stop["at"] in stops:
                break
            assert stop["ring"], stop
            assert stop["seen"], stop
            stops.add(stop["at"])
        assert stops


STOP = """() => {
    const here = document.activeElement;
    if (!here || here === document.body) return null;
    const box = here.getBoundingClientRect();
    const style = getComputedStyle(here);
    const every = [...document.querySelectorAll("*")];
    return {
        at: every.indexOf(here),
        what: here.outerHTML.slice(0, 120),
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0,
    };
}"""
