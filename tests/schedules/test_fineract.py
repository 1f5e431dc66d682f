"""Worked examples of Apache Fineract, through `refi.schedules.cases` under the conventions that it goes by.

Figures from its public suites: ``ProgressiveEMICalculatorTest`` (named by method) and the end-to-end features
``EMICalculation``, ``LoanReAgingEqualAmortization`` and ``LoanChargeback`` (named by TestRail id). All lend
100.00 at 7 % over six months from 1 January 2024, 30/360, interest recalculated daily, unless they say
otherwise.
"""

from __future__ import annotations

from typing import Any

import pytest

from refi.schedules import cases

LOAN = {
    "principal": 10_000, "annual_rate": "0.07", "installments": 6, "disbursed_on": "2024-01-01",
    "rounding": "half_even", "penalty_multiple": "0",
}  # fmt: skip
NEXT = {"interest": "actual_balance", "order": "penalty_fee_interest_principal"}
LAST = {**NEXT, "ahead": "last"}
Event = dict[str, Any]


def paid(on: str, amount: int) -> Event:
    return {"type": "payment", "on": on, "amount": amount}


def rate(on: str, annual_rate: str) -> Event:
    return {"type": "re_amortization", "on": on, "annual_rate": annual_rate}


def run(events: list[Event], conventions: dict[str, str], **changes: Any) -> dict[str, Any]:
    return cases.answer({**LOAN, "conventions": conventions, "events": events, **changes})


def rows(found: dict[str, Any]) -> list[tuple[int, int]]:
    return [(row["principal"], row["interest"]) for row in found["installments"]]


