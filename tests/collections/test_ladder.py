"""The ladder: what begins when, what lapses when, what still stands."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi import policies
from refi.collections import ladder
from refi.ids import LoanId
from refi.loans.account import Account
from refi.policies import Ladder, Step
from refi.schedules.amortization import Terms
from refi.schedules.contract import Contract, Mode, Receipt

ON = date(2026, 11, 22)
LOAN = LoanId("loan_1")
LADDER = policies.load("cn").ladder
ACCOUNT = Account(Contract(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=3), ON))
DUE = [date(2026, 12, 22), date(2027, 1, 22), date(2027, 2, 22)]


def paid(amount: int, on: date, mode: Mode = Mode.DUE) -> Account:
    return ACCOUNT.with_event(Receipt("pay_1", on, amount, mode))


def test_the_steps_of_a_day() -> None:
    found = ladder.begun(LADDER, DUE[0] - timedelta(days=1))
    assert [(each.step.stage, each.due_on) for each in found] == [
        ("T+1", DUE[0] - timedelta(days=2)),
        ("T-1", DUE[0]),
    ]
    assert found[1].lapses_on == DUE[0]
    assert found[0].lapses_on == DUE[0] - timedelta(days=2) + timedelta(days=3)


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_every_step_begins_on_exactly_one_day_and_lapses_after_it(due_on: date, switches: list[bool]) -> None:
    steps = tuple(
        step.model_copy(update={"enabled": on}) for step, on in zip(LADDER.steps, switches, strict=True)
    )
    chosen = Ladder(steps=steps)
    days = [due_on + timedelta(days=n) for n in range(-40, 60)]
    begun = [(on, each) for on in days for each in ladder.begun(chosen, on) if each.due_on == due_on]
    assert [each.step.stage for _, each in begun] == [step.stage for step in chosen.enabled]
    for on, each in begun:
        assert each.lapses_on is None or each.lapses_on > on
    open_until = [each.lapses_on for _, each in begun if each.lapses_on]
    starts = [on for on, _ in begun]
    assert all(end <= start for end, start in zip(open_until, starts[1:], strict=False))


def test_an_installment_is_told_until_it_is_paid() -> None:
    before = DUE[0] - timedelta(days=1)
    [item] = ladder.unpaid(LOAN, ACCOUNT.state(before), DUE[0])
    assert (item.number, item.amount) == (1, 408_027)
    [part] = ladder.unpaid(LOAN, paid(100_000, before).state(before), DUE[0])
    assert part.amount == 308_027
    assert ladder.unpaid(LOAN, paid(408_027, before).state(before), DUE[0]) == []
    assert ladder.unpaid(LOAN, ACCOUNT.state(before), DUE[0] - timedelta(days=1)) == []


def test_what_is_past_due_includes_the_penalty() -> None:
    after = DUE[0] + timedelta(days=1)
    [item] = ladder.unpaid(LOAN, ACCOUNT.state(after), DUE[0])
    assert item.amount > 408_027


def test_a_paid_off_loan_is_told_nothing() -> None:
    on = DUE[0] - timedelta(days=1)
    settled = paid(ACCOUNT.payoff(on).total, on, Mode.PAYOFF).state(on)
    assert settled.settled
    assert [item for due in DUE for item in ladder.unpaid(LOAN, settled, due)] == []


def test_what_was_planned_is_looked_up_by_number_and_date() -> None:
    state = ACCOUNT.state(DUE[0])
    assert len(ladder.still_unpaid(state, [(1, DUE[0])])) == 1
    assert ladder.still_unpaid(state, [(1, DUE[1]), (2, DUE[0]), (9, DUE[0])]) == []
    assert ladder.total(ladder.still_unpaid(state, [(1, DUE[0]), (2, DUE[1])])) == 816_054


@settings(max_examples=60)
@given(amount=st.integers(1, 1_300_000), days=st.integers(0, 100), look=st.integers(0, 120))
def test_told_exactly_when_something_scheduled_is_missing(amount: int, days: int, look: int) -> None:
    account = paid(amount, ON + timedelta(days=days))
    state = account.state(ON + timedelta(days=look))
    for due_on in DUE:
        [item] = [each for each in state.installments if each.due_date == due_on]
        told = ladder.unpaid(LOAN, state, due_on)
        assert bool(told) == (item.outstanding > 0)
        assert ladder.total(told) == max(item.outstanding, 0)


def test_keys_differ_by_all_that_makes_a_reminder_one() -> None:
    def step(stage: str, channel: str) -> Step:
        return Step.model_validate(
            {
                "stage": stage, "days": 1, "gate": "reminder", "channel": channel,
                "template": "past_due", "enabled": True,
            }
        )  # fmt: skip

    items = [ladder.Unpaid(LOAN, 1, DUE[0], 5), ladder.Unpaid(LOAN, 2, DUE[0], 5)]
    items += [ladder.Unpaid(LOAN, 1, DUE[1], 5), ladder.Unpaid(LoanId("loan_2"), 1, DUE[0], 5)]
    steps = [step("T+1", "sms"), step("T+1", "push"), step("T+3", "sms")]
    keys = {item.key(each) for item in items for each in steps}
    assert len(keys) == len(items) * len(steps)
    assert ladder.Unpaid(LOAN, 1, DUE[0], 99).key(steps[0]) == items[0].key(steps[0])


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_sent_at_ten_where_the_borrower_lives(zone: str) -> None:
    instant = ladder.send_at(ON, ZoneInfo(zone))
    assert instant.tzinfo is UTC
    assert instant.astimezone(ZoneInfo(zone)) == datetime(2026, 11, 22, 10, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("market", ["cn", "us"])
def test_ten_is_a_lawful_hour_in_every_market(market: str) -> None:
    for window in policies.load(market).contact.classes:
        assert window.from_time <= ladder.SEND_AT < window.until_time
