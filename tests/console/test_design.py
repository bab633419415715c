"""The design system by itself: every part on one page, in every look, with hostile text in it."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser
from tests.console.browser import LIGHT, LOOKS, PLAIN, Look, overflow, violations, visit
from tests.console.hostile import ALL
from tests.console.templates_alone import environment, served

ITEMS = [
    {"at": f"2026-11-22T18:{minute:02}:00.000Z", "permitted": (minute * 7) % 13, "refused": (minute * 5) % 4}
    for minute in range(60)
]
CATALOGUE = [
    {
        "type": "orders",
        "upstream": "orders",
        "actions": [
            {"name": "list", "scope": "orders:list", "class": "read"},
            {"name": "refund", "scope": "orders:refund", "class": "write"},
        ],
    }
]


def page_of(hostile: str, theme: str | None = None) -> str:
    return (
        environment()
        .get_template("sampler.html")
        .render(hostile=hostile, items=ITEMS, catalogue=CATALOGUE, theme=theme)
    )


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    pages = {f"/{name}": page_of(text) for name, text in ALL.items()}
    pages |= {"/": page_of("said by somebody"), "/dark": page_of("x", "dark"), "/light": page_of("x", "light")}
    with served(pages) as at:
        yield at


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_no_part_violates_accessibility(browser: Browser, origin: str, look: Look) -> None:
    with visit(browser, origin, look) as (page, _):
        page.goto("/")
        assert violations(page) == []
        assert overflow(page) == []


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[2]], ids=str)
def test_hostile_text_is_inert_and_keeps_its_place(browser: Browser, origin: str, look: Look, name: str) -> None:
    with visit(browser, origin, look) as (page, _):
        page.goto(f"/{name}")
        assert page.title() == "Every part: Gatepass"
        assert page.locator("img").count() == 0
        assert "49" not in page.locator("tr.is-dead").inner_text()
        assert overflow(page) == []
        row = page.locator("tr.is-dead").bounding_box()
        assert row is not None
        assert row["height"] < 700, "one record does not push the others off the page"


def test_the_plot_is_drawn_and_follows_its_table(browser: Browser, origin: str) -> None:
    with visit(browser, origin) as (page, _):
        page.goto("/")
        assert page.locator(".plot .u-wrap canvas").is_visible()
        assert page.locator(".plot-bars").is_hidden()
        page.evaluate("() => document.querySelector('[data-plot-figures]').replaceChildren()")
        page.wait_for_function("() => !document.querySelector('[data-plot-figures] tr')")
        box = page.locator(".plot .u-over").bounding_box()
        assert box is not None
        assert box["width"] > 400


def test_without_scripts_nothing_is_missing(browser: Browser, origin: str) -> None:
    with visit(browser, origin, PLAIN) as (page, _):
        page.goto("/")
        assert page.locator(".plot-bars").is_visible()
        assert page.locator(".scopes-filter").is_hidden()
        assert page.locator(".copy").count() == 0
        assert page.get_by_role("button", name="Create").is_visible()


def test_typing_filters_what_may_be_picked(browser: Browser, origin: str) -> None:
    with visit(browser, origin) as (page, _):
        page.goto("/")
        page.get_by_label("Filter scopes").fill("refund")
        page.get_by_role("checkbox", name="orders:refund").wait_for()
        assert page.locator("[data-filter-item]:visible").count() == 2, "what is chosen stays in sight"
        page.get_by_label("Filter scopes").fill("nothing like it")
        assert page.locator("[data-filter-item]:visible").count() == 1
        page.get_by_label("Filter scopes").press("Escape")
        assert page.locator("[data-filter-item]:visible").count() == 2


@pytest.mark.parametrize(
    ("path", "scheme", "ground"), [("/dark", "light", "19, 22, 25"), ("/light", "dark", "244, 243")]
)
def test_a_chosen_scheme_wins_over_the_systems(
    browser: Browser, origin: str, path: str, scheme: Literal["light", "dark"], ground: str
) -> None:
    with visit(browser, origin, Look(scheme=scheme)) as (page, _):
        page.goto(path)
        assert ground in page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")


def test_focus_is_seen_and_the_first_stop_skips_to_the_content(browser: Browser, origin: str) -> None:
    with visit(browser, origin, LIGHT) as (page, _):
        page.goto("/")
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "skip"
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineWidth") == "3px"
        page.keyboard.press("Enter")
        assert page.evaluate("() => document.activeElement.id") == "main"
