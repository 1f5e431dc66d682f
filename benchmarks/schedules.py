"""Schedules side by side: ``python -m benchmarks.schedules [--loans N] [--rounds R]``.

Every yardstick runs in turns with ours (ours, theirs, ours, theirs …) on the same loans; what counts is the
median of the rounds' ratios, theirs / ours: above 1 we are faster. Processor time counts all threads and
suffers less from other programs on the machine. Packages that are not installed are skipped by name
(``uv pip install amortization loan-calculator`` for all of them).
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import numpy_financial as npf
import pyxirr

from refi import schedules
from refi.schedules import array_rates, bulk

TERM = 12
PAID_OUT = date(2026, 11, 22)


@dataclass(frozen=True)
class Book:
    """The same loans in the units each program likes: minor units, millionths, whole currency."""

    principal: np.ndarray
    annual_rate: np.ndarray
    disbursed_on: np.ndarray

    @classmethod
    def of(cls, count: int) -> Book:
        random = np.random.default_rng(7)
        return cls(
            random.integers(100_00, 50_000_00, count),
            random.integers(100, 4000, count) * 100,
            np.datetime64("2026-01-01") + random.integers(0, 365, count),
        )


def bare_numpy(book: Book) -> tuple[np.ndarray, np.ndarray]:
    """The recurrence alone, in int64: no dates, no checks, one term, one method, one rounding."""
    balance, rate = book.principal.copy(), book.annual_rate
    payment = np.rint(npf.pmt(rate / 12e6, TERM, -balance.astype(np.float64))).astype(np.int64)
    principal = np.empty((TERM, len(balance)), np.int64)
    interest = np.empty_like(principal)
    for k in range(TERM):
        interest[k] = (2 * balance * rate + 12_000_000) // 24_000_000
        principal[k] = payment - interest[k] if k + 1 < TERM else balance
        balance = balance - principal[k]
    return principal, interest


def bare_numpy_guarded(book: Book) -> tuple[np.ndarray, np.ndarray]:
    """The same with half-even ties by divmod and the principal kept within the balance."""
    balance, rate = book.principal.copy(), book.annual_rate
    payment = np.rint(npf.pmt(rate / 12e6, TERM, -balance.astype(np.float64))).astype(np.int64)
    principal = np.empty((TERM, len(balance)), np.int64)
    interest = np.empty_like(principal)
    for k in range(TERM):
        whole, rest = np.divmod(balance * rate, 12_000_000)
        whole += (2 * rest > 12_000_000) | ((2 * rest == 12_000_000) & (whole & 1 == 1))
        part = np.minimum(balance, payment - whole) if k + 1 < TERM else balance
        interest[k], principal[k] = whole, part
        balance = balance - part
    return principal, interest


def ours(book: Book) -> bulk.Plans:
    """Checked terms, due dates, every figure exact."""
    return bulk.schedules(bulk.loans(book.principal, book.annual_rate, TERM, book.disbursed_on))


def npf_loop(book: Book) -> None:
    for principal, rate in zip(book.principal.tolist(), book.annual_rate.tolist(), strict=True):
        monthly = rate / 12e6
        numbers = np.arange(1, TERM + 1)
        npf.ppmt(monthly, numbers, TERM, -principal / 100)
        npf.ipmt(monthly, numbers, TERM, -principal / 100)


def amortization_loop(book: Book) -> None:
    from amortization.schedule import amortization_schedule

    for principal, rate in zip(book.principal.tolist(), book.annual_rate.tolist(), strict=True):
        list(amortization_schedule(principal / 100, rate / 1e6, TERM))


def loan_calculator_loop(book: Book) -> None:
    from loan_calculator.loan import Loan

    due = list(schedules.due_dates(schedules.first_due_on(PAID_OUT), TERM))
    for principal, rate in zip(book.principal.tolist(), book.annual_rate.tolist(), strict=True):
        loan = Loan(principal / 100, rate / 1e6, PAID_OUT, due)
        _ = (loan.amortizations, loan.interest_payments)


def pyxirr_loop(plans: bulk.Plans) -> list[float]:
    flows = np.concatenate((-plans.loans.principal[:, None], plans.amount), axis=1).astype(np.float64)
    return [pyxirr.irr(row) for row in flows]


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the wall and of the processor, all threads together."""
    wall, processor = time.perf_counter(), time.process_time()
    made = run()
    taken = time.perf_counter() - wall, time.process_time() - processor
    del made
    return taken


def seconds(run: Callable[[], object]) -> float:
    return timed(run)[0]


