"""A person at a real browser: from the printed link to a token that is revoked, by keyboard and without scripts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from tests.console.browser import DARK_PHONE, LIGHT, PLAIN, Look, visit
from tests.web.deployment import Deployment

PASSWORD = "correct horse battery staple"


@pytest.fixture(params=[LIGHT, DARK_PHONE, PLAIN], ids=str)
def page(request: pytest.FixtureRequest, browser: Browser, deployment: Deployment) -> Iterator[Page]:
    look: Look = request.param
    deployment.furnish()
    with visit(browser, f"http://localhost:{deployment.port}", look) as (page, complaints):
        complaints.refusals_expected = True
        page.set_default_timeout(10_000)
        page.goto(f"/console/sign-in#{deployment.code()}")
        if look.scripts:
            assert "#" not in page.url, "the code is out of the address before anybody presses anything"
            assert page.evaluate("() => document.activeElement.textContent") == "Sign in with the code"
            page.keyboard.press("Enter")
        else:
            page.get_by_label("One-time code").fill(deployment.code())
            page.get_by_role("button", name="Sign in with the code").click()
        page.wait_for_url("**/console/password")
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same once more").fill(PASSWORD)
        page.get_by_role("button", name="Set it").click()
        page.get_by_text("Your password is set.").wait_for()
        yield page


def test_from_the_link_to_a_token_that_is_revoked(page: Page, deployment: Deployment) -> None:
    cookie = next(each for each in page.context.cookies() if each["name"] == "gatepass_session")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console")
    page.get_by_role("link", name="New token").first.click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("checkbox", name=re.compile("orders:list")).check()
    page.get_by_role("button", name="Create the token").click()
    page.get_by_role("heading", name="laptop is created").wait_for()
    secret = page.locator("pre.code").first.inner_text()
    assert re.fullmatch(r"gp_sk_\w{46}", secret)
    assert secret not in page.url
    page.get_by_role("link", name="What it can reach").click()
    page.get_by_role("heading", name="What it can reach").wait_for()
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_text("The token laptop is revoked for good").wait_for()
    [token] = deployment.ask("GET", "/tokens", token=cookie["value"]).json()["items"]
    assert token["alive"] is False


def test_what_was_typed_is_done_after_saying_who_one_is(page: Page, deployment: Deployment) -> None:
    page.goto("/console/agents/_new")
    page.get_by_label("Name", exact=True).fill("late-bot")
    deployment.later(16 * 60_000)
    page.get_by_role("button", name="Add the agent").click()
    page.get_by_role("heading", name="It is still you?").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in with the password").click()
    page.get_by_text("The agent late-bot is there.").wait_for()
