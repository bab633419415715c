"""A pytest fixture, for whoever names this module in `pytest_plugins`: `gatepass`, one deployment a test."""

from collections.abc import Iterator

import pytest

from gatepass.testing.deployment import LocalDeployment

__all__ = ["gatepass"]


@pytest.fixture
def gatepass() -> Iterator[LocalDeployment]:
    """A deployment in memory, closed when the test is over."""
    with LocalDeployment() as deployment:
        yield deployment
