"""An account as values: a contract and everything that happened to it since. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from refi.money import Rounding
from refi.policies import Policy
from refi.policies import Product as ProductPolicy
from refi.schedules import contract as contracts
from refi.schedules.allocation import Component as Debt
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import ChargeOff, Contract, Event, Payoff, Receipt, Reversal, State
from refi.schedules.day_count import DayCount


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed on a day, minor units; ``total`` is the sum of the four components.

    Interest that was paid before it accrued is not netted here, so ``principal`` is what the schedule and
    the ledger say; a payoff quote takes it off the principal (``unearned_credit``).
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
    met = (*state.allocations.values(), *state.waivers.values(), *state.rebate_parts.values())
    principal = sum(part.amount for parts in met for part in parts if part.component is Debt.PRINCIPAL)
    return Owed(
        principal=lent - principal,
        interest=state.balances.interest,
        fees=state.balances.fees,
        penalties=state.balances.penalties,
        past_due=state.balances.past_due,
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A contract with its events, in their order (`in_order`): ready for any question about it."""

    contract: Contract
    events: tuple[Event, ...] = ()

    def state(self, on: date) -> State:
        """What is owed, and how late it is, on ``on``."""
        return contracts.replay(self.contract, self.events, on)

    def payoff(self, on: date) -> Payoff:
        """What settles the loan on ``on``."""
        return contracts.payoff(self.contract, self.events, on)

    def owed(self, on: date) -> Owed:
        """What is owed on ``on``, by component."""
        return owed(self.contract.terms.principal, self.state(on))

    def with_event(self, event: Event) -> Account:
        """The account after one more event; a back-dated one falls into its place."""
        return replace(self, events=in_order([*self.events, event]))

    def before(self, on: date) -> Account:
        """The account with only what took effect before ``on``."""
        return replace(self, events=tuple(event for event in self.events if event.on < on))

    def undone(self, event_id: str, on: date) -> Account:
        """The account once the event is undone: seen from ``on``, it never happened."""
        return self.with_event(Reversal(f"{event_id}:undone", on, event_id))

    def in_hindsight(self) -> Account:
        """The account as if what was undone had never happened, on any day."""
        gone = self.gone
        kept = tuple(e for e in self.events if e.id not in gone and not isinstance(e, Reversal))
        return replace(self, events=kept)

    @property
    def gone(self) -> frozenset[str]:
        """The events that were undone, by id."""
        return frozenset(event.of for event in self.events if isinstance(event, Reversal))

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """The receipts that count."""
        return tuple(event for event in self.in_hindsight().events if isinstance(event, Receipt))

    @property
    def last_day(self) -> date:
        """The day of the latest event; the state on it shows the effect of every one."""
        return max((event.on for event in self.events), default=self.contract.disbursed_on)

    @property
    def newest(self) -> State:
        """The state on the last day."""
        return self.state(self.last_day)


def without_excess(account: Account, excess: Mapping[str, int]) -> tuple[Account, dict[str, int]]:
    """The account with only what it takes of each receipt, and what that leaves of each."""
    left = {source: amount for source, amount in excess.items() if amount}
    kept: list[Event] = []
    for event in account.events:
        rest = left.get(event.id, 0) if isinstance(event, Receipt) else 0
        if rest and isinstance(event, Receipt) and rest < event.amount:
            kept.append(replace(event, amount=event.amount - rest))
        elif not rest:
            kept.append(event)
    return (replace(account, events=tuple(kept)), left) if left else (account, left)


def charge_off_of(account: Account, state: State) -> ChargeOff | None:
    """The charge-off that took effect, in the state of a day."""
    if state.charged_off_on is None:
        return None
    out = {*account.gone, *state.ignored}
    return next((e for e in account.events if isinstance(e, ChargeOff) and e.id not in out), None)


def place(event: Event) -> tuple[date, str, str]:
    """Where an event stands: by its day, then by when its row was made (the time that its id carries)."""
    return event.on, event.id.rpartition("_")[2], event.id


def in_order(events: Sequence[Event]) -> tuple[Event, ...]:
    """Events in the order in which they take effect, whatever the order in which they were told.

    Reversals stand last: what they undo comes before them, and their own day decides from when on.
    """
    happened = sorted((e for e in events if not isinstance(e, Reversal)), key=place)
    return (*happened, *sorted((e for e in events if isinstance(e, Reversal)), key=place))


def conventions_signed(body: Mapping[str, Any], policy: Policy) -> dict[str, str]:
    """The conventions that an agreement names; those of the policy in force where it names none.

    Agreements offered before conventions had names say the order of allocation, and interest to the day.
    """
    named = body.get("conventions")
    if named is None and "allocation" in body:
        order = "_".join(body["allocation"])
        named = {"order": order, "early_payoff": "to_the_day", "charge_off": "to_the_day"}
    return {**policy.conventions, **(named or {})}


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