FIRST, SECOND = paid("2024-02-01", 1_701), paid("2024-02-15", 1_701)
SCHEDULES: list[tuple[str, list[Event], dict[str, str], list[tuple[int, int]]]] = [
    ("C3249: EMI paid late, plan",
     [], NEXT, [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]),
    ("C3249: EMI paid late",
     [SECOND], NEXT, [(1_643, 58), (1_648, 53), (1_662, 39), (1_672, 29), (1_681, 20), (1_694, 10)]),
    ("C3250: excess paid late, next installment",
     [paid("2024-02-15", 3_402)], NEXT,
     [(1_643, 58), (1_673, 28), (1_642, 59), (1_672, 29), (1_681, 20), (1_689, 10)]),
    ("C3267: excess paid late, last installment",
     [paid("2024-02-15", 3_402)], LAST,
     [(1_643, 58), (1_653, 48), (1_672, 29), (1_682, 19), (1_649, 10), (1_701, 0)]),
    ("C3251: less than the interest due, early",
     [paid("2024-01-15", 20)], NEXT,
     [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]),
    ("C3252: a cent more than the interest due, early",
     [paid("2024-01-15", 27)], NEXT,
     [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]),
    (
        "C3255: two early payments of one installment",
        [paid("2024-01-15", 1_500), paid("2024-01-20", 201)],
        NEXT,
        [(1_667, 34), (1_633, 68), (1_662, 39), (1_672, 29), (1_681, 20), (1_685, 10)],
    ),
    (
        "C3256: the EMI, early",
        [paid("2024-01-15", 1_701)],
        NEXT,
        [(1_675, 26), (1_625, 76), (1_662, 39), (1_672, 29), (1_681, 20), (1_685, 10)],
    ),
    (
        "C3257: twice the EMI, early",
        [paid("2024-01-15", 3_402)],
        NEXT,
        [(1_675, 26), (1_701, 0), (1_601, 100), (1_672, 29), (1_681, 20), (1_670, 10)],
    ),
    (
        "C3258: paid off after an early payment",
        [paid("2024-01-15", 1_701), paid("2024-01-20", 8_333)],
        NEXT,
        [(1_675, 26), (1_693, 8), (1_701, 0), (1_701, 0), (1_701, 0), (1_529, 0)],
    ),
    ("C3253: less than the EMI, early",
     [paid("2024-01-15", 1_500)], NEXT,
     [(1_647, 54), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_686, 10)]),
    ("C3254: a cent less than the EMI, early",
     [paid("2024-01-15", 1_700)], NEXT,
     [(1_675, 26), (1_625, 76), (1_662, 39), (1_672, 29), (1_681, 20), (1_685, 10)]),
    (
        "C3268: the rate changes after an early payment",  # from the 21st there; ours is the last day before
        [paid("2024-01-15", 1_701), rate("2024-01-20", "0.04")],
        NEXT,
        [(1_675, 26), (1_639, 47), (1_664, 22), (1_669, 17), (1_675, 11), (1_678, 6)],
    ),
    ("test_reschedule_interest_on0201_2nd_EMI_not_changeable",
     [FIRST, paid("2024-02-01", 1_690), rate("2024-02-01", "0.04")], NEXT,
     [(1_643, 58), (1_701, 0), (1_639, 44), (1_666, 17), (1_672, 11), (1_679, 6)]),
    ("test_balance_correction_on0215",
     [FIRST, SECOND], NEXT, [(1_643, 58), (1_677, 24), (1_642, 59), (1_672, 29), (1_681, 20), (1_685, 10)]),
    ("test_payoff_on0215",
     [FIRST, paid("2024-02-15", 8_381)], NEXT,
     [(1_643, 58), (1_677, 24), (1_701, 0), (1_701, 0), (1_701, 0), (1_577, 0)]),
    ("test_payoff_on0115, but the last",
     [paid("2024-01-15", 5 * 1_701)], NEXT,
     [(1_675, 26), (1_701, 0), (1_701, 0), (1_701, 0), (1_701, 0), (1_521, 50)]),
    ("test_payoff_on0115",
     [paid("2024-01-15", 5 * 1_701), paid("2024-01-15", 1_521)], NEXT,
     [(1_675, 26), (1_701, 0), (1_701, 0), (1_701, 0), (1_701, 0), (1_521, 0)]),
    ("test_reschedule_interest_on0201_4per",
     [FIRST, rate("2024-02-01", "0.04")], NEXT,
     [(1_643, 58), (1_660, 28), (1_666, 22), (1_671, 17), (1_677, 11), (1_683, 6)]),
    ("test_reschedule_interest_on0215_4per",  # its day is the first at the new rate, ours the last at the old
     [FIRST, rate("2024-02-14", "0.04")], NEXT,
     [(1_643, 58), (1_653, 37), (1_668, 22), (1_673, 17), (1_679, 11), (1_684, 6)]),
    ("test_reschedule_interest_on0201_4per, but to nothing",
     [FIRST, rate("2024-02-01", "0")], NEXT,
     [(1_643, 58), (1_671, 0), (1_671, 0), (1_671, 0), (1_671, 0), (1_673, 0)]),
    ("C3217: the rate changes before a payment that was made by then",
     [FIRST, paid("2024-03-01", 1_701), rate("2024-02-01", "0.04")], NEXT,
     [(1_643, 58), (1_660, 28), (1_666, 22), (1_671, 17), (1_677, 11), (1_683, 6)]),
    ("C3916: the same within a period",  # its day is the first at the new rate, ours the last at the old
     [FIRST, paid("2024-03-01", 1_701), rate("2024-02-15", "0.04")], NEXT,
     [(1_643, 58), (1_652, 38), (1_668, 22), (1_673, 17), (1_679, 11), (1_685, 6)]),
    ("test_reschedule_interest_on0120_adjsLst",
     [paid("2024-01-15", 1_701), rate("2024-01-19", "0.04")], LAST,
     [(1_636, 44), (1_658, 22), (1_663, 17), (1_669, 11), (1_673, 6), (1_701, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "conventions", "expected"),
    [case[1:] for case in SCHEDULES],
    ids=[case[0] for case in SCHEDULES],
)
def test_the_schedule_is_theirs(
    events: list[Event], conventions: dict[str, str], expected: list[tuple[int, int]]
) -> None:
    found = run(events, conventions)
    assert rows(found) == expected
    assert sum(principal for principal, _ in expected) == 10_000


def test_paying_off_an_overdue_loan_costs_what_it_does_there() -> None:
    """C3245, C3246: on 15 February, nothing paid, 100.86 till the day and 101.16 till the next due date."""
    for choice, total, second, last in (
        ("to_the_day", 10_086, (1_673, 28), 1_581),
        ("to_the_next_due_date", 10_116, (1_643, 58), 1_611),
    ):
        conventions = {**NEXT, "early_payoff": choice}
        assert run([], conventions, on="2024-02-15")["payoff"]["total"] == total
        found = run([paid("2024-02-15", total)], conventions)
        assert found["settled_on"] == "2024-02-15"
        assert rows(found) == [(1_643, 58), second, *[(1_701, 0)] * 3, (last, 0)]


REFUNDED = {"principal": 100_000, "annual_rate": "0.099", "installments": 4, "day_count": "actual/actual"}


def test_refunds_settle_as_theirs() -> None:
    """C3269 and C3270: 1,000.00 at 9.9 %, actual/actual, refunded in the first and in the second period."""
    found = run([paid("2024-01-22", 100_000), paid("2024-01-22", 568)], NEXT, **REFUNDED)
    assert rows(found) == [(24_946, 568), (25_514, 0), (25_514, 0), (24_026, 0)]
    assert found["settled_on"] == "2024-01-22"
    found = run([paid("2024-02-01", 25_514), paid("2024-02-09", 100_000)], NEXT, **REFUNDED)
    assert rows(found) == [(24_675, 839), (25_351, 163), (25_514, 0), (24_460, 0)]
    assert found["excess"] == {"payment_2": 100_000 - 75_325 - 163}


def test_the_split_of_excess_paid_late_is_theirs() -> None:
    """C3250, C3267: 34.02 is 33.16 of principal and 0.86 of interest; with the last first 33.44 and 0.58."""
    for conventions, principal, interest in ((NEXT, 3_316, 86), (LAST, 3_344, 58)):
        found = run([paid("2024-02-15", 3_402)], conventions)
        parts = found["allocations"]["payment_1"]
        sums = {
            name: sum(part["amount"] for part in parts if part["component"] == name)
            for name in ("principal", "interest")
        }
        assert sums == {"principal": principal, "interest": interest}
        assert found["balances"]["principal"] == 10_000 - principal


def test_due_amounts_on_a_day_are_theirs() -> None:
    """test_balance_correction_on0215: on 15 February 0.24 of interest is due, and 83.81 settles."""
    found = run([FIRST], NEXT, on="2024-02-15")
    assert (found["balances"]["interest"], found["payoff"]["total"]) == (24, 8_381)
    settled = run([FIRST, paid("2024-02-15", 8_381)], NEXT)
    assert (settled["settled_on"], settled["balances"]["total"]) == ("2024-02-15", 0)


RE_AGE = {"type": "re_age", "id": "aged", "on": "2024-03-15", "installments": 6, "first_due_on": "2024-04-01"}


def test_re_ageing_in_equal_parts_is_theirs() -> None:
    """C4198: 83.57 and 0.71 of payable interest over six installments; undone on 1 April, late to the day."""
    conventions = {**NEXT, "re_age": "equal_payable_interest"}
    found = run([FIRST, RE_AGE], conventions)
    assert rows(found) == [(1_643, 58), (0, 0), *[(1_393, 12)] * 5, (1_392, 11)]
    assert [row["due_date"] for row in found["installments"][2:]] == [
        "2024-04-01", "2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01", "2024-09-01",
    ]  # fmt: skip
    assert (found["balances"]["total"], found["days_past_due"]) == (8_428, 0)
    undone = run([FIRST, RE_AGE, {"type": "reversal", "on": "2024-04-01", "of": "aged"}], conventions)
    assert rows(undone) == [(1_643, 58), (1_652, 49), (1_652, 49), (1_672, 29), (1_681, 20), (1_700, 10)]


FREE = {"principal": 50_000, "annual_rate": "0", "installments": 4}
DUE_FIRST = {"order": "penalty_fee_interest_principal", "chargeback": "as_allocated"}


def charged(on: str, amount: int, component: str = "penalty") -> Event:
    return {"type": "charge", "on": on, "amount": amount, "component": component}


def taken_back(on: str, of: str, amount: int) -> Event:
    return {"type": "chargeback", "on": on, "of": of, "amount": amount}


def test_a_chargeback_is_allocated_as_theirs() -> None:
    """C3083, its fortnights made months: 53.00 of a payment of 128.00 is 3.00 penalty and 50.00 principal."""
    found = run(
        [
            charged("2024-02-02", 300), paid("2024-02-04", 12_500),
            {**paid("2024-03-01", 12_800), "id": "second"}, taken_back("2024-03-05", "second", 5_300),
            paid("2024-04-01", 17_500), paid("2024-05-01", 12_800),
        ],
        DUE_FIRST, **FREE,
    )  # fmt: skip
    assert [(row["principal"], row["penalty"], row["paid"]) for row in found["installments"]] == [
        (12_500, 0, 12_500), (12_500, 300, 12_800), (17_500, 300, 17_800), (12_500, 0, 12_500),
    ]  # fmt: skip
    assert found["charges"]["chargeback_4"] == [
        {"installment": 3, "component": "penalty", "amount": 300},
        {"installment": 3, "component": "principal", "amount": 5_000},
    ]
    assert found["settled_on"] == "2024-05-01"


def test_a_chargeback_with_penalty_and_fee_is_allocated_as_theirs() -> None:
    """C3084, its fortnights made months: 50.00 of 125.00 (3 penalty, 4 fee, 118 principal) is 3, 4 and 43."""
    found = run(
        [
            charged("2024-02-02", 300), charged("2024-02-02", 400, "fee"), paid("2024-02-04", 12_500),
            {**paid("2024-03-01", 12_500), "id": "second"}, taken_back("2024-03-05", "second", 5_000),
            paid("2024-04-01", 12_500), paid("2024-05-01", 18_200),
        ],
        DUE_FIRST, **FREE,
    )  # fmt: skip
    assert [(row["principal"], row["fee"], row["penalty"]) for row in found["installments"]] == [
        (12_500, 0, 0), (12_500, 400, 300), (16_800, 400, 300), (12_500, 0, 0),
    ]  # fmt: skip
    parts = found["allocations"]["payment_6"]
    sums = {
        name: sum(part["amount"] for part in parts if part["component"] == name)
        for name in ("penalty", "fee", "principal")
    }
    assert sums == {"penalty": 300, "fee": 400, "principal": 11_800}
    assert found["settled_on"] == "2024-05-01"


def test_two_payments_are_charged_back_as_theirs() -> None:
    """C3085, its fortnights made months: both go to the third installment, 375.00."""
    found = run(
        [
            {**paid("2024-02-04", 12_500), "id": "one"}, {**paid("2024-03-01", 12_500), "id": "two"},
            taken_back("2024-03-05", "one", 12_500), taken_back("2024-03-05", "two", 12_500),
            paid("2024-04-01", 37_500), paid("2024-05-01", 12_500),
        ],
        DUE_FIRST, **FREE,
    )  # fmt: skip
    assert [row["principal"] for row in found["installments"]] == [12_500, 12_500, 37_500, 12_500]
    assert (found["settled_on"], sum(found["excess"].values())) == ("2024-05-01", 0)


def test_a_charge_off_leaves_all_interest_owed_as_theirs() -> None:
    """C3315: 1,000.00 at 26 %, fees of 105.48 and penalties of 60.00: 1,220.23 with 54.75 of interest."""
    found = run(
        [
            charged("2024-02-02", 1_000), charged("2024-02-02", 10_548, "fee"), charged("2024-02-10", 5_000),
            {"type": "charge_off", "on": "2024-02-28"}, paid("2024-02-28", 50_000),
        ],
        {"charge_off": "in_full"},
        principal=100_000, annual_rate="0.26", installments=4,
    )  # fmt: skip
    assert rows(found) == [(24_202, 2_167), (24_727, 1_642), (25_262, 1_107), (25_809, 559)]
    assert found["charged_off"] == {"principal": 100_000, "interest": 5_475, "fee": 10_548, "penalty": 6_000}
    assert found["balances"]["total"] == 72_023


def test_a_charge_off_of_a_recalculated_loan_is_theirs() -> None:
    """C3337: 250.00 at 10 % from 1 June, charged off on the 3rd: 255.23, and no interest after that."""
    found = run(
        [{"type": "charge_off", "on": "2024-06-03"}], {**NEXT, "charge_off": "in_full"},
        principal=25_000, annual_rate="0.10", installments=4, disbursed_on="2024-06-01", on="2024-06-05",
    )  # fmt: skip
    assert rows(found) == [(6_173, 208), (6_224, 157), (6_276, 105), (6_327, 53)]
    assert found["balances"]["total"] == 25_523


def test_a_chargeback_of_money_paid_too_much_takes_that_first() -> None:
    """C3080: of 500.00 paid on 375.00 owed, 25.00 are taken back from the 125.00 too much."""
    found = run(
        [{**paid("2024-01-10", 50_000), "id": "all"}, taken_back("2024-01-10", "all", 2_500)],
        DUE_FIRST, **{**FREE, "principal": 37_500, "installments": 3},
    )  # fmt: skip
    assert (found["excess"], found["charges"], found["settled_on"]) == ({"all": 10_000}, {}, "2024-01-10")


PAID_IN_TIME = [{**paid(f"2024-0{k + 1}-01", 1_701 if k < 6 else 1_700), "id": f"p{k}"} for k in range(1, 7)]
PLAN = [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]


@pytest.mark.parametrize(
    ("paid_for", "backs", "chargeback", "expected"),
    [
        pytest.param(
            2, [("2024-03-01", "p1", 1_500)], "new_principal",
            [*PLAN[:2], (3_153, 48), (1_672, 29), (1_681, 20), (1_699, 10)],
            id="C3448: on a due date, owed with the next installment",
        ),
        pytest.param(
            2, [("2024-03-15", "p2", 1_701)], "as_allocated",
            [*PLAN[:2], (3_309, 93), (1_672, 29), (1_681, 20), (1_695, 10)],
            id="C3449: within a period",
        ),
        pytest.param(
            6, [("2024-07-15", "p5", 1_701)], "as_allocated", [*PLAN, (1_681, 20)],
            id="C3450: after maturity, one installment more",
        ),
        pytest.param(
            6, [("2024-07-15", "p5", 1_701), ("2024-07-30", "p6", 1_700)], "as_allocated",
            [*PLAN, (3_371, 30)],
            id="C3451: twice after maturity, both with the later one",
        ),
        pytest.param(
            5, [("2024-07-01", "p5", 1_701)], "as_allocated", [*PLAN[:5], (3_371, 30)],
            id="C3452: on the last due date, owed at once",
        ),
        pytest.param(
            3, [("2024-04-01", "p3", 1_701)], "as_allocated",
            [*PLAN[:3], (3_324, 78), (1_681, 20), (1_700, 10)],
            id="C3453: a payment of the day itself",
        ),
    ],
)  # fmt: skip
def test_a_chargeback_is_owed_when_it_is_there(
    paid_for: int, backs: list[tuple[str, str, int]], chargeback: str, expected: list[tuple[int, int]]
) -> None:
    events = [*PAID_IN_TIME[:paid_for], *(taken_back(*back) for back in backs)]
    found = run(events, {**NEXT, "chargeback": chargeback})
    assert rows(found) == expected
    assert found["installments"][-1]["due_date"] == max("2024-07-01", backs[-1][0])
    assert found["payoff"]["total"] == found["balances"]["total"]


def test_a_chargeback_takes_components_back_in_the_order_named() -> None:
    """C3448: 15.00 of the first payment is principal, the second is 16.52 principal and 0.49 interest."""
    events = [
        *PAID_IN_TIME[:2], taken_back("2024-03-01", "p1", 1_500), taken_back("2024-03-01", "p2", 1_701),
    ]  # fmt: skip
    names = {"chargeback": "as_allocated", "chargeback_order": "principal_interest_fee_penalty"}
    found = run(events, {**NEXT, **names})
    assert rows(found) == [*PLAN[:2], (4_796, 106), (1_671, 30), (1_681, 20), (1_709, 10)]
    assert [part["component"] for part in found["charges"]["chargeback_4"]] == ["principal", "interest"]


def test_a_loan_is_paid_off_after_a_chargeback_as_theirs() -> None:
    """C3453: 67.44 on 1 April, of which 67.05 principal and the 0.39 of interest that were taken back."""
    conventions = {**NEXT, "chargeback": "as_allocated"}
    events = [*PAID_IN_TIME[:3], taken_back("2024-04-01", "p3", 1_701)]
    found = run([*events, paid("2024-04-01", 6_744)], conventions)
    assert rows(found) == [*PLAN[:3], (3_363, 39), (1_701, 0), (1_641, 0)]
    assert (found["settled_on"], found["excess"]) == ("2024-04-01", {})
