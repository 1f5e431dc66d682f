"""Interest on the actual balance beyond the published cases: to the minor unit, at every edge."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from refi.money import Rounding
from refi.schedules.allocation import Component
from refi.schedules.amortization import Terms
from refi.schedules.contract import (
    Chargeback,
    ChargeOff,
    Contract,
    Event,
    Reamortization,
    Receipt,
    State,
    Waiver,
    payoff,
    replay,
)
from refi.schedules.conventions import named

PAYOUT = date(2024, 1, 1)
FEBRUARY, MARCH = date(2024, 2, 1), date(2024, 3, 1)
NONE = Decimal(0)
PLAN = [(1_643, 58), (1_652, 49), (1_662, 39), (1_672, 29), (1_681, 20), (1_690, 10)]


def loan(
    principal: int = 10_000, annual_rate: str = "0.07", installments: int = 6, *,
    rounding: Rounding = Rounding.HALF_UP, multiple: Decimal = NONE, **names: str,
) -> Contract:  # fmt: skip
    terms = Terms(principal, Decimal(annual_rate), installments, rounding=rounding)
    conventions = named({"interest": "actual_balance", **names})
    return Contract(terms, PAYOUT, penalty_multiple=multiple, conventions=conventions)


def rows(state: State) -> list[tuple[int, int]]:
    return [(row.principal, row.interest) for row in state.installments]


def settled(contract: Contract, events: Sequence[Event], on: date) -> list[tuple[int, int]]:
    """The installments after all that the payoff asks for is paid, and not a unit more."""
    quote = payoff(contract, events, on)
    state = replay(contract, [*events, Receipt("the rest", on, quote.total)], on)
    assert (state.settled_on, state.excess["the rest"], state.balances.total) == (on, 0, 0)
    return rows(state)


def new_rate(on: date, annual_rate: str) -> Reamortization:
    return Reamortization("rate", on, annual_rate=Decimal(annual_rate))


@pytest.mark.parametrize(("rounding", "interest"), [(Rounding.HALF_UP, 101), (Rounding.HALF_EVEN, 100)])
def test_a_half_is_rounded_as_the_contract_says(rounding: Rounding, interest: int) -> None:
    """A month of 10,050 at 12 % is 100.50; of 5,050 or 5,051, 50.5."""
    contract = loan(10_050, "0.12", 2, rounding=rounding)
    assert rows(replay(contract, [], FEBRUARY)) == [(5_000, interest), (5_050, 51 if interest == 101 else 50)]


def test_the_balance_of_days_that_passed_is_exact() -> None:
    """A month on 5,050 is 50.50, and on 200 more 52.50: to the even unit, and one more is above."""
    contract = loan(10_050, "0.12", 2, rounding=Rounding.HALF_EVEN, chargeback="new_principal")
    events: list[Event] = [Receipt("a", FEBRUARY, 5_100)]
    assert rows(replay(contract, events, MARCH)) == [(5_000, 100), (5_050, 50)]
    events.append(Chargeback("back", FEBRUARY, "a", 200))
    assert rows(replay(contract, events, MARCH)) == [(5_000, 100), (5_250, 52)]


def test_interest_that_just_finds_room_comes_with_its_installment() -> None:
    """1,674 on 15 January: 26 of interest and 1,648; 53 by February fill the 1,701."""
    day = date(2024, 1, 15)
    assert rows(replay(loan(), [Receipt("fits", day, 1_674)], day))[:2] == [(1_648, 53), (1_652, 49)]
    assert rows(replay(loan(), [Receipt("full", day, 1_675)], day))[:2] == [(1_675, 26), (1_625, 76)]


def test_interest_given_up_is_met() -> None:
    """20 of 28 waived on 16 January: 8 and 1,673 of principal fill the 1,701; 46 more come in February."""
    day = date(2024, 1, 16)
    waived = Waiver("waived", day, 20, Component.INTEREST)
    assert rows(replay(loan(), [waived], day)) == PLAN
    state = replay(loan(), [waived, Receipt("paid", day, 1_685)], day)
    assert rows(state)[:2] == [(1_673, 28), (1_627, 74)]
    assert (state.balances.principal, state.balances.interest) == (8_323, 0)
    assert state.excess == {"paid": 0}


def test_two_receipts_of_a_day_lower_the_same_balance() -> None:
    """4,000,000 on 16 January: 28,226 of interest; 6,028,226 bear 17,015 more by the 31st, 88,479 in all."""
    day = date(2024, 1, 16)
    events = [Receipt("a", day, 2_500_000), Receipt("b", day, 1_500_000)]
    state = replay(loan(10_000_000), events, date(2024, 1, 31))
    assert rows(state) == [
        (1_672_633, 28_226), (1_700_859, 0), (1_612_380, 88_479), (1_671_610, 29_249), (1_681_361, 19_498),
        (1_661_157, 9_690),
    ]  # fmt: skip
    assert (state.balances.principal, state.balances.interest) == (6_028_226, 17_015)


LATE: list[Event] = [
    Receipt("a", date(2024, 1, 10), 600_000),
    Chargeback("back", date(2024, 2, 15), "a", 300_000),
    Waiver("waived", date(2024, 2, 20), 500_000, Component.PRINCIPAL, 2),
]


@pytest.mark.parametrize(("choice", "second"), [("stands_still", 48_637), ("accrues", 54_832)])
def test_each_day_bears_interest_on_what_it_owed(choice: str, second: int) -> None:
    """January: 9 days on 10,000,000 and 22 on 9,416,935 at 7 %: 55,920, and 1,644,939 of principal, unpaid.

    February, standing still: 14 days on 8,355,061, 5 on 300,000 more, 10 on 500,000 less: 48,637; accruing,
    on 9,416,935, 9,716,935 and 9,216,935: 54,832. From March on, as if what is overdue were paid that day.
    """
    contract = loan(10_000_000, past_due_interest=choice, chargeback="new_principal")
    state = replay(contract, LATE, MARCH)
    assert rows(state)[:2] == [(1_644_939, 55_920), (2_000_859 - second, second)]
    assert sum(principal for principal, _ in rows(state)) == 10_300_000
    assert state.balances.principal == 9_216_935
    assert state.balances.interest == 55_920 + second - 16_935
    on_the_day = replay(contract, LATE, date(2024, 2, 20))
    assert rows(on_the_day)[0] == (1_644_939, 55_920)
    assert on_the_day.balances.principal == 9_216_935


def test_money_taken_back_is_lent_again() -> None:
    """500 from 15 February: 14 days on 8,357 and 15 on 8,857 are 50, of an installment of 2,201."""
    contract = loan(chargeback="new_principal")
    events: list[Event] = [
        Receipt("a", FEBRUARY, 1_701),
        Chargeback("b", date(2024, 2, 15), "a", 300),
        Chargeback("c", date(2024, 2, 15), "a", 200),
    ]
    state = replay(contract, events, date(2024, 2, 15))
    assert rows(state) == [(1_643, 58), (2_151, 50), (1_662, 39), (1_672, 29), (1_681, 20), (1_691, 10)]
    assert (state.balances.principal, state.balances.interest) == (8_857, 24)
    late = replay(contract, events, date(2024, 3, 20))
    assert rows(late)[2:] == [(1_654, 47), (1_672, 29), (1_681, 20), (1_699, 10)]
    assert (late.balances.principal, late.balances.interest, late.balances.past_due) == (8_857, 82, 2_201)


def test_money_taken_back_after_the_end_is_an_installment_of_its_own() -> None:
    contract = loan(chargeback="new_principal")
    events = [Receipt("a", FEBRUARY, 1_701), Chargeback("b", date(2024, 7, 10), "a", 500)]
    state = replay(contract, events, date(2024, 7, 20))
    late = [(1_652, 49)] * 4
    assert rows(state) == [(1_643, 58), *late, (10_000 - 1_643 - 4 * 1_652, 49), (500, 0)]
    assert (state.balances.principal, state.balances.interest) == (8_857, 5 * 49)
    assert settled(contract, events, date(2024, 7, 20)) == rows(state)


def test_a_settled_loan_bears_interest_again_from_the_day_of_the_debt() -> None:
    """500,000 taken back on 11 February cost nothing that day and 1 % / 29 days = 172 the next."""
    contract = loan(1_200_000, "0.12", chargeback="new_principal")
    events = [Receipt("a", FEBRUARY, 1_212_000), Chargeback("back", date(2024, 2, 11), "a", 500_000)]
    for day, interest in ((11, 0), (12, 172), (13, 345)):
        quote = payoff(contract, events, date(2024, 2, day))
        assert (quote.principal, quote.accrued_interest) == (500_000, interest)
    planned = replay(contract, events, date(2024, 2, 11))
    assert rows(planned)[1] == (703_782, 3_276)  # 19 of 29 days of 1 % of 500,000; the size is 707,058
    assert planned.installments[5].interest == 132  # four months of 1 % of the 3,276 that found no room


def test_from_the_end_the_last_ones_keep_their_size() -> None:
    last = loan(ahead="last")
    assert settled(last, [], FEBRUARY) == [(1_643, 58), (1_553, 0), *[(1_701, 0)] * 4]
    assert settled(last, [], date(2024, 1, 16)) == [(1_495, 28), *[(1_701, 0)] * 5]


def test_from_the_end_what_was_carried_has_no_room_but_its_own() -> None:
    """All paid on 1 February, 5,000 taken back on the 15th: 15 of interest by March, 13 by the 15th."""
    contract = loan(ahead="last", chargeback="new_principal")
    events = [Receipt("all", FEBRUARY, 10_058), Chargeback("back", date(2024, 2, 15), "all", 5_000)]
    day = date(2024, 3, 15)
    found = settled(contract, events, day)
    assert found == [(1_643, 58), (6_553, 15), *[(1_701, 0)] * 3, (1_701, 13)]
    assert sum(principal for principal, _ in found) == 15_000


def test_from_the_end_installments_in_the_middle_are_not_needed() -> None:
    """At 36 % over 60 months 6,000 ahead meet the last 17 and end the first run after 14: 29 owe nothing."""
    contract = loan(10_000, "0.36", 60, ahead="last")
    events = [Receipt("a", PAYOUT, 6_000)]
    found = rows(replay(contract, events, PAYOUT))
    assert [principal for principal, _ in found[13:44]] == [237, *[0] * 29, 224]
    found = settled(contract, events, date(2024, 1, 16))  # 15 of 31 days of 120
    assert found == [(0, 58), *[(0, 0)] * 31, (253, 0), *[(361, 0)] * 27]


def test_another_rate_on_a_due_date_is_for_the_days_after_it() -> None:
    """Nothing is paid: the installment that is due that day keeps its price."""
    state = replay(loan(), [new_rate(FEBRUARY, "0.04")], FEBRUARY)
    assert rows(state) == [(1_643, 58), (1_660, 28), (1_666, 22), (1_671, 17), (1_677, 11), (1_683, 6)]
    assert (state.balances.principal, state.balances.interest) == (10_000, 58)


def test_a_rate_of_nothing_is_a_rate() -> None:
    events: list[Event] = [Receipt("a", FEBRUARY, 1_701), new_rate(FEBRUARY, "0")]
    state = replay(loan(), events, FEBRUARY)
    assert rows(state) == [(1_643, 58), *[(1_671, 0)] * 4, (1_673, 0)]
    assert tuple(state.ignored) == ()


def test_interest_put_on_an_installment_is_not_levelled() -> None:
    """1,701 taken back as it was met, then 4 %: 14 days of 8,357 and 15 of 10,000 are 41, and 58 on top."""
    contract = loan(chargeback="as_allocated")
    day = date(2024, 2, 15)
    events: list[Event] = [Receipt("a", FEBRUARY, 1_701), Chargeback("back", day, "a")]
    state = replay(contract, events, day)
    assert rows(state) == [(1_643, 58), (3_290, 112), (1_662, 39), (1_672, 29), (1_681, 20), (1_695, 10)]
    state = replay(contract, [*events, new_rate(day, "0.04")], day)
    assert rows(state) == [(1_643, 58), (1_981, 99), (1_995, 27), (2_002, 20), (2_009, 13), (2_013, 7)]
    assert [row.amount for row in state.installments[1:]] == [2_022 + 58, *[2_022] * 3, 2_020]


@pytest.mark.parametrize(
    ("annual_rate", "penalties", "per_diem"),
    [("0.07", [28, 14], 3), ("0.04", [22, 8], 2), ("0", [14, 0], 0)],
)
def test_penalties_follow_the_rate_from_its_day(
    annual_rate: str, penalties: list[int], per_diem: int
) -> None:
    """1,643 late for 29 days at 10.5 %, then for 30 days at one and a half of the new rate."""
    contract = loan(multiple=Decimal("1.5"))
    events = [new_rate(MARCH, annual_rate)]
    state = replay(contract, events, date(2024, 3, 31))
    assert [row.penalty for row in state.installments] == [*penalties, 0, 0, 0, 0]
    assert payoff(contract, events, date(2024, 3, 31)).per_diem == per_diem


@pytest.mark.parametrize(
    ("rule", "found"),
    [("to_the_day", [(1_673, 28), *[(1_701, 0)] * 4, (1_523, 0)]), ("in_full", PLAN)],
)
def test_nothing_is_earned_after_a_charge_off(rule: str, found: list[tuple[int, int]]) -> None:
    off = ChargeOff("off", date(2024, 1, 16))
    for on in (date(2024, 1, 16), date(2024, 5, 1), date(2025, 1, 1)):
        state = replay(loan(charge_off=rule), [off], on)
        assert rows(state) == found
        assert state.balances.total == 10_000 + sum(interest for _, interest in found)


def test_a_charge_off_has_its_own_price_whatever_an_early_payoff_costs() -> None:
    """In full 205 of interest are owed, by the next due date 58; who settles it later changes nothing."""
    contract = loan(charge_off="in_full", early_payoff="to_the_next_due_date")
    day = date(2024, 1, 16)
    assert payoff(contract, [], day).total == 10_058
    off = ChargeOff("off", day)
    assert rows(replay(contract, [off], day)) == PLAN
    paid = replay(contract, [off, Receipt("all", FEBRUARY, 10_205)], FEBRUARY)
    assert (rows(paid), paid.settled_on, paid.excess["all"]) == (PLAN, FEBRUARY, 0)


def test_interest_put_on_twice_is_all_owed_at_once() -> None:
    contract = loan(chargeback="as_allocated")
    day = date(2024, 2, 15)
    events: list[Event] = [
        Receipt("a", FEBRUARY, 1_701),
        Chargeback("b", day, "a", 30),
        Chargeback("c", day, "a", 20),
    ]
    state = replay(contract, events, day)
    assert rows(state)[1] == (1_652, 99)
    assert state.balances.interest == 50 + 24
