"""What was signed, and the book of it on the day it was paid out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from refi.errors import Fault
from refi.money import MAX_AMOUNT
from refi.schedules import actual_balance, dates, periods
from refi.schedules.allocation import Ahead, Order, matrix
from refi.schedules.amortization import InvalidTerms, Terms, calendar, monthly_fee, split
from refi.schedules.book import Book
from refi.schedules.contract_events import Mode
from refi.schedules.conventions import OURS, Conventions, EarnedOn, Grace, PenaltyOn, Residue
from refi.schedules.periods import MONTH, Period
from refi.schedules.replanning import Pricing
from refi.schedules.rows import PenaltyRate, Row
from refi.schedules.smoothing import smoothed

MOST_PENALTY = 100
"""The highest multiple of the annual rate: beyond it somebody wrote percent."""
YEARS = (360, 365)


class Planned(NamedTuple):
    """An installment as it was signed, amounts in minor units."""

    due_on: date
    principal: int
    interest: int = 0
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Contract:
    """What was signed.

    ``penalty_multiple`` times the annual rate is charged on overdue principal, over ``penalty_year_days``, of
    those that are more than ``penalty_grace_days`` late.
    ``conventions`` are the choices where systems differ; ``orders`` says which debts each kind of transaction
    meets first, where that is more than the conventions' one order. With ``rolling`` and ``business_days``
    a due date on a holiday moves; amounts and interest do not. Due dates are a ``period`` apart;
    ``first_due_on`` defaults to one after the payout. A ``down_payment`` (minor units of the principal) is
    installment 1, due on the day of the payout; the plan is of the rest. A ``plan`` says the installments
    themselves, where they are not those that the terms make (another system's).
    """

    terms: Terms
    disbursed_on: date
    first_due_on: date | None = None
    penalty_multiple: Decimal = Decimal("1.5")
    penalty_year_days: int = 365
    orders: Mapping[str, Order] | None = field(default=None, compare=False)
    rolling: dates.Rolling = dates.Rolling.NONE
    business_days: dates.BusinessDays | None = None
    conventions: Conventions = OURS
    period: Period = MONTH
    down_payment: int = 0
    plan: tuple[Planned, ...] | None = None
    penalty_grace_days: int = 0

    def __post_init__(self) -> None:
        multiple: object = self.penalty_multiple
        if not isinstance(multiple, Decimal) or not multiple.is_finite() or not 0 <= multiple <= MOST_PENALTY:
            raise InvalidTerms(
                f"a penalty is a decimal from 0 to {MOST_PENALTY} times the annual rate",
                faults=[Fault("/penalty_multiple", "out_of_range")],
            )
        if self.penalty_year_days not in YEARS:
            raise InvalidTerms(
                "a year of penalties has 360 or 365 days", faults=[Fault("/penalty_year_days", "unknown")]
            )
        if not 0 <= self.down_payment < self.terms.principal:
            raise InvalidTerms(
                "a down payment is a part of the principal", faults=[Fault("/down_payment", "out_of_range")]
            )
        if self.plan is not None:
            self._check(self.plan)

    def _check(self, plan: tuple[Planned, ...]) -> None:
        """A plan that is given is whole: each installment later than the one before, all of the principal."""
        faults = []
        if self.first_due_on is not None or self.period != MONTH:
            faults.append(Fault("/plan", "contradicts_dates"))
        if self.conventions.interest is EarnedOn.ACTUAL_BALANCE:
            faults.append(Fault("/plan", "not_with_actual_balance"))
        if len(plan) != self.terms.installments:
            faults.append(Fault("/plan", "contradicts_installments"))
        if sum(row.principal for row in plan) != self.terms.principal - self.down_payment:
            faults.append(Fault("/plan", "contradicts_principal"))
        before = self.disbursed_on
        for k, row in enumerate(plan):
            if row.due_on <= before:
                faults.append(Fault(f"/plan/{k}/due_date", "too_early"))
            before = row.due_on
            faults += [
                Fault(f"/plan/{k}/{name}", "out_of_range")
                for name in ("principal", "interest", "fee")
                if type(getattr(row, name)) is not int or not 0 <= getattr(row, name) <= MAX_AMOUNT
            ]
        if faults:
            raise InvalidTerms("the plan is not one of these terms", faults=faults)

    def order(self, kind: str) -> Order:
        """The order in which a transaction of that kind (a key of `allocation.MATRIX`) meets debts."""
        return (self.orders or matrix(self.conventions.order))[kind]

    def rolled(self, on: date) -> date:
        """The day by which an installment of nominal due date ``on`` must be paid."""
        return dates.rolled(on, self.rolling, self.business_days)


@lru_cache(maxsize=4096)
def _made(
    terms: Terms, disbursed_on: date, first_due_on: date | None, period: Period, fee: int, residue: Residue
) -> tuple[tuple[Planned, ...], tuple[int, ...], int]:
    """The plan that the terms make, the day-count weight of each period, and the anchor day."""
    due, _, weights = calendar(terms, disbursed_on, first_due_on, period)
    amounts = smoothed(terms, weights) if residue is Residue.SMOOTHED else split(terms, weights)
    plan = (Planned(on, part, interest, fee) for on, (part, interest, _) in zip(due, amounts, strict=True))
    return tuple(plan), tuple(weights), dates.anchor_of(disbursed_on, due[0])


def _plan(contract: Contract, fee: int) -> tuple[tuple[Planned, ...], tuple[int, ...], int]:
    """The plan of a contract: the one given, or the one that its terms make."""
    terms, start = contract.terms, contract.disbursed_on
    if contract.plan is None:
        if contract.down_payment:
            terms = replace(terms, principal=terms.principal - contract.down_payment)
        residue = contract.conventions.residue
        return _made(terms, start, contract.first_due_on, contract.period, fee, residue)
    due = tuple(row.due_on for row in contract.plan)
    anchor = dates.anchor_of(start, due[0])
    _, weights = periods.weights(terms.day_count, contract.period, start, due, anchor)
    return contract.plan, tuple(weights), anchor


def open_book(contract: Contract) -> Book:
    """The book of a contract on the day it was paid out."""
    terms = contract.terms
    fee = monthly_fee(terms)
    plan, weights, anchor = _plan(contract, fee)
    rows = []
    start = contract.disbursed_on
    for number, (said, weight) in enumerate(zip(plan, weights, strict=True), start=1):
        on = contract.rolled(said.due_on)
        rows.append(Row(number, start, said.due_on, weight, said.principal, said.interest, said.fee, on))
        start = said.due_on
    if rows[0].due_on <= contract.disbursed_on:
        raise dates.InvalidFirstDueDate.rolls_back("/first_due_on")
    if contract.down_payment:
        for row in rows:
            row.number += 1
        on = contract.disbursed_on
        rows.insert(0, Row(1, on, on, 0, contract.down_payment, 0, 0))
    book = Book(
        pricing=Pricing.of(terms),
        penalty_rate=replace(
            PenaltyRate.of(terms, contract.penalty_multiple, contract.penalty_year_days),
            on_all=contract.conventions.penalty_on is PenaltyOn.INSTALLMENT,
            grace=timedelta(days=contract.penalty_grace_days),
            counted=contract.conventions.grace is Grace.COUNTED,
        ),
        rows=rows,
        anchor=anchor,
        period=contract.period,
        monthly_fee=fee,
        penalty_multiple=contract.penalty_multiple,
        penalty_year_days=contract.penalty_year_days,
        rolled=contract.rolled,
        conventions=contract.conventions,
        lent=terms.principal,
        last_first=contract.order(Mode.DUE).ahead is Ahead.LAST,
        rates=[(contract.disbursed_on, terms.annual_rate)],
    )
    actual_balance.give_sizes(book)
    return book
