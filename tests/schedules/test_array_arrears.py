"""Lateness and payoff over arrays are those of single contracts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import numpy as np

from refi.money import Rounding
from refi.schedules.amortization import Method, Terms
from refi.schedules.array_arrears import BUCKETS, bucket_codes, days_past_due, payoffs, unpaid
from refi.schedules.arrears import bucket
from refi.schedules.bulk import loans, schedules
from refi.schedules.contract import Contract, Event, Receipt, payoff, replay


def test_bucket_codes_name_the_same_buckets() -> None:
    days = np.arange(0, 1000)
    assert [BUCKETS[code] for code in bucket_codes(days)] == [bucket(int(d)) for d in days]


def test_lateness_and_payoff_follow_the_contract() -> None:
    count, start = 40, np.datetime64("2026-12-31")
    random = np.random.default_rng(3)
    kinds = [Method.EQUAL_INSTALLMENT, Method.FLAT_FEE]
    method = [kinds[k] for k in random.integers(0, 2, count)]
    rounding = [tuple(Rounding)[k] for k in random.integers(0, 2, count)]
    lent, term = random.integers(1000, 10**7, count), random.integers(1, 8, count)
    plans = schedules(
        loans(lent, 120_000, term, start, method=method, rounding=rounding, monthly_fee_rate=6_000)
    )
    for k in range(count):
        terms = Terms(
            int(lent[k]), Decimal("0.12"), int(term[k]), method[k], Decimal("0.006"), rounding=rounding[k]
        )
        contract = Contract(terms, start.item())
        rows = replay(contract, [], start.item()).installments
        events: list[Event] = [Receipt(str(row.number), row.due_date, row.amount) for row in rows]
        for days in range(0, 31 * int(term[k]), 5):
            on = start.item() + timedelta(days=days)
            paid = [event for event in events if event.on < on]
            quote, found = payoff(contract, paid, on), payoffs(plans, np.datetime64(on))
            assert found.total[k] == quote.total
            assert found.principal[k] == quote.principal
            assert found.accrued_interest[k] == quote.accrued_interest
            assert found.fees[k] == quote.fees
            assert found.interest_saved[k] == quote.interest_saved
            late = days_past_due(plans.due_date, plans.amount, np.datetime64(on))
            assert late[k] == replay(contract, [], on).days_past_due


def test_unpaid_parts_of_what_was_paid_to_date() -> None:
    plans = schedules(loans([30_000, 20_000], 120_000, [3, 2], np.datetime64("2026-12-31")))
    first, second = int(plans.amount[0, 0]), int(plans.amount[0, 1])
    left = unpaid(plans, np.array([first + 7, 10**9]))
    assert left.tolist() == [[0, second - 7, int(plans.amount[0, 2])], [0, 0, 0]]
    assert days_past_due(plans.due_date, left, np.datetime64("2027-03-03")).tolist() == [3, 0]
    assert (unpaid(plans, np.zeros(2, np.int64)) == plans.amount).all()


def test_one_unit_unpaid_is_late() -> None:
    due = np.array([["2027-01-10", "2027-02-10"]], "datetime64[D]")
    assert days_past_due(due, np.array([[0, 1]]), np.datetime64("2027-02-12")).tolist() == [2]
    assert days_past_due(due, np.array([[1, 1]]), np.datetime64("2027-01-10")).tolist() == [0]
    assert days_past_due(due[:, :0], np.zeros((1, 0), np.int64), np.datetime64("2027-01-10")).tolist() == [0]
