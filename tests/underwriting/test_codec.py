"""Nothing is lost between a value and its record, and nothing that does not fit is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.underwriting import codec
from refi.underwriting.codec import Json
from refi.underwriting.facts import Fact, Product, Source


@dataclass(frozen=True)
class Sample:
    count: int
    rate: Decimal | None
    on: date
    at: datetime
    tags: tuple[str, ...]
    inner: Fact[date]
    kind: Product
    free: dict[str, Json]


SAMPLES = st.builds(
    Sample,
    count=st.integers(),
    rate=st.none() | st.decimals(-(10**6), 10**6, places=8),
    on=st.dates(),
    at=st.datetimes().map(lambda each: each.replace(tzinfo=UTC)),
    tags=st.lists(st.text()).map(tuple),
    inner=st.builds(Fact, st.none() | st.dates(), st.sampled_from(Source), st.none() | st.dates()),
    kind=st.sampled_from(Product),
    free=st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
    ),
)


@given(SAMPLES)
def test_round_trip(sample: Sample) -> None:
    assert codec.from_json(Sample, json.loads(json.dumps(codec.to_json(sample)))) == sample


@pytest.mark.parametrize("value", [1.5, object(), {1, 2}, float("nan"), b"x"])
def test_what_would_lose_something_is_not_written(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be recorded"):
        codec.to_json(value)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, True),
        (int, 1.0),
        (int, "1"),
        (bool, 1),
        (str, 1),
        (Decimal, 1),
        (Decimal, "NaN"),
        (Decimal, "１２"),
        (Decimal, "1e5"),
        (Decimal, ""),
        (date, 20261122),
        (date, "22.11.2026"),
        (Product, "mortgage"),
        (tuple[int, ...], 1),
        (dict[str, int], []),
        (Fact[int], {"value": 1}),
        (Fact[int], {"value": "1", "source": "policy", "as_of": None}),
    ],
)
def test_what_does_not_fit_is_not_read(kind: Any, data: Any) -> None:
    with pytest.raises(ValueError):
        codec.from_json(kind, data)
