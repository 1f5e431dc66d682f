"""Assignment is stable, even, and independent between experiments."""

from __future__ import annotations

from collections import Counter

import pytest

from refi.experiments import bucket


def test_stable() -> None:
    assert [bucket("ladder", f"bor_{i}", 10) for i in range(5)] == [
        bucket("ladder", f"bor_{i}", 10) for i in range(5)
    ]


def test_even_and_independent() -> None:
    ladder = [bucket("ladder", str(i), 4) for i in range(8000)]
    price = [bucket("price", str(i), 4) for i in range(8000)]
    assert all(1800 < count < 2200 for count in Counter(ladder).values())
    assert all(400 < count < 600 for count in Counter(zip(ladder, price, strict=True)).values())


def test_buckets_are_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        bucket("x", "y", 0)
