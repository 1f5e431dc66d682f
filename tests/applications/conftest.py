"""The service for tests of applications over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import given


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[given.Service]:
    """The service on this worker's database."""
    async with given.running(database_url) as running:
        yield running
