"""An account as values: contract, receipts that count, what must be booked when they change. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from refi.ledger.entries import Component, Split
from refi.money import Rounding
from refi.policies import Product as ProductPolicy
from refi.schedules import contract as contracts
from refi.schedules.allocation import Component as Debt
from refi.schedules.allocation import Part
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract, Payoff, Receipt, State
from refi.schedules.day_count import DayCount


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed on a day, minor units; ``total`` is the sum of the four components.

    Interest that was paid before it accrued is not netted here, so ``principal`` is what the schedule and
    the ledger say; a payoff quote credits it (``unearned_credit``).
    """

    principal: int
    interest: int
    fees: int
    penalties: int
    past_due: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.principal + self.interest + self.fees + self.penalties


def owed(lent: int, state: State) -> Owed:
    """What a state leaves of the principal ``lent``, and what is owed beside it."""
    paid = [part for parts in (*state.allocations.values(), *state.waivers.values()) for part in parts]
    principal = lent - sum(part.amount for part in paid if part.component is Debt.PRINCIPAL)
    return Owed(
        principal=principal - sum(state.rebates.values()),
        interest=state.balances.interest,
        fees=state.balances.fees,
        penalties=state.balances.penalties,
        past_due=state.balances.past_due,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A contract with the receipts that count: ready for any question about it."""

    contract: Contract
    receipts: tuple[Receipt, ...] = ()

    def state(self, on: date) -> State:
        """What is owed, and how late it is, on ``on``."""
        return contracts.replay(self.contract, self.receipts, on)

    def payoff(self, on: date) -> Payoff:
        """What settles the loan on ``on``."""
        return contracts.payoff(self.contract, self.receipts, on)

    def owed(self, on: date) -> Owed:
        """What is owed on ``on``, by component."""
        return owed(self.contract.terms.principal, self.state(on))

    def with_receipt(self, receipt: Receipt) -> Account:
        """The account after one more receipt; a back-dated one falls into its place."""
        return replace(self, receipts=in_order([*self.receipts, receipt]))

    def without(self, source: str) -> Account:
        """The account as if the receipt of ``source`` had never come."""
        return replace(self, receipts=tuple(r for r in self.receipts if r.id != source))

    @property
    def last_day(self) -> date:
        """The day of the latest receipt; the state on it shows every allocation."""
        return max((r.on for r in self.receipts), default=self.contract.disbursed_on)


def in_order(receipts: Sequence[Receipt]) -> tuple[Receipt, ...]:
    """Receipts by effective day, then by the order in which their payments were made."""
    return tuple(sorted(receipts, key=lambda receipt: (receipt.on, receipt.id)))


def terms_of(
    product: ProductPolicy, *, principal: int, term: int, annual_rate: Decimal, monthly_fee_rate: Decimal
) -> Terms:
    """A plan's terms under the product's conventions."""
    return Terms(
        principal=principal,
        annual_rate=annual_rate,
        installments=term,
        method=Method(product.default_method),
        monthly_fee_rate=monthly_fee_rate,
        day_count=DayCount(product.day_count),
        rounding=Rounding(product.rounding),
    )


@dataclass(frozen=True, slots=True)
class Booking:
    """How one receipt is split, and the interest credited back when it settled the loan early."""

    split: Split
    allocations: tuple[Part, ...]
    rebate: int = 0


def bookings(account: Account) -> dict[str, Booking]:
    """The booking of every receipt, as the contract function splits them today."""
    state = account.state(account.last_day)
    return {
        receipt.id: Booking(
            split_of(state.allocations[receipt.id], state.excess.get(receipt.id, 0)),
            tuple(state.allocations[receipt.id]),
            state.rebates.get(receipt.id, 0),
        )
        for receipt in account.receipts
    }


def split_of(parts: Sequence[Part], excess: int) -> Split:
    """The components of a receipt; what the loan does not take waits in suspense."""
    sums = dict.fromkeys(Component, 0)
    for part in parts:
        sums[Component(part.component)] += part.amount
    return Split(
        principal=sums[Component.PRINCIPAL],
        interest=sums[Component.INTEREST],
        fee=sums[Component.FEE],
        penalty=sums[Component.PENALTY],
        suspense=excess,
    )


def changed(before: Mapping[str, Booking], after: Mapping[str, Booking]) -> list[str]:
    """The receipts whose booking must be taken back or made: the books then say what the contract says."""
    return sorted(source for source in {*before, *after} if before.get(source) != after.get(source))
