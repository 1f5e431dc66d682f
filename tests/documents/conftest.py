"""The service with the sandbox provider behind a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.servicing import Desk, a_desk


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The service and nobody who works off jobs but the test."""
    async with a_desk(database_url, tmp_path) as made:
        yield made
