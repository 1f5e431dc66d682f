"""The loan that most tests of a contract's life are about: 12,000.00 at 12 % over six months."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import (
    Contract,
    Event,
    InstallmentState,
    Receipt,
    State,
    Status,
    replay,
)

LOAN = Contract(Terms(1_200_000, Decimal("0.12"), 6), date(2026, 12, 10), date(2027, 1, 10))
FLAT = Contract(Terms(1_200_000, Decimal("0.12"), 12, Method.FLAT_FEE, Decimal("0.006")), date(2026, 12, 10))
LEVEL = 207_058
FIRST: list[Event] = [Receipt("one", date(2027, 1, 10), LEVEL)]
DAY = date(2027, 1, 20)


def after(event: Event, on: date = DAY) -> State:
    return replay(LOAN, [*FIRST, event], on)


def coming(state: State) -> list[InstallmentState]:
    assert tuple(state.ignored) == ()
    return [row for row in state.installments if row.status is Status.UPCOMING]
