"""What an act would make of a loan, and the rules that an act must keep. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from refi.errors import Fault, Refused
from refi.loans import unchanged
from refi.loans.account import Account
from refi.loans.acts import MODIFICATIONS, ActKind, Happened
from refi.policies import Changes
from refi.schedules.apr import Flow, rates
from refi.schedules.contract import Contract, Event, State, Status
from refi.schedules.solver import AmbiguousRate, NoRate

YEAR, FIVE_YEARS = timedelta(days=365), timedelta(days=5 * 365 + 1)


class LimitReached(Refused):
    """The loan was changed this way as often as the policy allows."""

    code = "modification_limit"


class CapExceeded(Refused):
    """The new plan, with all that was paid so far, would cost more than the all-in cap."""

    code = "cap_exceeded"


class OutOfBounds(Refused):
    """An argument is outside what the policy allows for this kind of act."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The loan before and after an act, on the day of the act; ``given_up`` is what is waived or written off.

    The rates are effective annual rates over everything that was and will be paid; None where there is none
    (more is given up than the price).
    """

    before: State
    after: State
    given_up: int
    rate_before: Decimal | None
    rate_after: Decimal | None


def outlook(account: Account, event: Event, on: date) -> Outlook:
    """What ``event`` would make of the account; raises `NothingToChange` if it would have no effect."""
    before, after = account.state(on), account.with_event(event).state(on)
    if event.id in after.ignored:
        raise unchanged.refusal(event, before)
    waived = sum(part.amount for part in after.waivers.get(event.id, ()))
    lost = 0
    if after.charged_off is not None and before.charged_off is None:
        lost = sum(after.charged_off)
    return Outlook(
        before, after, waived + lost, _rate(account, before, on), _rate(account.with_event(event), after, on)
    )


def _rate(account: Account, state: State, on: date) -> Decimal | None:
    """The effective annual rate of what was paid so far and what the plan still asks for."""
    contract: Contract = account.contract
    paid = [
        Flow(event.on, event.amount - state.excess.get(event.id, 0))
        for event in account.receipts
        if event.id in state.allocations
    ]
    coming = [Flow(max(row.due_date, on), row.outstanding) for row in state.installments]
    flows = [flow for flow in (*paid, *coming) if flow.amount > 0]
    if not flows:
        return None
    try:
        return rates([Flow(contract.disbursed_on, contract.terms.principal)], flows).effective_annual_rate
    except (NoRate, AmbiguousRate):
        return None


def check_cap(seen: Outlook, cap: Decimal) -> None:
    """`CapExceeded` if the new plan costs more than the cap and more than before."""
    after = seen.rate_after
    if after is not None and after > cap and after > (seen.rate_before or 0):
        raise CapExceeded(
            f"the effective annual rate would be {after:.6f}, the cap is {cap}",
            effective_annual_rate=f"{after:.6f}",
            cap=str(cap),
        )


def check_limits(kind: ActKind, months: int, history: Sequence[Happened], rules: Changes, on: date) -> None:
    """`LimitReached` unless the loan may be changed this way once more; what was undone does not count."""
    undone = {act.undoes for act in history}
    same = [act for act in history if act.kind is kind and act.id not in undone]
    limit = rules.limit(kind.value)
    for most, span, words in (
        (limit.per_year if limit else None, YEAR, "a year"),
        (limit.per_five_years if limit else None, FIVE_YEARS, "five years"),
    ):
        if most is not None and sum(on - act.on < span for act in same) >= most:
            raise LimitReached(f"{kind.value}: {most} in {words}", limit=most, kind=kind.value)
    if kind is ActKind.DEFER:
        before = sum(int(act.arguments["months"]) for act in same if on - act.on < YEAR)
        if before + months > rules.deferred_months_per_year:
            raise LimitReached(
                f"deferred {before} months of {rules.deferred_months_per_year} in a year",
                faults=[Fault("/months", "limit")],
                limit=rules.deferred_months_per_year,
            )


def check_bounds(kind: ActKind, seen: Outlook, rules: Changes) -> None:
    """`OutOfBounds` or `LimitReached` for a plan that the policy does not allow."""
    coming = [row for row in seen.after.installments if row.outstanding > 0 and row.due_date >= seen.after.on]
    if kind in (ActKind.RE_AGE, ActKind.EXTEND) and len(coming) > rules.coming_installments:
        raise OutOfBounds(
            f"{len(coming)} coming installments, at most {rules.coming_installments}",
            faults=[Fault("/installments", "too_many")],
        )
    if kind is ActKind.EXTEND:
        _check_extension(seen)
    if kind is ActKind.RE_AGE:
        met = sum(row.status is Status.PAID for row in seen.before.installments)
        if met < rules.paid_before_re_age:
            raise LimitReached(
                f"{met} installments were met, {rules.paid_before_re_age} are needed first", met=met
            )
    if kind is ActKind.DUE_DATE_CHANGE:
        old, new = seen.before.next_due_date, seen.after.next_due_date
        if old is None or new is None or abs((new - old).days) > rules.due_date_moves_days:
            raise OutOfBounds(
                f"a due date moves by {rules.due_date_moves_days} days at most",
                faults=[Fault("/first_due_date", "too_far")],
            )


def _check_extension(seen: Outlook) -> None:
    """`OutOfBounds` for an extension to fewer installments, or to the plan that there is."""
    before, after = (
        [row for row in state.installments if row.outstanding > 0 and row.due_date > seen.after.on]
        for state in (seen.before, seen.after)
    )
    if len(after) < len(before):
        raise OutOfBounds(
            f"{len(before)} installments are to come: an extension does not leave fewer",
            faults=[Fault("/installments", "too_few")],
        )
    if [row.amount for row in after] == [row.amount for row in before]:
        raise OutOfBounds(
            f"{len(before)} installments are to come already", faults=[Fault("/installments", "unchanged")]
        )


def needs_second(kind: ActKind, *, interest_free: bool, given_up: int, alone: int, rules: Changes) -> bool:
    """Whether somebody else must agree: where money is given away, and where the policy says so."""
    if kind is ActKind.WAIVE:
        return given_up > alone
    if kind in MODIFICATIONS:
        return interest_free or kind.value in rules.four_eyes
    return True
