"""Re-ageing of Apache Fineract, under the periods and the down payments of its loans.

Figures from the end-to-end features ``LoanReAging`` (parts 1 and 2) and ``LoanReAmortization`` (part 1), by
TestRail id: 1,000.00 without interest from 1 January 2024, a quarter down on the day, the rest over three
installments of 15 days; and the loan of `tests.schedules.test_fineract`, 100.00 at 7 %, recalculated daily.
"""

from __future__ import annotations

from typing import Any

import pytest

from refi.schedules import cases
from tests.schedules import test_fineract as recalculated
from tests.schedules.test_fineract import FIRST, LAST, NEXT, Event, paid, taken_back

LOAN = {
    "principal": 100_000, "annual_rate": "0", "installments": 3, "disbursed_on": "2024-01-01",
    "period": "15_days", "down_payment": 25_000,
    "conventions": {"re_age": "equal_payable_interest", "chargeback": "new_principal"},
}  # fmt: skip
DOWN = {**paid("2024-01-01", 25_000), "id": "down"}


def aged(on: str, installments: int, first_due_on: str, period: str) -> Event:
    return {
        "type": "re_age", "id": "aged", "on": on,
        "installments": installments, "first_due_on": first_due_on, "period": period,
    }  # fmt: skip


def undone(of: str, on: str) -> Event:
    return {"type": "reversal", "on": on, "of": of}


def run(events: list[Event], **changes: Any) -> dict[str, Any]:
    return cases.answer({**LOAN, "events": events, **changes})


def rows(found: dict[str, Any]) -> list[tuple[str, int]]:
    return [(row["due_date"], row["principal"]) for row in found["installments"]]


