"""Browsers, people, and servers with something in them.

A browser lives as long as a module: while it runs, so does an event loop in the thread of the tests, and whatever a
worker runs next may want one of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.console.browser import Visitor, chromium, signed_in_state
from tests.console.content import Content, attack, empty, furnished
from tests.console.person import Person
from tests.e2e.place import PASSWORD, founder
from tests.web.deployment import Deployment, deployed


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder: Path = tmp_path_factory.mktemp("chromium")
    with chromium(folder) as started:
        yield started


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Served, with a clock turned by hand and a person called `ada`."""
    with deployed(tmp_path_factory.mktemp("data")) as deployment:
        yield deployment


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Content]:
    """A real server with something in it, hostile text included."""
    with furnished(tmp_path_factory.mktemp("furnished")) as made:
        attack(made)
        yield made


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Content]:
    """A real server in which nothing is yet."""
    with empty(tmp_path_factory.mktemp("bare")) as made:
        yield made


@pytest.fixture(scope="module")
def visitor(browser: Browser, content: Content) -> Iterator[Visitor]:
    """Somebody who looks at what there is."""
    made = Visitor(browser, content.origin, lambda: signed_in_state(browser, content.origin, content.code()))
    yield made
    made.leave()


@pytest.fixture(scope="module")
def bare_visitor(browser: Browser, bare: Content) -> Iterator[Visitor]:
    """Somebody who looks where nothing is yet."""
    made = Visitor(browser, bare.origin, lambda: signed_in_state(browser, bare.origin, founder(), PASSWORD))
    yield made
    made.leave()


@pytest.fixture(scope="module")
def shared_ada(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Signed in, where there is an upstream, a role and an agent."""
    with deployed(tmp_path_factory.mktemp("data")) as deployment:
        person = Person(deployment.furnish())
        person.sign_in()
        yield person
