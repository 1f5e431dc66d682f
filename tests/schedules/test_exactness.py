"""Interest against plain rationals on a great many random loans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from refi.money import Rounding, round_exact
from refi.schedules.amortization import Method, Terms, schedule
from tests.proofs import Proof

START = date(2026, 11, 22)


def rational(terms: Terms) -> list[tuple[int, int]]:
    """The textbook recurrence in fractions; the level payment by its closed form P · i / (1 − (1 + i)^−n)."""
    rate, count = Fraction(terms.annual_rate) / 12, terms.installments
    level = Fraction(terms.principal, count)
    if rate:
        level = terms.principal * rate / (1 - 1 / (1 + rate) ** count)
    payment = round_exact(level, terms.rounding)
    rows, balance = [], terms.principal
    for k in range(count):
        interest = round_exact(balance * rate, terms.rounding)
        part = balance if k + 1 == count else max(0, min(payment - interest, balance))
        rows.append((part, interest))
        balance -= part
    return rows


def test_interest_equals_an_exact_rational_reference(proof: Proof) -> None:
    random, count = proof.random(), proof.size(small=1_500, full=1_000_000, of="loans")
    for _ in range(count):
        terms = Terms(
            random.randrange(1, 10 ** random.randrange(2, 13)),
            Decimal(random.randrange(0, 360_001)).scaleb(-6),
            random.choice((1, 3, 6, 12)),
            Method.EQUAL_INSTALLMENT,
            rounding=random.choice((Rounding.HALF_UP, Rounding.HALF_EVEN)),
        )
        rows = schedule(terms, START).installments
        assert [(row.principal, row.interest) for row in rows] == rational(terms)
