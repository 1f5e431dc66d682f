"""Re-ageing of Apache Fineract, under the periods and the down payments of its loans.

Figures from the end-to-end feature ``LoanReAging`` (part 1), by TestRail id: 1,000.00 without interest from
1 January 2024, a quarter down on the day, the rest over three installments of 15 days.
"""

from __future__ import annotations

from typing import Any

import pytest

from refi.schedules import cases
from tests.schedules.test_fineract import Event, paid, taken_back

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
