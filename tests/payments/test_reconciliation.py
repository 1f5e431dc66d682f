"""Two books: equal books agree, and every way to differ is found and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.payments.processor import ANSWER_WITHIN, CashEntry, EntryKind, Operation, Outcome, Status
from refi.payments.reconciliation import Booked, DifferenceKind, Verdict, cause_of, compare, verdict

ON = date(2026, 11, 22)


def line(number: int, kind: EntryKind, amount: int, currency: str, day: int) -> CashEntry:
    transfer = kind is EntryKind.TRANSFER
    return CashEntry(
        number,
        kind,
        f"x_{number}",
        amount,
        currency,
        ON + timedelta(day),
        None if transfer else f"row_{number}",
    )


def booked(entry: CashEntry) -> Booked:
    return Booked(entry.kind, cause_of(entry), entry.amount, entry.currency, entry.effective_on)


AMOUNTS, DAYS = st.integers(1, 10**12), st.integers(0, 400)
ROWS = st.tuples(st.sampled_from(EntryKind), AMOUNTS, st.sampled_from(["CNY", "USD"]), DAYS)
LINES = st.lists(ROWS, max_size=30).map(
    lambda rows: [line(number, *row) for number, row in enumerate(rows, start=1)]
)
SOME = LINES.filter(bool)


@given(LINES, st.randoms(use_true_random=False))
def test_equal_books_agree_in_any_order(lines: list[CashEntry], chance: Random) -> None:
    ours = [booked(entry) for entry in lines]
    chance.shuffle(ours)
    found = compare(reversed(lines), ours)
    assert found.clean
    assert found.matched == len(lines)
    assert found.theirs == found.ours
    assert sum(found.theirs.values()) == sum(entry.signed for entry in lines)


@given(SOME, st.data())
def test_one_difference_is_one_difference(lines: list[CashEntry], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    hit, ours = lines[at], [booked(entry) for entry in lines]
    mine = ours[at]
    without = ours[:at] + ours[at + 1 :]
    other = "USD" if mine.currency == "CNY" else "CNY"
    cases = [
        (DifferenceKind.NOT_BOOKED, without),
        (DifferenceKind.NOT_AT_PROVIDER, [*ours, replace(mine, cause="row_nobody")]),
        (DifferenceKind.BOOKED_TWICE, [*ours, mine]),
        (DifferenceKind.AMOUNT_DIFFERS, [*without, replace(mine, amount=mine.amount + 1)]),
        (DifferenceKind.CURRENCY_DIFFERS, [*without, replace(mine, currency=other)]),
        (DifferenceKind.DATE_DIFFERS, [*without, replace(mine, effective_on=date(2000, 1, 1))]),
    ]
    for kind, rows in cases:
        found = compare(lines, rows)
        assert [difference.kind for difference in found.differences] == [kind]
        assert found.differences[0].cause in (mine.cause, "row_nobody")
        assert not found.clean
        assert found.matched == len(lines) - (kind is not DifferenceKind.NOT_AT_PROVIDER)
    twice = compare([*lines, replace(hit, number=len(lines) + 1)], ours)
    assert [difference.kind for difference in twice.differences] == [DifferenceKind.TWICE_AT_PROVIDER]


def test_all_differences_are_told_not_the_first() -> None:
    entry = line(1, EntryKind.DEBIT, 500, "CNY", 0)
    row = Booked(EntryKind.DEBIT, "row_1", 400, "USD", date(2026, 1, 1))
    found = compare([entry], [row])
    assert {difference.kind for difference in found.differences} == {
        DifferenceKind.AMOUNT_DIFFERS, DifferenceKind.CURRENCY_DIFFERS, DifferenceKind.DATE_DIFFERS,
    }  # fmt: skip
    assert {(difference.theirs, difference.ours) for difference in found.differences} == {
        ("500", "400"), ("CNY", "USD"), ("2026-11-22", "2026-01-01"),
    }  # fmt: skip
    assert (found.theirs, found.ours, found.matched) == ({"CNY": 500}, {"USD": 400}, 0)


def test_a_payout_and_its_return_share_a_key_and_stay_apart() -> None:
    out = CashEntry(1, EntryKind.PAYOUT, "po_1", 500, "CNY", ON, "pout_1")
    back = CashEntry(2, EntryKind.PAYOUT_RETURN, "po_1", 500, "CNY", ON, "pout_1")
    both = compare([out, back], [booked(out), booked(back)])
    assert both.clean
    assert both.theirs == {"CNY": 0}
    [difference] = compare([out, back], [booked(out)]).differences
    assert difference.kind is DifferenceKind.NOT_BOOKED
    assert difference.theirs == "#2 payout_return 500 CNY 2026-11-22"


@pytest.mark.parametrize(
    ("numbers", "first", "holes"),
    [([1, 2, 3], 1, []), ([1, 3], 1, ["2–2"]), ([4, 9], 1, ["1–3", "5–8"]), ([4, 5], 4, []), ([], 1, [])],
)
def test_a_hole_in_the_numbers_is_a_page_we_never_got(
    numbers: list[int], first: int, holes: list[str]
) -> None:
    lines = [line(number, EntryKind.DEBIT, 1, "CNY", 0) for number in numbers]
    found = compare(lines, [booked(entry) for entry in lines], first=first)
    assert [difference.cause for difference in found.differences] == holes
    assert found.matched == len(numbers)


def outcome(status: Status, amount: int = 500, currency: str = "CNY") -> Outcome:
    return Outcome("pout_1", Operation.PAYOUT, "po_1", status, amount, currency)


LONG = timedelta(days=1)


@pytest.mark.parametrize(
    ("answer", "waited", "judged"),
    [
        (None, timedelta(0), Verdict.WAIT),
        (None, ANSWER_WITHIN - timedelta(microseconds=1), Verdict.WAIT),
        (None, ANSWER_WITHIN, Verdict.NEVER_HAPPENED),
        (outcome(Status.ACCEPTED), LONG, Verdict.UNDER_WAY),
        (outcome(Status.DELIVERED), timedelta(0), Verdict.HAPPENED),
        (outcome(Status.POSTED), LONG, Verdict.HAPPENED),
        (outcome(Status.REFUNDED), LONG, Verdict.HAPPENED),
        (outcome(Status.FAILED), LONG, Verdict.FAILED),
        (outcome(Status.REFUSED), LONG, Verdict.FAILED),
        (outcome(Status.RETURNED), LONG, Verdict.RETURNED),
        (outcome(Status.DELIVERED, amount=501), LONG, Verdict.NOT_OURS),
        (outcome(Status.DELIVERED, currency="USD"), LONG, Verdict.NOT_OURS),
    ],
)
def test_what_to_make_of_an_order_that_got_no_answer(
    answer: Outcome | None, waited: timedelta, judged: Verdict
) -> None:
    assert verdict(answer, amount=500, currency="CNY", waited=waited) is judged


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_verdict(status: Status) -> None:
    assert verdict(outcome(status), amount=500, currency="CNY", waited=LONG) in Verdict