PLAN = [("2024-01-01", 25_000), ("2024-01-16", 25_000), ("2024-01-31", 25_000), ("2024-02-15", 25_000)]
EMPTIED = [PLAN[0], *((due, 0) for due, _ in PLAN[1:])]
EVERY_OTHER = aged("2024-02-21", 3, "2024-03-10", "2_months")
CASES: list[tuple[str, list[Event], list[tuple[str, int]]]] = [
    ("C3050: monthly",
     [DOWN, aged("2024-02-20", 6, "2024-03-01", "month")],
     [*EMPTIED, *((f"2024-0{month}-01", 12_500) for month in range(3, 9))]),
    ("C3051: every thirty days",
     [DOWN, aged("2024-02-20", 2, "2024-03-10", "30_days")],
     [*EMPTIED, ("2024-03-10", 37_500), ("2024-04-09", 37_500)]),
    ("C3052: one installment",
     [DOWN, aged("2024-02-20", 1, "2024-03-10", "day")], [*EMPTIED, ("2024-03-10", 75_000)]),
    ("C3052: and undone",
     [DOWN, aged("2024-02-20", 1, "2024-03-10", "day"), undone("aged", "2024-02-25")], PLAN),
    ("C3053: every two months",
     [DOWN, EVERY_OTHER],
     [*EMPTIED, ("2024-03-10", 25_000), ("2024-05-10", 25_000), ("2024-07-10", 25_000)]),
    ("C3053: and the down payment taken back",
     [DOWN, EVERY_OTHER, taken_back("2024-02-25", "down", 25_000)],
     [*EMPTIED, ("2024-03-10", 50_000), ("2024-05-10", 25_000), ("2024-07-10", 25_000)]),
    ("C3054: a payment back-dated behind it, then undone",
     [DOWN, aged("2024-02-27", 6, "2024-03-01", "month"), paid("2024-02-01", 25_000),
      undone("aged", "2024-02-27")], PLAN),
    ("C3055: the down payment undone, then the re-ageing",
     [DOWN, aged("2024-02-27", 6, "2024-03-01", "month"), undone("down", "2024-02-27"),
      undone("aged", "2024-02-27")], PLAN),
    ("C3056: a chargeback before maturity",
     [DOWN, taken_back("2024-02-02", "down", 12_500)], [*PLAN[:3], ("2024-02-15", 37_500)]),
    ("C3056: and a re-ageing after it",
     [DOWN, taken_back("2024-02-02", "down", 12_500), EVERY_OTHER],
     [*EMPTIED, ("2024-03-10", 29_167), ("2024-05-10", 29_167), ("2024-07-10", 29_166)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_schedule_is_theirs(events: list[Event], expected: list[tuple[str, int]]) -> None:
    found = run(events)
    assert rows(found) == expected
    assert found["ignored"] == []
    taken = sum(event["amount"] for event in events if event["type"] == "chargeback")
    assert sum(principal for _, principal in expected) == 100_000 + taken


def test_a_re_aged_loan_is_not_late_and_one_undone_is_again() -> None:
    """C3052: late since 16 January; 750.00 are owed whether or not it is re-aged."""
    late = run([DOWN], on="2024-02-20")
    made_current = run([DOWN, aged("2024-02-20", 1, "2024-03-10", "day")])
    again = run([DOWN, aged("2024-02-20", 1, "2024-03-10", "day"), undone("aged", "2024-02-20")])
    assert [found["oldest_unpaid_due_on"] for found in (late, made_current, again)] == [
        "2024-01-16", None, "2024-01-16",
    ]  # fmt: skip
    assert {found["payoff"]["total"] for found in (late, made_current, again)} == {75_000}


def test_money_meets_the_oldest_installment() -> None:
    """C3054, C3055: on 1 February 250.00 meet the installment of 16 January, or the down payment not made."""
    for events, met in (([DOWN], 2), ([], 1)):
        found = run([*events, {**paid("2024-02-01", 25_000), "id": "late"}])
        assert [part["installment"] for part in found["allocations"]["late"]] == [met]


MARCH = {"type": "re_age", "on": "2024-03-15"}
APRIL = {**MARCH, "installments": 6, "first_due_on": "2024-04-01"}
MORE = paid("2024-02-01", 2_500)
AS_MET = {**NEXT, "chargeback": "as_allocated"}
BACK = [{**FIRST, "id": "first"}, taken_back("2024-02-01", "first", 1_701)]
ANEW = [(1_205, 88), (1_256, 37), (1_263, 30), (1_271, 22), (1_278, 15), (1_285, 7)]
Rows = list[tuple[int, int]]
LEVELLED: list[tuple[str, list[Event], dict[str, str], dict[str, int], Rows]] = [
    ("C4084: an installment paid in part",
     [MORE, APRIL], NEXT, {}, [(1_643, 58), (799, 0), (0, 0), *ANEW]),
    ("C4229: and in part the last one",
     [MORE, APRIL], LAST, {}, [(1_643, 58), (0, 0), (799, 0), *ANEW]),
    ("C4229: paid off on the day",
     [MORE, APRIL, paid("2024-03-15", 7_622)], LAST, {},
     [(1_643, 58), (0, 0), (799, 0), (1_094, 64), *[(1_293, 0)] * 4, (1_292, 0)]),
    ("the one before C4135: a chargeback before it",
     [*BACK, APRIL], AS_MET, {},
     [(1_643, 58), (0, 0), (0, 0),
      (1_547, 174), (1_672, 49), (1_681, 40), (1_691, 30), (1_701, 20), (1_708, 10)]),
    ("the one before C4135: paid off on the day",
     [*BACK, APRIL, paid("2024-03-15", 10_142)], AS_MET, {},
     [(1_643, 58), (0, 0), (0, 0), (1_579, 142), *[(1_721, 0)] * 4, (1_537, 0)]),
    ("the one before C4309: over the installments to come",
     [paid("2024-02-01", 2_000), MARCH], NEXT, {},
     [(1_643, 58), (299, 0), (1_962, 94), (2_020, 36), (2_032, 24), (2_044, 12)]),
    ("C4309: the same after a down payment",
     [paid("2024-01-01", 2_500), paid("2024-02-01", 1_276), MARCH], NEXT, {"down_payment": 2_500},
     [(2_500, 0), (1_232, 44), (0, 0), (1_525, 74), (1_571, 28), (1_580, 19), (1_592, 9)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "conventions", "changes", "expected"),
    [case[1:] for case in LEVELLED],
    ids=[case[0] for case in LEVELLED],
)
def test_a_loan_is_levelled_anew_on_its_actual_balance_as_theirs(
    events: list[Event], conventions: dict[str, str], changes: dict[str, int], expected: Rows
) -> None:
    found = recalculated.run(events, conventions, **changes)
    assert recalculated.rows(found) == expected
    assert (found["ignored"], found["days_past_due"], found["excess"]) == ([], 0, {})
    assert found["payoff"]["total"] == found["balances"]["total"]


def test_what_is_owed_does_not_change_by_a_re_ageing() -> None:
    """C4084: 75.58 and 0.64 of interest on 15 March, before and after."""
    for events in ([MORE], [MORE, APRIL], [MORE, MARCH]):
        found = recalculated.run(events, NEXT, on="2024-03-15")
        assert (found["balances"]["principal"], found["balances"]["interest"]) == (7_558, 64)
