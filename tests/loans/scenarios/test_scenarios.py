"""Sixty lives of a loan, told over the API: whole schedule and all balances as the reference, to the fen."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from tests.loans.office import Office, findings
from tests.loans.scenarios.reference import Loan
from tests.loans.scenarios.stories import STORIES
from tests.loans.scenarios.telling import begun
from tests.servicing import Desk

SHOWN = ("number", "due_date", "principal", "interest", "penalty", "paid", "waived", "outstanding")


def rows_of(shown: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in SHOWN) for row in shown["schedule"]]


def status_of(loan: Loan) -> str:
    if loan.written_off is not None:
        return "charged_off"
    return "active" if loan.settled is None else "paid_off"


@pytest.mark.parametrize("name", STORIES)
async def test_a_life_is_what_the_reference_says(name: str, desk: Desk, office: Office) -> None:
    story = STORIES[name]
    telling = await begun(desk, office, story)
    await telling.tell()
    shown, on = await office.loan(telling.loan_id), date.fromisoformat(story.until)
    assert shown["status"] == story.status
    if story.status == "cancelled":  # nobody here plans the refund of what had been repaid
        assert await findings(desk, but=("suspense_is_explained",)) == []
        assert set(shown["balances"].values()) == {0}
        return
    assert await findings(desk) == []
    loan = telling.reference()
    assert rows_of(shown) == loan.schedule(on)
    assert (status_of(loan), loan.days_late(on)) == (shown["status"], shown["days_past_due"])
    owed = loan.owed(on)
    if story.status != "paid_off":
        assert {part: shown["balances"][part] for part in ("principal", "interest", "penalties")} == {
            "principal": owed["principal"], "interest": owed["interest"], "penalties": owed["penalty"],
        }  # fmt: skip
    held = await desk.service.rows(
        "SELECT coalesce(sum(amount), 0)::bigint AS aside FROM movements WHERE kind = 'unidentified_receipt'"
    )
    assert held[0].aside == telling.aside
    if story.status == "charged_off":
        lost = await desk.service.rows(
            "SELECT sum(CASE WHEN debit = 'credit_losses' THEN amount ELSE -amount END)::bigint AS lost"
            " FROM transfers WHERE 'credit_losses' IN (debit, credit)"
        )
        assert lost[0].lost == loan.lost


def test_the_reference_itself_by_hand() -> None:
    """Worked out on paper: 12,000.00 at 1 % a month in three; nine days late on the second installment."""
    loan = Loan(1_200_000, Fraction(12, 100), 3, date(2026, 11, 22))
    assert [row[:4] for row in loan.schedule(date(2026, 11, 22))] == [
        (1, "2026-12-22", 396_027, 12_000),
        (2, "2027-01-22", 399_987, 8_040),
        (3, "2027-02-22", 403_986, 4_040),
    ]
    loan.pay("one", date(2026, 12, 22), 408_027)
    late = date(2027, 1, 31)
    penalty = 1_775  # 399,987 x 0.18 x 9 / 365 = 1,775.28
    assert loan.owed(late) == {
        "penalty": penalty,
        "interest": 8_040 + 1_173,
        "principal": 803_973,
        "ahead": 0,
    }
    loan.pay("two", late, 408_027)
    assert loan.schedule(late)[1] == (2, "2027-01-22", 399_987, 8_040, penalty, 408_027, 0, penalty)
