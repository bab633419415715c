"""One browser for all tests of a worker, and hostile text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.console.browser import chromium
from tests.web.deployment import Deployment, deployed


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    folder: Path = tmp_path_factory.mktemp("chromium")
    with chromium(folder) as started:
        yield started


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Served, with a clock turned by hand and a person called `ada`."""
    with deployed(tmp_path_factory.mktemp("data")) as deployment:
        yield deployment
