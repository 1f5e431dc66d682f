"""A contract at work: the rows of its plan and what each event does to them, in order of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from refi.schedules.allocation import AHEAD, Component, Order, Part, allocate
from refi.schedules.contract_events import Mode, Waiver
from refi.schedules.contract_state import Why
from refi.schedules.conventions import Conventions, PriceUntil
from refi.schedules.periods import Period
from refi.schedules.replanning import Pricing, replan
from refi.schedules.rows import Amounts, PenaltyRate, Row

PREPAYMENTS = frozenset({Mode.PREPAY_SHORTEN, Mode.PREPAY_LOWER})
PRICES = (Component.INTEREST, Component.FEE)


@dataclass(frozen=True, slots=True)
class Position:
    """What it takes to close a contract on a day, minor units.

    ``credit`` is interest and fees collected in advance beyond the time elapsed; ``principal`` is what
    remains of the principal after that credit.
    """

    principal: int
    interest: int
    fees: int
    penalties: int
    credit: int

    @property
    def total(self) -> int:
        """The sum that settles the contract."""
        return self.principal + self.interest + self.fees + self.penalties


class DueLater(NamedTuple):
    """A charge on an installment that has a due date of its own."""

    due_on: date
    row: int
    component: Component
    amount: int


@dataclass(slots=True)
class Book:
    """The mutable working state of one replay; nothing outside `refi.schedules` sees it."""

    pricing: Pricing
    penalty_rate: PenaltyRate
    rows: list[Row]
    anchor: int
    period: Period
    monthly_fee: int
    penalty_multiple: Decimal
    penalty_year_days: int
    rolled: Callable[[date], date]
    conventions: Conventions
    lent: int
    last_first: bool
    rates: list[tuple[date, Decimal]]
    moves: list[tuple[date, int, int]] = field(default_factory=list)
    added: list[tuple[date, int]] = field(default_factory=list)
    charges: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    pauses: list[tuple[date, date]] = field(default_factory=list)
    due_later: list[DueLater] = field(default_factory=list)
    taken_back: dict[tuple[str, Component], int] = field(default_factory=dict)
    ahead: int = 0
    settled_on: date | None = None
    charged_off_on: date | None = None
    charged_off: Position | None = None
    allocations: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    excess: dict[str, int] = field(default_factory=dict)
    credits: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    waivers: dict[str, tuple[Part, ...]] = field(default_factory=dict)
    ignored: dict[str, Why] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether terms can still change: neither settled nor charged off."""
        return self.settled_on is None and self.charged_off_on is None

    @property
    def ended(self) -> Why:
        """Why terms can no longer change."""
        return Why.CHARGED_OFF if self.settled_on is None else Why.SETTLED

    def priced_until(self, on: date, rule: PriceUntil) -> date:
        """The day up to which the price is owed by a loan that ends on ``on``."""
        if rule is PriceUntil.TO_THE_DAY:
            return on
        coming = [row.ends_on for row in self.rows if row.ends_on >= on]
        if not coming:
            return on
        return min(coming) if rule is PriceUntil.TO_THE_NEXT_DUE_DATE else max(coming)

    def position(self, on: date) -> Position:
        """What closes the contract on a day: principal, what was earned by then and not paid, less credit."""
        rounding = self.pricing.terms.rounding
        owed = Amounts()
        credit = 0
        until = self.priced_until(on, self.conventions.early_payoff)
        for row in self.rows:
            interest, fee = row.closes_at(until, rounding)
            interest = max(interest - row.waived.interest, 0) - row.paid.interest
            fee = max(fee - row.waived.fee, 0) - row.paid.fee
            owed.principal += row.unpaid_principal
            owed.interest += max(interest, 0)
            owed.fee += max(fee, 0)
            owed.penalty += row.unpaid(Component.PENALTY, row.penalty(on, self.penalty_rate))
            credit += max(-interest, 0) + max(-fee, 0)
        left = credit
        for component in (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY):
            used = min(left, getattr(owed, component))
            owed.add(component, -used)
            left -= used
        return Position(owed.principal, owed.interest, owed.fee, owed.penalty, credit - left)

    def receive(self, event_id: str, on: date, amount: int, mode: Mode, order: Order) -> None:
        """Book money: settle if it reaches the payoff of the day, else meet the debts in order."""
        if self.settled_on is not None:
            self._record(event_id, (), amount)
            return
        if amount >= self.position(on).total:
            self._freeze(event_id, on, self.conventions.early_payoff)
            parts, rest = self._meet(on, amount, order.complete())
            self.settled_on = on
            self._record(event_id, parts, rest)
            return
        parts, rest = self._meet(on, amount, order)
        if rest and mode in PREPAYMENTS:
            more, rest = self._prepay(event_id, on, rest, keep_amount=mode is Mode.PREPAY_SHORTEN)
            parts += more
        self._record(event_id, parts, rest)

    def waive(self, event: Waiver) -> None:
        """Give up a debt, oldest first, at most what is owed; settle if nothing is left."""
        if self.settled_on is not None:
            self.ignored[event.id] = Why.SETTLED
            return
        rows = [row for row in self.rows if event.installment in (None, row.number)]
        order = Order((event.component,))
        most = min(event.amount, self.position(event.on).total)
        parts, _ = allocate(most, [row.owed(event.on, self.penalty_rate) for row in rows], order)
        by_number = {row.number: row for row in rows}
        for part in parts:
            row = by_number[part.installment]
            row.accrue(event.on, self.penalty_rate)
            row.waived.add(part.component, part.amount)
        self._note(event.on, parts)
        if not parts:
            self.ignored[event.id] = Why.NOTHING_OWED
            return
        self.waivers[event.id] = parts
        if self.position(event.on).total == 0:
            self._freeze(event.id, event.on, self.conventions.early_payoff)
            self.settled_on = event.on

    def charge_off(self, event_id: str, on: date) -> None:
        """Write the loan off: nothing accrues any more, and all of it is due."""
        if not self.open:
            self.ignored[event_id] = self.ended
            return
        self._freeze(event_id, on, self.conventions.charge_off)
        self.charged_off_on = on
        self.charged_off = self.position(on)

    def _record(self, event_id: str, parts: tuple[Part, ...], excess: int) -> None:
        self.allocations[event_id] = parts
        self.excess[event_id] = excess

    def _meet(self, on: date, amount: int, order: Order) -> tuple[tuple[Part, ...], int]:
        rows = sorted(self.rows, key=lambda row: row.due_on)
        parts, rest = allocate(amount, [row.owed(on, self.penalty_rate) for row in rows], order)
        by_number = {row.number: row for row in rows}
        for part in parts:
            row = by_number[part.installment]
            row.accrue(on, self.penalty_rate)
            row.paid.add(part.component, part.amount)
        self._note(on, parts)
        return parts, rest

    def _note(self, on: date, parts: Sequence[Part]) -> None:
        """Remember when principal was met: interest on the actual balance asks for it."""
        self.moves += [(on, p.installment, p.amount) for p in parts if p.component is Component.PRINCIPAL]

    def open_rows(self, on: date) -> list[Row]:
        """The installments whose period is not over and that are not fully met: a new plan takes these."""
        return [row for row in self.rows if row.ends_on > on and row.unpaid_scheduled > 0]

    def _prepay(
        self, event_id: str, on: date, amount: int, *, keep_amount: bool
    ) -> tuple[tuple[Part, ...], int]:
        """Principal ahead of the schedule, then a new plan; money beyond the principal meets interest."""
        rows = self.open_rows(on)
        principal = min(amount, sum(row.unpaid_principal for row in rows))
        parts: tuple[Part, ...] = ()
        if principal:
            parts = (Part(AHEAD, Component.PRINCIPAL, principal),)
            self.ahead += principal
            balance = sum(row.principal for row in rows) - principal
            self.keep(event_id, on, rows, replan(rows, self.pricing, on, balance, keep_amount))
        if amount == principal:
            return parts, 0
        more, rest = self._meet(on, amount - principal, Order())
        return parts + more, rest

    def keep(self, event_id: str, on: date, rows: Sequence[Row], kept: Sequence[Row]) -> None:
        """Replace ``rows`` by the replanned ``kept`` and give back what was paid beyond their new price."""
        numbers = {row.number for row in rows}
        self.rows = [row for row in self.rows if row.number not in numbers] + list(kept)
        self.rows.sort(key=lambda row: row.number)
        moves = [move for row in kept for move in self._overpaid(row)]
        self.spend(event_id, on, moves, kept)

    def _overpaid(self, row: Row) -> list[Part]:
        """Take back, from interest and fees, what was paid above the price; a waiver above it lapses."""
        moves = []
        for component in PRICES:
            price = int(getattr(row, component))
            lapsed = max(getattr(row.waived, component) - price, 0)
            row.waived.add(component, -lapsed)
            over = -row.unpaid(component)
            if over > 0:
                row.paid.add(component, -over)
                moves.append(Part(row.number, component, -over))
        return moves

    def spend(self, event_id: str, on: date, moves: list[Part], rows: Sequence[Row]) -> None:
        """Let what was taken back meet the debts of ``rows`` in their order, principal first."""
        credit = -sum(part.amount for part in moves)
        for component in (Component.PRINCIPAL, Component.INTEREST, Component.FEE, Component.PENALTY):
            for row in rows:
                used = min(credit, row.unpaid(component, row.penalty(on, self.penalty_rate)))
                if used > 0:
                    row.paid.add(component, used)
                    moves.append(Part(row.number, component, used))
                    credit -= used
        self.keep_price(moves, credit)
        if moves:
            self.credits[event_id] = self.credits.get(event_id, ()) + tuple(moves)

    def keep_price(self, moves: list[Part], left: int) -> None:
        """What no debt is left to take (a unit of rounding, after terms changed) stays a price paid."""
        by_number = {row.number: row for row in self.rows}
        for k, move in enumerate(moves):
            back = min(left, -move.amount)
            if back > 0:
                row = by_number[move.installment]
                row.paid.add(move.component, back)
                setattr(row, move.component, getattr(row, move.component) + back)
                moves[k] = Part(move.installment, move.component, move.amount + back)
                left -= back
        moves[:] = [move for move in moves if move.amount]

    def _freeze(self, event_id: str, on: date, rule: PriceUntil) -> None:
        """The price ends by the rule; what was collected beyond it meets principal first, latest first."""
        moves: list[Part] = []
        until = self.priced_until(on, rule)
        closing = rule is self.conventions.early_payoff
        for row in self.rows:
            row.freeze(on, self.penalty_rate, until, closing=closing)
            moves += self._overpaid(row)
        self.spend(event_id, on, moves, self.rows[::-1])
