"""A deployment of its own for each story, and one that stories which change nothing may share."""

from collections.abc import Iterator

import pytest
from tests.web.deployment import Deployment, deployed


@pytest.fixture
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("data")) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("data")) as deployment:
        deployment.furnish()
        yield deployment
