"""Repayment strategies of Apache Fineract's older loans, on a schedule that a case says itself.

Figures from its unit tests ``HeavensFamilyLoanRepaymentScheduleTransactionProcessorTest`` and
``AdhikarLoanRepaymentScheduleTransactionProcessorTest`` (by the number of the scenario; three installments of
1,000.00 and 200.00 of interest from 2 July) and from what ``RBILoanRepaymentScheduleTransactionProcessor``
says of itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from refi.errors import Fault
from refi.schedules import cases
from refi.schedules.amortization import InvalidTerms

LOAN = {
    "principal": 300_000, "annual_rate": "0", "installments": 3, "disbursed_on": "2012-06-02",
    "penalty_multiple": "0",
    "plan": [
        {"due_date": f"2012-0{month}-02", "principal": 100_000, "interest": 20_000} for month in (7, 8, 9)
    ],
}  # fmt: skip
HEAVENS_FAMILY = {
    "due": {
        "components": ["interest", "principal", "fee", "penalty"],
        "in_advance": ["principal", "interest", "fee", "penalty"],
    }
}
Payments = list[tuple[str, int]]
Split = list[tuple[int, int]]


def run(payments: Payments, **changes: Any) -> dict[str, Any]:
    events = [
        {"type": "payment", "id": str(k), "on": on, "amount": amount}
        for k, (on, amount) in enumerate(payments)
    ]
    return cases.answer({**LOAN, "events": events, **changes})


def split(found: dict[str, Any]) -> Split:
    """Principal and interest paid of each installment."""
    return [(row["paid_by"]["principal"], row["paid_by"]["interest"]) for row in found["installments"]]


def of_payment(found: dict[str, Any], key: str) -> tuple[int, int]:
    parts = found["allocations"][key]
    return tuple(  # type: ignore[return-value]
        sum(part["amount"] for part in parts if part["component"] == name)
        for name in ("principal", "interest")
    )


JULY, AUGUST = "2012-07-02", "2012-08-02"
THEIRS: list[tuple[int, Payments, Split, list[tuple[int, int]]]] = [
    (1, [(JULY, 10_000)], [(0, 10_000), (0, 0), (0, 0)], [(0, 10_000)]),
    (2, [(JULY, 10_000), (JULY, 5_000)], [(0, 15_000), (0, 0), (0, 0)], [(0, 10_000), (0, 5_000)]),
    (3, [(JULY, 30_000)], [(10_000, 20_000), (0, 0), (0, 0)], [(10_000, 20_000)]),
    (4, [(JULY, 30_000), (JULY, 5_000)], [(15_000, 20_000), (0, 0), (0, 0)], [(10_000, 20_000), (5_000, 0)]),
    (5, [(JULY, 120_000)], [(100_000, 20_000), (0, 0), (0, 0)], [(100_000, 20_000)]),
    (6, [(JULY, 60_000), (JULY, 60_000)],
     [(100_000, 20_000), (0, 0), (0, 0)], [(40_000, 20_000), (60_000, 0)]),
    (7, [(JULY, 130_000)], [(100_000, 20_000), (10_000, 0), (0, 0)], [(110_000, 20_000)]),
    (8, [(JULY, 60_000), (JULY, 70_000)],
     [(100_000, 20_000), (10_000, 0), (0, 0)], [(40_000, 20_000), (70_000, 0)]),
    (10, [("2012-07-01", 120_000), ("2012-07-01", 90_000)],
     [(100_000, 20_000), (90_000, 0), (0, 0)], [(100_000, 20_000), (90_000, 0)]),
    (12, [("2012-12-02", 360_000)], [(100_000, 20_000)] * 3, [(300_000, 60_000)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("payments", "paid", "payment"), [case[1:] for case in THEIRS], ids=[str(case[0]) for case in THEIRS]
)
def test_money_is_split_as_by_the_heavens_family_strategy(
    payments: Payments, paid: Split, payment: list[tuple[int, int]]
) -> None:
    found = run(payments, orders=HEAVENS_FAMILY, conventions={"early_payoff": "in_full"})
    assert split(found) == paid
    assert [of_payment(found, str(k)) for k in range(len(payments))] == payment


@pytest.mark.parametrize(
    ("on", "amount", "paid"),
    [
        pytest.param(JULY, 10_000, [(0, 10_000), (0, 0), (0, 0)], id="1"),
        pytest.param(AUGUST, 30_000, [(0, 20_000), (0, 10_000), (0, 0)], id="2"),
        pytest.param(AUGUST, 90_000, [(50_000, 20_000), (0, 20_000), (0, 0)], id="3"),
    ],
)
def test_all_interest_that_has_fallen_due_comes_before_principal_in_india(
    on: str, amount: int, paid: Split
) -> None:
    assert split(run([(on, amount)], conventions={"order": "rbi_india"})) == paid


def test_the_example_of_the_rule_itself() -> None:
    """Two installments of 200 and 20, one overdue and one due: 40 pay the interest of both."""
    plan = [{"due_date": due, "principal": 20_000, "interest": 2_000} for due in (JULY, AUGUST)]
    found = run(
        [(AUGUST, 4_000)], principal=40_000, installments=2, plan=plan, conventions={"order": "rbi_india"}
    )
    assert split(found) == [(0, 2_000), (0, 2_000)]


def test_an_early_repayment_is_principal_only() -> None:
    """Interest and principal of what is due; of what is not, its principal alone."""
    found = run([(JULY, 230_000)], conventions={"order": "early_repayment", "early_payoff": "in_full"})
    assert split(found) == [(100_000, 20_000), (100_000, 0), (10_000, 0)]


ROW = {"due_date": "2012-07-02", "principal": 300_000}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"plan": [ROW]}, [("/plan", "contradicts_installments")]),
        ({"plan": [ROW], "installments": 1, "principal": 1}, [("/plan", "contradicts_principal")]),
        ({"plan": [ROW], "installments": 1, "period": "week"}, [("/plan", "contradicts_dates")]),
        ({"plan": [ROW], "installments": 1, "first_due_on": "2012-07-02"}, [("/plan", "contradicts_dates")]),
        ({"conventions": {"interest": "actual_balance"}}, [("/plan", "not_with_actual_balance")]),
        ({"disbursed_on": "2012-08-02"}, [("/plan/0/due_date", "too_early")]),
        (
            {"plan": [{**ROW, "fee": -1, "interest": 10**16}], "installments": 1},
            [("/plan/0/interest", "out_of_range"), ("/plan/0/fee", "out_of_range")],
        ),
    ],
)
def test_a_plan_that_is_not_one_of_the_terms_is_refused(
    changes: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    with pytest.raises(InvalidTerms) as refused:
        run([], **changes)
    assert refused.value.faults == tuple(Fault(*fault) for fault in faults)


@pytest.mark.parametrize(
    ("plan", "pointer", "code"),
    [
        ({}, "/plan", "not_a_list"),
        ([7], "/plan/0", "not_an_object"),
        ([{"principal": 1}], "/plan/0/due_date", "missing"),
        ([{**ROW, "principal": "1"}], "/plan/0/principal", "not_an_integer"),
        ([{**ROW, "penalty": 1}], "/plan/0/penalty", "unknown"),
        ([ROW] * 61, "/plan", "too_many"),
    ],
)
def test_a_plan_that_is_not_well_formed_is_refused(plan: Any, pointer: str, code: str) -> None:
    with pytest.raises(cases.InvalidCase) as refused:
        run([], plan=plan)
    assert refused.value.faults == (Fault(pointer, code),)
