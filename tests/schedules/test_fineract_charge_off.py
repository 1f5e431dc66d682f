"""Charge-offs of Apache Fineract: the installments that are left, whatever its LoanChargeOffBehaviour.

Figures from the end-to-end features ``LoanChargeOff`` (parts 2 and 3), by TestRail id. The loan is that of
`tests.schedules.test_fineract`: 100.00 at 7 % over six months from 1 January 2024.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.schedules.test_fineract import FIRST, LAST, NEXT, PLAN, Event, paid, rows, run

ONE_DEBT = {**NEXT, "charged_off_rows": "one_debt"}
ZERO = {"order": NEXT["order"], "charged_off_rows": "sizes_kept"}
BY_ORDER = {"orders": {"recovery": NEXT["order"]}}


def off(on: str) -> Event:
    return {"type": "charge_off", "id": "off", "on": on}


def charge(on: str, amount: int, due_on: str | None = None, component: str = "fee") -> Event:
    return {"type": "charge", "on": on, "amount": amount, "component": component, "due_on": due_on}


ROWS: list[tuple[str, list[Event], dict[str, str], list[tuple[int, int]]]] = [
    ("C3379: zero interest, before a due date",
     [FIRST, off("2024-02-29")], NEXT, [PLAN[0], (1_654, 47), *[(1_701, 0)] * 3, (1_600, 0)]),
    ("C3363: zero interest on the plan, on a due date",
     [FIRST, off("2024-03-01")], ZERO, [*PLAN[:2], *[(1_701, 0)] * 3, (1_602, 0)]),
    ("C3364: zero interest on the plan, before a due date",
     [FIRST, off("2024-02-29")], ZERO, [PLAN[0], (1_654, 47), *[(1_701, 0)] * 3, (1_600, 0)]),
    ("C3365: zero interest on the plan, within a period",
     [FIRST, off("2024-02-14")], ZERO, [PLAN[0], (1_679, 22), *[(1_701, 0)] * 3, (1_575, 0)]),
    ("C3352: maturity accelerated, on a due date",
     [FIRST, off("2024-03-01")], ONE_DEBT, [PLAN[0], (8_357, 49)]),
    ("C3352: and undone",
     [FIRST, off("2024-03-01"), {"type": "reversal", "on": "2024-03-01", "of": "off"}], ONE_DEBT, PLAN),
    ("C3353: maturity accelerated, before a due date",
     [FIRST, off("2024-02-29")], ONE_DEBT, [PLAN[0], (8_357, 47)]),
    ("C3354: maturity accelerated, within a period",
     [FIRST, off("2024-02-14")], ONE_DEBT, [PLAN[0], (8_357, 22)]),
    ("C3355: maturity accelerated, after the last due date",
     [FIRST, *(paid(f"2024-0{month}-01", 1_701) for month in (3, 4, 5)), off("2024-07-15")], ONE_DEBT,
     [*PLAN[:5], (1_690, 20)]),
    ("C3356: maturity accelerated, one installment overdue",
     [FIRST, off("2024-03-31")], ONE_DEBT, [*PLAN[:2], (6_705, 47)]),
    ("C3357: a payment back-dated behind the charge-off",
     [FIRST, off("2024-03-31"), paid("2024-03-01", 1_701)], ONE_DEBT, [*PLAN[:2], (6_705, 38)]),
    ("C3358: a payment undone after the charge-off",
     [{**FIRST, "id": "a"}, off("2024-02-29"), {"type": "reversal", "on": "2024-02-29", "of": "a"}],
     ONE_DEBT, [PLAN[0], (8_357, 56)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "conventions", "expected"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS]
)
def test_the_installments_after_a_charge_off_are_theirs(
    events: list[Event], conventions: dict[str, str], expected: list[tuple[int, int]]
) -> None:
    found = run(events, conventions)
    assert rows(found) == expected
    assert sum(principal for principal, _ in expected) == 10_000


def test_the_one_debt_falls_due_on_the_day_and_is_paid_like_any_other() -> None:
    """C3359: 84.04 on 29 February; 17.01 on 1 March meets 0.47 of interest and 16.54 of principal."""
    events = [FIRST, off("2024-02-29"), {**paid("2024-03-01", 1_701), "id": "late"}]
    found = run(events, ONE_DEBT, **BY_ORDER)
    last = found["installments"][-1]
    assert (last["number"], last["due_date"], last["amount"]) == (2, "2024-02-29", 8_404)
    assert found["charged_off"] == {"principal": 8_357, "interest": 47, "fee": 0, "penalty": 0}
    assert [(part["component"], part["amount"]) for part in found["allocations"]["late"]] == [
        ("interest", 47), ("principal", 1_654),
    ]  # fmt: skip
    assert (last["outstanding"], found["balances"]["total"]) == (6_703, 6_703)


CHARGES: list[tuple[str, list[Event], list[tuple[str, int, int, int]], int]] = [
    ("the one before C3461: two fees before the day",
     [charge("2024-02-01", 500, "2024-02-15"), charge("2024-02-01", 300, "2024-02-20")],
     [("2024-03-01", 8_357, 800, 0)], 9_206),
    ("C3461: a fee and a penalty before the day",
     [charge("2024-02-01", 500, "2024-02-15"), charge("2024-02-15", 1_000, None, "penalty")],
     [("2024-03-01", 8_357, 500, 1_000)], 9_906),
    ("C3463: a fee due after the day",
     [charge("2024-02-01", 500, "2024-03-05")],
     [("2024-03-01", 8_357, 0, 0), ("2024-03-05", 0, 500, 0)], 8_906),
    ("C3464: two fees due after the day, with the later one",
     [charge("2024-02-01", 500, "2024-03-05"), charge("2024-02-01", 200, "2024-04-15")],
     [("2024-03-01", 8_357, 0, 0), ("2024-04-15", 0, 700, 0)], 9_106),
]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "expected", "total"), [case[1:] for case in CHARGES], ids=[case[0] for case in CHARGES]
)
def test_charges_on_the_one_debt_are_theirs(
    events: list[Event], expected: list[tuple[str, int, int, int]], total: int
) -> None:
    found = run([FIRST, *events, off("2024-03-01")], ONE_DEBT)
    left = found["installments"][1:]
    assert [(row["due_date"], row["principal"], row["fee"], row["penalty"]) for row in left] == expected
    assert (sum(found["charged_off"].values()), found["balances"]["total"]) == (total, total)


def test_a_charge_waived_after_the_charge_off_is_theirs() -> None:
    """C3462: of 99.06 the fee of 5.00 is given up; 94.06 are left of the second installment."""
    waived: dict[str, Any] = {"type": "waiver", "on": "2024-03-01", "amount": 500, "component": "fee"}
    events = [charge("2024-02-01", 500, "2024-02-15"), charge("2024-02-15", 1_000, None, "penalty")]
    found = run([FIRST, *events, off("2024-03-01"), waived], ONE_DEBT)
    row = found["installments"][1]
    assert (row["amount"] + row["penalty"], row["waived"], row["outstanding"]) == (9_906, 500, 9_406)


def test_money_in_advance_of_a_charge_off_stays_where_it_is() -> None:
    """17.01 on the last installment, ahead of time: it keeps what was met, the rest is one debt."""
    found = run([FIRST, paid("2024-02-10", 1_701), off("2024-02-14")], {**LAST, **ONE_DEBT, "ahead": "last"})
    assert sum(row["principal"] for row in found["installments"]) == 10_000
    assert [(row["number"], row["outstanding"]) for row in found["installments"]] == [
        (1, 0), (2, found["balances"]["total"]), (6, 0),
    ]  # fmt: skip
