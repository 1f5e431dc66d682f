"""Why an act would change nothing: which of its arguments, or what about the loan. Pure."""

from __future__ import annotations

from datetime import date

from refi.errors import Fault
from refi.loans.acts import NothingToChange
from refi.schedules.contract import (
    Deferral,
    DueDateChange,
    Event,
    InstallmentState,
    Reage,
    Reamortization,
    State,
    Waiver,
)

NAMES: dict[type[Event], str] = {
    Deferral: "defer",
    DueDateChange: "due_date_change",
    Reage: "re_age",
    Reamortization: "extend",
}


def refusal(event: Event, before: State) -> NothingToChange:
    """What to say of an act that the contract ignored; ``before`` is the loan on the day of the act."""
    said, fault = _why(event, before)
    return NothingToChange(said, faults=[] if fault is None else [fault])


def _why(event: Event, before: State) -> tuple[str, Fault | None]:
    if isinstance(event, Waiver):
        return f"no {event.component.value} is owed there", Fault("/component", "nothing_owed")
    if isinstance(event, Deferral | DueDateChange | Reage | Reamortization):
        return _why_not_anew(event, before)
    return "there is nothing that this could change", None


def _why_not_anew(
    event: Deferral | DueDateChange | Reage | Reamortization, before: State
) -> tuple[str, Fault | None]:
    coming = [row for row in before.installments if row.due_date > event.on and row.unpaid > 0]
    if isinstance(event, Reage) and before.days_past_due == 0:
        return "re_age is for a loan that is past due, and this one is not", Fault("/type", "not_past_due")
    if isinstance(event, Reage) and not coming and event.first_due_on is None:
        return "no installment is left to come: say when the first is due", Fault(
            "/first_due_date", "missing"
        )
    if isinstance(event, Reage) and not coming and event.installments is None:
        return "no installment is left to come: say how many there will be", Fault("/installments", "missing")
    if not isinstance(event, Reage) and not coming:
        name = NAMES[type(event)]
        return f"{name} is of installments to come, and none is left", Fault("/type", "nothing_to_come")
    if isinstance(event, DueDateChange | Reage) and event.first_due_on is not None:
        wrong = _wrong_day(event.first_due_on, event.on, before, coming)
        if wrong is not None:
            return wrong
    return (
        "money has met more of the coming installments than would be left",
        Fault("/installments", "too_few"),
    )


def _wrong_day(
    first: date, on: date, before: State, coming: list[InstallmentState]
) -> tuple[str, Fault] | None:
    if first < on:
        return f"the first due date {first} is before {on}", Fault("/first_due_date", "in_the_past")
    if first == on:
        return f"the first due date is after {on}, not on it", Fault("/first_due_date", "too_early")
    earlier = [row.due_date for row in before.installments if coming and row.number < coming[0].number]
    if earlier and first <= max(earlier):
        said = f"the first due date {first} is not after the installment before it, due on {max(earlier)}"
        return said, Fault("/first_due_date", "too_early")
    return None