def interleaved(
    name: str,
    our: Callable[[], object],
    our_count: int,
    their: Callable[[], object],
    their_count: int,
    rounds: int,
) -> None:
    """Print the median speed of both, per loan, and the median ratios: on the wall and of processor time."""
    pairs = [(timed(our), timed(their)) for _ in range(rounds)]
    scale = our_count / their_count
    wall, processor = (statistics.median(their[k] / our[k] for our, their in pairs) * scale for k in (0, 1))
    mine, other = (statistics.median(side[0] for side in column) for column in zip(*pairs, strict=True))
    print(
        f"{name:52s} ours {our_count / mine:11,.0f}/s  theirs {their_count / other:11,.0f}/s  "
        f"ratio {wall:8.2f}  by processor time {processor:8.2f}"
    )


def positions(count: int) -> tuple[Callable[[], object], Callable[[], object], int]:
    """Loans with six receipts each, some late, some early: in bulk, and a few hundred replayed one by one."""
    book, random, few = Book.of(count), np.random.default_rng(8), min(count, 500)
    plans = ours(book)
    loan, number = np.repeat(np.arange(count), 6), np.tile(np.arange(6), count)
    on = plans.due_date[loan, number] + random.integers(-3, 12, len(loan))
    paid, day = schedules.receipts(loan, on, plans.amount[loan, number]), np.datetime64("2026-12-31")
    contracts = [
        (
            schedules.Contract(
                schedules.Terms(int(book.principal[k]), Decimal(int(book.annual_rate[k])).scaleb(-6), TERM),
                book.disbursed_on[k].item(),
            ),
            [schedules.Receipt(str(j), on[j].item(), int(paid.amount[j])) for j in range(6 * k, 6 * k + 6)],
        )
        for k in range(few)
    ]
    return (
        lambda: schedules.bulk_positions(plans, day, paid),
        lambda: [schedules.replay(contract, events, day.item()) for contract, events in contracts],
        few,
    )


def one_schedule(rounds: int) -> None:
    terms = schedules.Terms(1_200_000, Decimal("0.12"), TERM)
    times = [
        seconds(lambda: [schedules.schedule(terms, PAID_OUT) for _ in range(1000)]) / 1000
        for _ in range(rounds)
    ]
    print(f"{'one schedule of 12 (N = 1)':52s} {statistics.median(times) * 1e6:8.1f} µs")
    times = [
        seconds(lambda: [schedules.schedule(terms, PAID_OUT).apr for _ in range(100)]) / 100
        for _ in range(rounds)
    ]
    print(f"{'one schedule of 12 with its annual rates':52s} {statistics.median(times) * 1e6:8.1f} µs")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--loans", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    book, small = Book.of(asked.loans), Book.of(min(asked.loans, 2_000))
    plans = ours(book)
    assert (bare_numpy(book)[0] == plans.principal.T).all()
    print(f"{asked.loans:,} loans of {TERM} installments, medians of {asked.rounds} rounds in turns")
    few, count = len(small.principal), asked.loans
    interleaved(
        "bare numpy int64 recurrence (no dates)",
        lambda: ours(book), count, lambda: bare_numpy(book), count, asked.rounds,
    )  # fmt: skip
    interleaved(
        "the same with half-even and guards",
        lambda: ours(book), count, lambda: bare_numpy_guarded(book), count, asked.rounds,
    )  # fmt: skip
    loops = {
        "numpy_financial ppmt and ipmt, loan by loan": ("numpy_financial", npf_loop),
        "amortization (PyPI), loan by loan": ("amortization", amortization_loop),
        "loan-calculator (PyPI), loan by loan": ("loan_calculator", loan_calculator_loop),
    }
    for name, (package, loop) in loops.items():
        if importlib.util.find_spec(package) is None:
            print(f"{name:52s} skipped: {package} is not installed")
            continue
        interleaved(name, lambda: ours(book), count, lambda loop=loop: loop(small), few, asked.rounds)
    some = bulk.schedules(
        bulk.loans(book.principal[:100_000], book.annual_rate[:100_000], TERM, book.disbursed_on[:100_000])
    )
    interleaved(
        "annual rates: pyxirr.irr, loan by loan",
        lambda: array_rates.of_plans(plans), count, lambda: pyxirr_loop(some), len(some), asked.rounds,
    )  # fmt: skip
    bulk_positions, replays, replayed = positions(asked.loans)
    interleaved(
        "six receipts a loan: replay, loan by loan",
        bulk_positions, count, replays, replayed, asked.rounds,
    )  # fmt: skip
    one_schedule(asked.rounds)


if __name__ == "__main__":
    main()
