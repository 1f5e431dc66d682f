"""A loan recomputed from its history, and every difference from what is stored. Pure.

History is what was signed, the movements that the provider's money made, and the acts of people; all else
that is stored (splits, schedule and what is missing of it, status, ``unmet_on``, the balance on the
principal account) is a copy that must equal what `refi.schedules.contract` makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from refi.ledger.accounts import Account as LedgerAccount
from refi.ledger.entries import RULES, UNDONE_BY_REBOOKING, Component, Kind, Split
from refi.loans.account import Account, in_order, owed
from refi.loans.acts import Happened, event_of
from refi.loans.booking import Booking, Left, Line, Planned, bookings, left_of, schedule_of
from refi.loans.states import LoanStatus
from refi.schedules.allocation import Part
from refi.schedules.contract import Contract, Event, Mode, Receipt, Reversal, State

RECEIVED = (Kind.REPAYMENT, Kind.RECOVERY)
OWING = (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF)


class Moved(NamedTuple):
    """A movement as a value."""

    id: str
    kind: Kind
    source: str
    split: Split
    effective_on: date
    mode: str | None
    reverses: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """All that is stored of a loan."""

    id: str
    status: LoanStatus
    contract: Contract
    unmet_on: date | None
    closed_on: date | None
    installments: tuple[Planned, ...]
    left: tuple[Left, ...]
    movements: tuple[Moved, ...]
    acts: tuple[Happened, ...]


def account_of(contract: Contract, movements: Sequence[Moved], acts: Sequence[Happened]) -> Account:
    """The account that contract, movements and acts make."""
    done = [event for act in acts if (event := event_of(act)) is not None]
    return Account(contract, in_order([*received(movements), *done]))


def received(movements: Sequence[Moved]) -> list[Event]:
    """The receipts that were booked, and, for those that no movement carries any more, their reversals.

    A loan whose payoff came back and was sent again begins anew: what its first life had received was taken
    back with it, and is older than the contract as it is dated now.
    """
    begun = max((k for k, row in enumerate(movements) if row.kind is Kind.DISBURSEMENT), default=0)
    movements = movements[begun:]
    taken_back = {row.reverses: row for row in movements if row.reverses}
    latest: dict[str, Moved] = {}
    for row in movements:
        if row.kind in RECEIVED and (row.source not in latest or latest[row.source].id in taken_back):
            latest[row.source] = row
    found: list[Event] = []
    for source, row in latest.items():
        found.append(Receipt(source, row.effective_on, row.split.total, Mode(str(row.mode))))
        if (undo := taken_back.get(row.id)) is not None:
            found.append(Reversal(f"{source}:undone", undo.effective_on, source))
    return found


def differences(stored: Stored, on: date) -> list[str]:
    """Every way in which what is stored differs from the loan recomputed as of ``on``; none is right."""
    account = account_of(stored.contract, stored.movements, stored.acts)
    state = account.state(max(on, account.last_day))
    lent = stored.status in (*OWING, LoanStatus.PAID_OFF)
    expected = bookings(account, state) if lent else {}
    live = live_bookings(stored.movements)
    if not lent:  # money that the loan never took waits in suspense and has nothing to be released of
        live = {key: lines for key, lines in live.items() if any(_taken(line) for line in lines)}
        missing = ["something is stored as missing"] if any(row.unpaid for row in stored.left) else []
        return [*_misbooked(expected, live), *missing, *_principal(stored, 0)]
    found = _misbooked(expected, live)
    found += _wrong_status(stored, state)
    unmet_on = state.unmet_on if stored.status in OWING else None
    if stored.unmet_on != unmet_on:
        found.append(f"unmet since {stored.unmet_on}, the contract says {unmet_on}")
    planned = schedule_of(state)
    if stored.installments != planned:
        wrong = sorted({row.number for row in {*stored.installments} ^ {*planned}})
        found.append(f"installments {', '.join(map(str, wrong))} are stored otherwise than planned")
    elif stored.left != left_of(state):
        found.append("what is missing of the installments is stored otherwise than the contract says")
    if sum(row.principal for row in planned) + state.prepaid_principal != stored.contract.terms.principal:
        found.append("installments and principal repaid ahead do not make the amount lent")
    left = owed(stored.contract.terms.principal, state).principal
    return [*found, *_principal(stored, left if stored.status is LoanStatus.ACTIVE else 0)]


def _wrong_status(stored: Stored, state: State) -> list[str]:
    status = status_of(state)
    if stored.status is not status:
        return [f"{stored.status.value}, the contract says {status.value}"]
    closed_on = state.settled_on if status is LoanStatus.PAID_OFF else None
    if stored.closed_on != closed_on:
        return [f"closed on {stored.closed_on}, the contract says {closed_on}"]
    return []


def status_of(state: State) -> LoanStatus:
    """What a paid-out contract's state makes of its loan: recoveries never leave ``charged_off``."""
    if state.charged_off_on is not None:
        return LoanStatus.CHARGED_OFF
    return LoanStatus.PAID_OFF if state.settled else LoanStatus.ACTIVE


def _misbooked(expected: dict[str, Booking], live: dict[str, Booking]) -> list[str]:
    found = []
    for source in sorted({*expected, *live}):
        due, booked = expected.get(source, ()), live.get(source, ())
        if [(line.kind, line.split) for line in due] != [(line.kind, line.split) for line in booked]:
            found.append(f"{source} is split otherwise than the contract says")
        elif due != booked:
            found.append(f"{source} is allocated otherwise than the contract says")
    return found


def live_bookings(movements: Sequence[Moved]) -> dict[str, Booking]:
    """What is booked for each event and not taken back, in the order in which `bookings` gives it."""
    undone = {row.reverses for row in movements if row.reverses}
    found: dict[str, list[Line]] = {}
    for row in movements:
        if row.kind in UNDONE_BY_REBOOKING and row.id not in undone:
            found.setdefault(row.source, []).append(Line(row.kind, row.split, row.parts))
    return {source: tuple(lines) for source, lines in found.items()}


def _taken(line: Line) -> bool:
    return line.split.total != line.split.suspense


def _principal(stored: Stored, owed_now: int) -> list[str]:
    """The loan's balance on the principal account, from its movements and the posting rules."""
    booked = 0
    for row in stored.movements:
        for part in Component:
            if amount := row.split.of(part):
                debit, credit = RULES[row.kind, part]
                booked += amount * (debit is LedgerAccount.LOANS_PRINCIPAL)
                booked -= amount * (credit is LedgerAccount.LOANS_PRINCIPAL)
    return [] if booked == owed_now else [f"the ledger's principal is {booked}, the contract's {owed_now}"]
