"""Days past due and buckets."""

from __future__ import annotations

from datetime import date

import pytest

from refi.schedules.arrears import bucket, days_past_due, oldest_unmet


@pytest.mark.parametrize(
    ("days", "name"),
    [(0, "current"), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3"), (150, "M5"), (151, "M6"),
     (180, "M6"), (181, "M7+"), (1000, "M7+")],
)  # fmt: skip
def test_buckets(days: int, name: str) -> None:
    assert bucket(days) == name


def test_the_oldest_unmet_due_date_counts() -> None:
    due = [(date(2027, 1, 10), 0), (date(2027, 2, 10), 5), (date(2027, 3, 10), 9)]
    assert oldest_unmet(due) == date(2027, 2, 10)
    assert oldest_unmet(due[:1]) is None
    assert days_past_due(date(2027, 2, 10), date(2027, 2, 10)) == 0
    assert days_past_due(date(2027, 2, 10), date(2027, 2, 19)) == 9
    assert days_past_due(None, date(2027, 2, 19)) == 0
