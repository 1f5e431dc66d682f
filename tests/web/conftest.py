"""The service for tests over HTTP, and what this process logs."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from refi.web import logs
from tests import given

Said = Callable[[], list[dict[str, Any]]]


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[given.Service]:
    """The service on this worker's database."""
    async with given.running(database_url) as running:
        yield running


@pytest.fixture(autouse=True)
def said() -> Iterator[Said]:
    """Every line logged since, as the JSON that it is; logging is put back afterwards.

    For every test here: structlog left to itself draws a failure's locals, which takes seconds.
    """
    root, heard = logging.getLogger(), io.StringIO()
    kept, level = list(root.handlers), root.level
    logs.configure("json", "INFO")
    for handler in root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(heard)
    yield lambda: [json.loads(line) for line in heard.getvalue().splitlines()]
    root.handlers[:] = kept
    root.setLevel(level)
