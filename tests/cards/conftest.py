"""The service alone, and with the sandbox provider behind a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import given
from tests.servicing import Desk, a_desk


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[given.Service]:
    """The service on this worker's database."""
    async with given.running(database_url) as running:
        yield running


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The service and the provider that proves cards and accounts."""
    async with a_desk(database_url, tmp_path) as made:
        yield made
