"""A loan keeps the conventions that it was signed under, whatever the policy says later."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import pytest

from refi import policies
from refi.db.work import SYSTEM
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.account import conventions_signed, terms_of
from refi.loans.replay_service import stored_loan
from refi.loans.replaying import differences
from refi.loans.tables import Loan, Product
from refi.policies import Policy
from refi.schedules.amortization import schedule
from tests.loans.office import Office, findings
from tests.servicing import Desk, a_borrower, a_payment

ON = date(2026, 11, 22)
LATE = date(2026, 12, 31)
POLICY = policies.load("cn")
PRINCIPAL_FIRST = POLICY.model_copy(
    update={
        "allocation": POLICY.allocation.model_copy(
            update={"order": ("principal", "interest", "penalty", "fee")}
        )
    }
)
_numbers = itertools.count(1)


async def a_loan_under(desk: Desk, policy: Policy, body: dict[str, Any]) -> LoanId:
    """12,000.00 in three installments at 12 %, signed under ``policy``: 4,080.27 are due on 22 December."""
    person = await a_borrower(desk)
    price = policy.price.representative_rate
    terms = terms_of(
        policy.product, principal=1_200_000, term=3, annual_rate=price, monthly_fee_rate=price * 0
    )
    async with desk.runtime.database.work(SYSTEM) as work:
        work.policy = policy
        signed = loans.Signed(f"off_conv{next(_numbers)}", "0" * 64, body)
        loan = await loans.open_loan(
            work, BorrowerId(person.id), Product.CARD_REFINANCE, schedule(terms, ON), signed
        )
        await loans.activate(work, LoanId(loan.id), credited_on=ON, cause=f"pout_{loan.id}")
    return LoanId(loan.id)


async def split_of_the_payment(desk: Desk, loan_id: LoanId) -> list[tuple[str, int]]:
    async with desk.runtime.database.work(SYSTEM) as work:
        loan = await work.session.get_one(Loan, loan_id)
        state = (await loans.account(work, loan)).state(LATE)
        return [(part.component.value, part.amount) for part in next(iter(state.allocations.values()))]


@pytest.mark.parametrize(
    ("policy", "body", "meets"),
    [
        (POLICY, {}, [("penalty", 1_758), ("interest", 8_242)]),
        (PRINCIPAL_FIRST, {}, [("principal", 10_000)]),
        (POLICY, {"conventions": PRINCIPAL_FIRST.conventions}, [("principal", 10_000)]),
        (
            PRINCIPAL_FIRST,
            {"allocation": ["fee", "interest", "penalty", "principal"]},
            [("interest", 10_000)],
        ),
    ],
    ids=["ours", "policy", "agreement", "agreement-of-before"],
)
async def test_a_late_payment_is_split_as_the_loan_was_signed(
    office: Office, policy: Policy, body: dict[str, Any], meets: list[tuple[str, int]]
) -> None:
    """9 days late: 1,758 of penalty on 396,027 of principal (18 % a year) stand beside 12,000 of interest."""
    desk = office.desk
    loan_id = await a_loan_under(desk, policy, body)
    await desk.clock_at(LATE)
    await a_payment(desk, loan_id, 10_000, LATE)
    assert await split_of_the_payment(desk, loan_id) == meets
    async with desk.runtime.database.work(SYSTEM) as work:
        stored = await stored_loan(work, loan_id)
        assert stored is not None
        assert differences(stored, LATE) == []
    assert await findings(desk) == []


async def test_an_early_payoff_owes_what_was_signed(office: Office) -> None:
    """12,000.00 over three months: 240.80 of interest in all, 120.00 of it in the first period."""
    desk = office.desk
    found = {}
    for early_payoff in ("to_the_day", "to_the_next_due_date", "in_full"):
        ending = POLICY.ending.model_copy(update={"early_payoff": early_payoff})
        loan_id = await a_loan_under(desk, POLICY.model_copy(update={"ending": ending}), {})
        async with desk.runtime.database.work(SYSTEM) as work:
            held = await loans.account(work, await work.session.get_one(Loan, loan_id))
        found[early_payoff] = held.payoff(date(2026, 12, 7)).total
        await desk.clock_at(date(2026, 12, 7))
        await a_payment(desk, loan_id, found[early_payoff], date(2026, 12, 7))
        assert (await office.loan(loan_id))["status"] == "paid_off"
    assert found == {"to_the_day": 1_206_000, "to_the_next_due_date": 1_212_000, "in_full": 1_224_080}
    assert await findings(desk) == []


def test_what_an_agreement_names_comes_before_the_policy() -> None:
    assert conventions_signed({}, POLICY) == POLICY.conventions
    assert (
        conventions_signed({"allocation": list(POLICY.allocation.order)}, PRINCIPAL_FIRST)
        == POLICY.conventions
    )
    assert conventions_signed({"conventions": {"ahead": "last"}}, POLICY) == {
        **POLICY.conventions,
        "ahead": "last",
    }
