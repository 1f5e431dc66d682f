"""Slices run on the whole stack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stack import Stack, running_stack


@pytest.fixture
async def stack(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Provider, service and worker on this test's database."""
    async with running_stack(database_url, tmp_path) as running:
        yield running


@pytest.fixture
async def quick(database_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack that looks after lost answers and overdue news within seconds."""
    quickly = {"answer_within_seconds": 1, "sweep_after_seconds": 1, "news_within_seconds": 1}
    async with running_stack(database_url, tmp_path, scheduler=True, **quickly) as running:
        yield running
