"""Every page in every look, on a real server: no violation, no complaint, nothing wider than the window."""

import pytest
from playwright.sync_api import Page
from tests.console.browser import (
    DARK,
    DARK_PHONE,
    LIGHT,
    OF_COLOURS,
    OF_SIZES,
    PHONE,
    PLAIN,
    Look,
    Visitor,
    overflow,
    turn,
    violations,
)
from tests.console.content import KEY, Content

PAGES = [
    "/console",
    "/console/agents",
    "/console/agents/_new",
    "/console/agents/{support-bot}",
    "/console/tokens",
    "/console/tokens/_new",
    "/console/tokens/_new?agent=support-bot",
    "/console/tokens/{refund-desk}",
    "/console/tokens/{hostile}",
    "/console/upstreams",
    "/console/upstreams/_new",
    "/console/upstreams/{orders}",
    "/console/upstreams/{files}",
    "/console/upstreams/{odd}",
    "/console/upstreams/{orders}/change",
    "/console/secrets",
    "/console/secrets/_new?upstream=warehouse",
    "/console/roles",
    "/console/roles/_new",
    "/console/roles/support",
    "/console/roles/support/change",
    "/console/people",
    "/console/people/_new",
    "/console/people/{ada}",
    "/console/runs",
    "/console/runs?state=all",
    "/console/trust",
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
    "/console/journal?outcome=deny",
    "/console/stories/{refund-desk}",
]
"""Where the dark phone is looked at too. It has the colours of the dark desktop and the width of the light phone."""
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


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_every_look(visitor: Visitor, content: Content, path: str) -> None:
    """It is opened once: a browser that turns dark or is made narrower does not ask again either."""
    with visitor.at(LIGHT) as page:
        answer = page.goto(address(content, path))
        assert answer is not None
        assert answer.status == 200
        _no_fault(page, [LIGHT, DARK, PHONE, *([DARK_PHONE] if path in BUSY else [])])
        assert "taken" not in page.title()
        assert page.get_by_role("heading", level=1).count() == 1
        assert page.locator("main img, main iframe, main script").count() == 0
        assert KEY not in page.content()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_scripts(visitor: Visitor, content: Content, path: str) -> None:
    with visitor.at(PLAIN) as page:
        answer = page.goto(address(content, path))
        assert answer is not None
        assert answer.status == 200
        assert page.locator("h1").count() == 1
        assert page.locator("nav[aria-label=Pages]").is_visible()


@pytest.mark.parametrize(("path", "says"), EMPTY)
def test_where_there_is_nothing_it_says_what_to_do(bare_visitor: Visitor, path: str, says: str) -> None:
    with bare_visitor.at(LIGHT) as page:
        page.goto(path)
        assert says in page.locator("main").inner_text()
        _no_fault(page, [LIGHT, DARK_PHONE])


def _no_fault(page: Page, looks: list[Look]) -> None:
    """Everything that axe knows in the first look; in the others what a look can change."""
    first = looks[0]
    for look in looks:
        turn(page, look)
        differs = (OF_COLOURS if look.scheme != first.scheme else []) + (OF_SIZES if look.phone != first.phone else [])
        assert violations(page, differs or None) == [], str(look)
        assert overflow(page) == [], str(look)


@pytest.mark.parametrize("path", [path for path in PAGES if "?" not in path])
def test_every_page_can_be_walked_by_keyboard(visitor: Visitor, content: Content, path: str) -> None:
    """Each stop of Tab is seen: it has a size, stands in the page and shows a ring."""
    with visitor.at(LIGHT) as page:
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
