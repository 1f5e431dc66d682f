"""The whole stack, and the service alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import given
from tests.stack import Stack, running_stack


@pytest.fixture
async def stack(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Provider, service and worker on this test's database."""
    async with running_stack(database_url, tmp_path, receipts=True) as running:
        yield running


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[given.Service]:
    """The service on this worker's database."""
    async with given.running(database_url) as running:
        yield running
