"""The judge of the season of reminders sees what is wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from refi import policies
from tests.slices.reminder_verdicts import Accepted, Debtor, Judge, Moment, Perhaps, steps_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
WALL = datetime(2026, 11, 22, tzinfo=SHANGHAI)
DUE = date(2026, 12, 22)
PHONE = "+8613900000001"
POLICY = policies.load("cn")
DAYS = 70


def moments() -> list[Moment]:
    """Three a day from a week before the due date: ten, three, and eleven at night."""
    hours = (time(10, 5), time(15), time(23))
    days = [date(2026, 12, 15) + timedelta(days=day) for day in range(DAYS)]
    at = [datetime.combine(day, hour, SHANGHAI) for day in days for hour in hours]
    return [Moment(WALL + timedelta(minutes=n), business, settled=True) for n, business in enumerate(at)]


def number_of(on: date, hour: int) -> int:
    """The number of that moment."""
    return next(
        n for n, each in enumerate(moments()) if each.business.date() == on and each.business.hour == hour
    )


def sms(on: date, hour: int = 10, template: str = "due_tomorrow", times: int = 1) -> list[Accepted]:
    wall = moments()[number_of(on, hour)].wall + timedelta(seconds=1)
    return [Accepted(wall, PHONE, "sms", f"msg_{n}", template) for n in range(times)]


def debtor(**changed: object) -> Debtor:
    made = Debtor(PHONE, SHANGHAI, "loan_1", None, (DUE,), paid={DUE: 0})
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def verdict(who: Debtor, log: list[Accepted], perhaps: list[Perhaps] | None = None) -> list[str]:
    return Judge(POLICY, moments(), [who]).verdict(log, perhaps or [])[0]


def kinds(wrong: list[str]) -> set[str]:
    return {line.partition(":")[0] for line in wrong}


BEFORE = DUE - timedelta(days=1)


def test_nothing_is_wrong_with_one_message_in_its_time() -> None:
    paid_on_the_day = debtor(paid={DUE: number_of(BEFORE, 15)})
    assert kinds(verdict(paid_on_the_day, sms(BEFORE))) <= {"missed"}
    assert verdict(debtor(), []) == []


@pytest.mark.parametrize(
    ("log", "changed", "kind"),
    [
        (sms(BEFORE, times=2), {"paid": {}}, "accepted 2 times"),
        (sms(BEFORE, times=2), {"paid": {}}, "over the daily cap"),
        (sms(BEFORE, hour=23), {"paid": {}}, "in quiet hours"),
        (sms(DUE), {"paid": {}}, "outside its stage"),
        (sms(BEFORE), {"paid": {DUE: 0}}, "after posting"),
        (sms(BEFORE), {"paid": {}, "stopped": [(0, None)]}, "under hold or without consent"),
        ([], {"paid": {}}, "missed"),
    ],
)
def test_what_is_wrong_is_named(log: list[Accepted], changed: dict[str, object], kind: str) -> None:
    assert kind in kinds(verdict(debtor(**changed), log))


def test_a_hold_of_a_moment_that_was_not_settled_stops_its_stage_too() -> None:
    held = number_of(BEFORE, 10)
    at = [replace(each, settled=number != held) for number, each in enumerate(moments())]
    paid = {DUE: number_of(DUE, 10)}

    def missed(stopped: list[tuple[int, int | None]]) -> list[str]:
        who = debtor(paid=paid, stopped=stopped)
        return [line for line in Judge(POLICY, at, [who]).verdict([], [])[0] if " T-1 " in line]

    assert missed([(held, held)]) == []
    assert missed([(0, 1)]) != []


def test_four_messages_in_a_week_are_too_many() -> None:
    log = [line for day in range(4) for line in sms(BEFORE + timedelta(days=day))]
    assert "over the weekly cap" in kinds(verdict(debtor(paid={}), log))


def test_what_nobody_can_know_is_not_missed() -> None:
    late = debtor(paid={})
    missed = verdict(late, [])
    stages = [step.stage for step in steps_of(POLICY.ladder.versions[-1])]
    at = datetime.combine(BEFORE - timedelta(days=400), time(10), SHANGHAI)
    doubts = [Perhaps(PHONE, "sms", stage, DUE, at) for stage in stages]
    assert kinds(missed) == {"missed"}
    assert verdict(late, [], doubts) == []


def test_words_place_a_message_that_names_no_template() -> None:
    wall = moments()[number_of(BEFORE, 10)].wall
    texts = ("明天（2026年12月22日）到期", "due tomorrow, Dec 22, 2026", "due on some other day")
    placed = [verdict(debtor(paid={}), [Accepted(wall, PHONE, "sms", "msg_1", text=text)]) for text in texts]
    assert ["outside its stage" in kinds(wrong) for wrong in placed] == [False, False, True]
