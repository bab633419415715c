"""The world of these tests."""

import pytest
from tests.administration.world import World, opened


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world() -> World:
    return await opened()
