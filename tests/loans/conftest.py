"""Loans over HTTP, with the sandbox provider behind a socket and jobs run by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.loans.office import Office, an_office
from tests.servicing import Desk, a_desk


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """The service, and nobody who works off jobs but the test."""
    async with a_desk(database_url, tmp_path) as made:
        yield made


@pytest.fixture
async def office(desk: Desk) -> Office:
    """Two people who may act on loans."""
    return await an_office(desk)
