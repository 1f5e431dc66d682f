"""Calendar tables: every payout day with every first due date gives the dates of the plain calendar."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from refi.schedules import day_tables
from refi.schedules.bulk import loans, schedules
from refi.schedules.dates import DateOutOfRange, anchor_of, due_dates, first_due_on
from refi.schedules.day_count import DayCount, days_30, weight

START = date(2027, 10, 1)
PAYOUTS = [START + timedelta(days=k) for k in range(215)]  # through the end of a leap February


def number(days: list[date]) -> np.ndarray:
    return np.array(days, "datetime64[D]").astype(np.int64)


def test_anchors_and_first_periods() -> None:
    pairs = [
        (paid_out, paid_out + timedelta(days=gap)) for paid_out in PAYOUTS for gap in (1, *range(26, 64))
    ]
    disbursed, first = number([a for a, _ in pairs]), number([b for _, b in pairs])
    dated = day_tables.anchored(disbursed, first, 4)
    found = [dated.due(k, slice(None)) for k in range(4)]
    written = np.empty((4, len(pairs)), np.int64)
    dated.write_due(written, 0, len(pairs))
    days = dated.first_days_30()
    for k, (paid_out, due) in enumerate(pairs):
        anchor = anchor_of(paid_out, due)
        expected = number(list(due_dates(due, 4, anchor))).tolist()
        assert [int(column[k]) for column in found] == expected
        assert written[:, k].tolist() == expected
        assert days[k] == days_30(paid_out, due, None, anchor)


def test_default_first_due_dates() -> None:
    dated = day_tables.anchored(number(PAYOUTS), None, 3)
    for k, paid_out in enumerate(PAYOUTS):
        expected = due_dates(first_due_on(paid_out), 3, anchor_of(paid_out, first_due_on(paid_out)))
        assert [dated.due(j, slice(None))[k] for j in range(3)] == number(list(expected)).tolist()
    assert (dated.first_days_30() == 30).all()


@pytest.mark.parametrize("kind", [DayCount.ACTUAL_365, DayCount.ACTUAL_360, DayCount.ACTUAL_ACTUAL])
def test_weights(kind: DayCount) -> None:
    starts = [date(1999, 12, 31), date(2000, 2, 28), date(2023, 6, 1), date(1900, 1, 1), date(2100, 2, 28)]
    ends = [date(2000, 3, 1), date(2001, 1, 1), date(2024, 6, 1), date(1904, 3, 1), date(2104, 3, 1)]
    found = day_tables.weights(kind, number(starts), number(ends))
    assert found.tolist() == [weight(kind, a, b) for a, b in zip(starts, ends, strict=True)]


def test_the_first_and_the_last_days_of_the_tables() -> None:
    """Room is kept for the months to come, counted as 31 days each."""
    earliest = schedules(loans(100, 0, 2, np.datetime64("1900-01-01")))
    assert earliest.due_date[0].tolist() == [date(1900, 2, 1), date(1900, 3, 1)]
    last = np.datetime64("2299-12-31") - 31 * 3
    latest = schedules(loans(100, 0, 2, last))
    assert latest.due_date[0].tolist() == list(due_dates(first_due_on(last.item()), 2))
    with pytest.raises(DateOutOfRange):
        schedules(loans(100, 0, 2, last + 1))
    with pytest.raises(DateOutOfRange):
        schedules(loans(100, 0, 2, np.datetime64("1899-12-31")))
