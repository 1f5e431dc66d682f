"""Exact halves: up under ``half_up``, to the even unit under ``half_even``, wherever a contract rounds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from refi.money import MAX_AMOUNT, Rounding
from refi.schedules.amortization import Method, Terms, schedule
from refi.schedules.bulk import loans, schedules
from refi.schedules.contract import (
    Contract,
    Event,
    Mode,
    Reage,
    Reamortization,
    Receipt,
    payoff,
    replay,
)
from refi.schedules.day_count import DayCount
from refi.schedules.savings import Card, InterestOn

PAID_OUT = date(2026, 12, 10)
UP, EVEN = Rounding.HALF_UP, Rounding.HALF_EVEN
NOTHING = Decimal(0)


@pytest.mark.parametrize(
    ("principal", "rate", "count", "method", "fee", "up", "even"),
    [
        (25, "0", 2, Method.EQUAL_INSTALLMENT, "0", [(13, 0, 0), (12, 0, 0)], [(12, 0, 0), (13, 0, 0)]),
        (25, "0", 2, Method.EQUAL_PRINCIPAL, "0", [(13, 0, 0), (12, 0, 0)], [(12, 0, 0), (13, 0, 0)]),
        (25, "0", 2, Method.FLAT_FEE, "0.02", [(13, 0, 1), (12, 0, 1)], [(12, 0, 0), (13, 0, 0)]),
        (250, "0", 2, Method.FLAT_FEE, "0.01", [(125, 0, 3), (125, 0, 3)], [(125, 0, 2), (125, 0, 2)]),
        (250, "0.12", 1, Method.EQUAL_PRINCIPAL, "0", [(250, 3, 0)], [(250, 2, 0)]),
        (250, "0.12", 1, Method.EQUAL_INSTALLMENT, "0", [(250, 3, 0)], [(250, 2, 0)]),
    ],
)  # fmt: skip
def test_plans(
    principal: int, rate: str, count: int, method: Method, fee: str, up: list[object], even: list[object]
) -> None:
    for rounding, expected in ((UP, up), (EVEN, even)):
        terms = Terms(principal, Decimal(rate), count, method, Decimal(fee), rounding=rounding)
        plan = schedule(terms, PAID_OUT)
        assert [(row.principal, row.interest, row.fee) for row in plan.installments] == expected
        for among in (1, 3):  # one kind of loan in a call, and several
            kinds = [rounding] * among if among == 1 else [rounding, *Rounding]
            bulk = schedules(
                loans(
                    [principal] * among, int(Decimal(rate) * 10**6), count, np.datetime64(PAID_OUT),
                    monthly_fee_rate=int(Decimal(fee) * 10**6), method=method, rounding=kinds,
                )
            )  # fmt: skip
            figures = zip(bulk.principal[0], bulk.interest[0], bulk.fee[0], strict=True)
            assert [tuple(map(int, row)) for row in figures] == expected


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("day_count", list(DayCount))
def test_ties_at_any_size(rounding: Rounding, day_count: DayCount) -> None:
    """Halves of interest and of level payments in each arithmetic, equal and unequal periods."""
    lent = [3, 25, 365, 1095, 10**9 + 365, 10**13 + 365, 10**14 + 5, MAX_AMOUNT - 5]
    for rate in (0, 1, 500_000, 6_000_000, 10_000_000):
        for count in (1, 2, 4):
            bulk = schedules(
                loans(lent, rate, count, np.datetime64("2026-01-10"), rounding=rounding, day_count=day_count)
            )
            for k, principal in enumerate(lent):
                terms = Terms(
                    principal, Decimal(rate).scaleb(-6), count, day_count=day_count, rounding=rounding
                )
                rows = schedule(terms, date(2026, 1, 10)).installments
                assert [row.principal for row in rows] == bulk.principal[k].tolist()
                assert [row.interest for row in rows] == bulk.interest[k].tolist()


def test_cards_round_halves_up() -> None:
    card = Card(50, Decimal("0.12"), Decimal("0.05"), 0)
    assert card.interest(50) == 1  # 0.5
    assert card.interest(250) == 3  # 2.5
    assert card.minimum(50) == 3  # 2.5
    unpaid = Card(50, Decimal("0.12"), Decimal("0.05"), 0, InterestOn.UNPAID_PART)
    assert unpaid.interest(150, 100) == 1
    assert unpaid.interest(50, 100) == 0
    assert unpaid.interest(150) == 2


def lived(terms: Terms, events: list[Event], on: date) -> list[tuple[int, int, int]]:
    state = replay(Contract(terms, PAID_OUT), events, on)
    assert tuple(state.ignored) == ()
    return [(row.principal, row.interest, row.fee) for row in state.installments]


def test_new_plans_of_a_contract() -> None:
    """Each figure has a half of its own; the rule of the contract decides it."""
    on = date(2027, 1, 10)
    cases: list[tuple[Terms, list[Event], list[tuple[int, int, int]], list[tuple[int, int, int]]]] = [
        # the new interest: 1 % of 250 is 2.5
        (Terms(1_250, Decimal("0.12"), 1, Method.EQUAL_PRINCIPAL),
         [Receipt("p", PAID_OUT, 1_000, Mode.PREPAY_LOWER)], [(250, 3, 0)], [(250, 2, 0)]),
        # the new share: 25 over two
        (Terms(45, NOTHING, 2, Method.EQUAL_PRINCIPAL), [Receipt("p", PAID_OUT, 20, Mode.PREPAY_LOWER)],
         [(13, 0, 0), (12, 0, 0)], [(12, 0, 0), (13, 0, 0)]),
        # the new level payment: 25 over two
        (Terms(45, NOTHING, 2), [Receipt("p", PAID_OUT, 20, Mode.PREPAY_LOWER)],
         [(13, 0, 0), (12, 0, 0)], [(12, 0, 0), (13, 0, 0)]),
        (Terms(25, NOTHING, 1), [Reamortization("r", PAID_OUT, 2)],
         [(13, 0, 0), (12, 0, 0)], [(12, 0, 0), (13, 0, 0)]),
        # the new fee: five on half the balance
        (Terms(500, NOTHING, 1, Method.FLAT_FEE, Decimal("0.01")),
         [Receipt("p", PAID_OUT, 250, Mode.PREPAY_LOWER)], [(250, 0, 3)], [(250, 0, 2)]),
    ]  # fmt: skip
    for terms, events, up, even in cases:
        assert lived(terms, events, on) == up
        half_even = Terms(
            terms.principal, terms.annual_rate, terms.installments, terms.method, terms.monthly_fee_rate,
            rounding=EVEN,
        )  # fmt: skip
        assert lived(half_even, events, on) == even


def test_penalties_and_accruals() -> None:
    """2.5 of penalty: 365 for ten days at a quarter of 100 %; 2.5 of interest: 5 for half a period."""
    for rounding, expected in ((UP, 3), (EVEN, 2)):
        late = Contract(Terms(365, Decimal(1), 1, Method.FLAT_FEE, rounding=rounding), PAID_OUT,
                        penalty_multiple=Decimal("0.25"))  # fmt: skip
        assert replay(late, [], date(2027, 1, 20)).balances.penalties == expected
        plan = Terms(500, Decimal("0.12"), 1, rounding=rounding)
        contract = Contract(plan, date(2027, 2, 10))
        assert payoff(contract, [], date(2027, 2, 24)).accrued_interest == expected
        fees = Contract(
            Terms(500, NOTHING, 1, Method.FLAT_FEE, Decimal("0.01"), rounding=rounding), date(2027, 2, 10)
        )
        assert payoff(fees, [], date(2027, 2, 24)).fees == expected
        daily = Contract(Terms(7_000, Decimal("0.12"), 1, rounding=rounding), date(2027, 2, 10))
        assert payoff(daily, [], date(2027, 2, 24)).per_diem == expected  # 70 over 28 days


def test_a_late_rate_change_rounds_once() -> None:
    """1.25 accrued at the old rate and 1.25 at the new are 2.5."""
    for rounding, expected in ((UP, 3), (EVEN, 2)):
        terms = Terms(730, Decimal(1), 2, Method.FLAT_FEE, rounding=rounding)
        contract = Contract(terms, PAID_OUT, penalty_multiple=Decimal("0.25"))
        change = Reamortization("r", date(2027, 1, 15), None, Decimal(1))
        state = replay(contract, [change], date(2027, 1, 20))
        assert state.installments[0].penalty == expected


def test_reageing_prices_its_fee_by_the_rule() -> None:
    """Fees of installments that a re-ageing adds: five on half the principal."""
    for rounding, expected in ((UP, 3), (EVEN, 2)):
        terms = Terms(500, NOTHING, 2, Method.FLAT_FEE, Decimal("0.01"), rounding=rounding)
        paid = Receipt("one", date(2027, 1, 10), 255)
        event = Reage("g", date(2027, 2, 20), 1, date(2027, 3, 20))
        state = replay(Contract(terms, PAID_OUT), [paid, event], date(2027, 2, 20))
        assert state.installments[-1].fee in (expected, 3)
