"""The provider's cash book against ours, and what to make of an order whose answer never came.

`compare` matches line by line on what caused the move of money: (kind, our key or, for money that arrived
unasked, the provider's id). Differences are values, all of them are returned, and none is ever corrected
by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from refi.payments.processor import ANSWER_WITHIN, CashEntry, EntryKind, Outcome, Status

ASK_AFTER = timedelta(seconds=3)
"""How soon an order whose answer was lost is asked about."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait before an order is looked after again.

    ``answer_within``: how long an order may still be on its way, so that "never seen" is not final before.
    ``sweep_after``: a call or a job this old was left by a crash. ``news_within``: an accepted order whose
    end was not told for so long is asked about.
    """

    answer_within: timedelta = ANSWER_WITHIN
    sweep_after: timedelta = timedelta(seconds=10)
    news_within: timedelta = timedelta(minutes=1)


PRODUCTION = Waits()


@dataclass(frozen=True, slots=True)
class Booked:
    """One move of money through the provider as our ledger has it.

    ``cause`` is the row's id (payout, payment, refund), or the provider's id for money that arrived unasked.
    """

    kind: EntryKind
    cause: str
    amount: int
    currency: str
    effective_on: date


class DifferenceKind(StrEnum):
    """How the two books can disagree about one move of money."""

    NOT_BOOKED = "not_booked"
    NOT_AT_PROVIDER = "not_at_provider"
    BOOKED_TWICE = "booked_twice"
    TWICE_AT_PROVIDER = "twice_at_provider"
    AMOUNT_DIFFERS = "amount_differs"
    CURRENCY_DIFFERS = "currency_differs"
    DATE_DIFFERS = "date_differs"
    NUMBER_MISSING = "number_missing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement: what the provider's book says (``theirs``) and what ours says (``ours``)."""

    kind: DifferenceKind
    cause: str
    theirs: str | None
    ours: str | None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What `compare` found. ``theirs`` and ``ours`` are net cash by currency, in minor units."""

    matched: int
    differences: tuple[Difference, ...]
    theirs: dict[str, int]
    ours: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether the two books agree on every line."""
        return not self.differences


def cause_of(entry: CashEntry) -> str:
    """What our ledger calls this line: our row's id, or the provider's id where we ordered nothing."""
    return entry.key or entry.provider_id


def compare(entries: Iterable[CashEntry], booked: Iterable[Booked], *, first: int = 1) -> Reconciliation:
    """Match the provider's lines (numbered from ``first``) with ours; O(n log n).

    Both sides must cover the same stretch: the whole book, or the causes of one stretch of it.
    """
    lines, ours = sorted(entries, key=lambda entry: entry.number), list(booked)
    by_cause: dict[tuple[EntryKind, str], list[CashEntry]] = {}
    for line in lines:
        by_cause.setdefault((line.kind, cause_of(line)), []).append(line)
    seen: Counter[tuple[EntryKind, str]] = Counter()
    found = _missing_numbers(lines, first)
    for row in ours:
        at = (row.kind, row.cause)
        seen[at] += 1
        if at not in by_cause:
            found.append(Difference(DifferenceKind.NOT_AT_PROVIDER, row.cause, None, _row_text(row)))
        elif seen[at] == 1:
            found.extend(_field_differences(by_cause[at][0], row))
        else:
            found.append(Difference(DifferenceKind.BOOKED_TWICE, row.cause, None, _row_text(row)))
    for at, group in by_cause.items():
        if at not in seen:
            found.append(Difference(DifferenceKind.NOT_BOOKED, at[1], _line_text(group[0]), None))
        found.extend(
            Difference(DifferenceKind.TWICE_AT_PROVIDER, at[1], _line_text(line), None) for line in group[1:]
        )
    wrong = {difference.cause for difference in found}
    matched = sum(1 for at in by_cause if at in seen and at[1] not in wrong)
    return Reconciliation(
        matched,
        tuple(found),
        _net((line.currency, line.signed) for line in lines),
        _net((row.currency, row.kind.sign * row.amount) for row in ours),
    )


class Verdict(StrEnum):
    """What to do with an order whose answer never came."""

    WAIT = "wait"
    NEVER_HAPPENED = "never_happened"
    UNDER_WAY = "under_way"
    HAPPENED = "happened"
    FAILED = "failed"
    RETURNED = "returned"
    NOT_OURS = "not_ours"


_VERDICTS = {
    Status.ACCEPTED: Verdict.UNDER_WAY,
    Status.DELIVERED: Verdict.HAPPENED,
    Status.POSTED: Verdict.HAPPENED,
    Status.REFUNDED: Verdict.HAPPENED,
    Status.FAILED: Verdict.FAILED,
    Status.REFUSED: Verdict.FAILED,
    Status.RETURNED: Verdict.RETURNED,
}


def verdict(
    outcome: Outcome | None,
    *,
    amount: int,
    currency: str,
    waited: timedelta,
    answer_within: timedelta = ANSWER_WITHIN,
) -> Verdict:
    """Judge the answer to `find` for an order of ``amount``, asked ``waited`` after its call began.

    No trace of the key is final only after ``answer_within``: before that the call may still be on its way.
    ``NOT_OURS`` (the key stands for another amount) needs a person; nothing may be booked.
    """
    if outcome is None:
        return Verdict.NEVER_HAPPENED if waited >= answer_within else Verdict.WAIT
    if (outcome.amount, outcome.currency) != (amount, currency):
        return Verdict.NOT_OURS
    return _VERDICTS[outcome.status]


def _missing_numbers(lines: list[CashEntry], first: int) -> list[Difference]:
    """The book is numbered without gaps, so a hole is a page we never got."""
    found, expected = [], first
    for line in lines:
        if line.number > expected:
            span = f"{expected}–{line.number - 1}"
            found.append(Difference(DifferenceKind.NUMBER_MISSING, span, None, None))
        expected = max(expected, line.number + 1)
    return found


def _field_differences(line: CashEntry, row: Booked) -> list[Difference]:
    pairs = (
        (DifferenceKind.AMOUNT_DIFFERS, str(line.amount), str(row.amount)),
        (DifferenceKind.CURRENCY_DIFFERS, line.currency, row.currency),
        (DifferenceKind.DATE_DIFFERS, line.effective_on.isoformat(), row.effective_on.isoformat()),
    )
    return [Difference(kind, row.cause, theirs, ours) for kind, theirs, ours in pairs if theirs != ours]


def _net(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for currency, amount in amounts:
        totals[currency] += amount
    return dict(sorted(totals.items()))


def _line_text(line: CashEntry) -> str:
    return f"#{line.number} {line.kind} {line.amount} {line.currency} {line.effective_on}"


def _row_text(row: Booked) -> str:
    return f"{row.kind} {row.amount} {row.currency} {row.effective_on}"
