"""The reminder ladder: which stages begin on a business date, who fits which rule, what lapses when. Pure.

A stage is planned at most once, ever, per (installment, due date, stage, channel). It lapses when the next
one begins, whether or not that one is switched on: "due tomorrow" is never said on the due date (RULES,
Contact).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from refi import experiments
from refi.notifications.contact_policy import opening_at
from refi.policies import Delinquency, Ladder, LadderVersion, Rule, Stage, When
from refi.schedules import arrears
from refi.schedules.contract import InstallmentState, State, Status

OPEN = frozenset({Status.OVERDUE, Status.PARTIALLY_PAID, Status.DUE, Status.UPCOMING})
HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Begun:
    """A stage that begins on a business date, for the installments due on ``due_on``."""

    version: LadderVersion
    stage: Stage
    due_on: date
    lapses_on: date | None


@dataclass(frozen=True, slots=True)
class Item:
    """An unpaid installment that a reminder may be about.

    ``amount`` is what it was scheduled at (minor units), ``unmet_on`` the oldest due date of its loan that is
    not met, ``product`` what the loan is.
    """

    loan_id: str
    number: int
    amount: int
    unmet_on: date
    product: str


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules of a stage may ask about a borrower, all installments of the message together."""

    arm: str
    amount: int
    bucket: str
    products: frozenset[str]
    segment: str
    history: frozenset[str]


def begun(ladder: Ladder, on: date) -> list[Begun]:
    """The enabled stages that begin on ``on``, latest stage first: the overdue before what comes."""
    version = ladder.on(on)
    found = []
    for stage in version.stages:
        if stage.enabled:
            due_on, ends = on - timedelta(days=stage.days), version.lapses_on(stage)
            lapses_on = None if ends is None else due_on + timedelta(days=ends)
            found.append(Begun(version, stage, due_on, lapses_on))
    return sorted(found, key=lambda each: -each.stage.days)


def arm_of(version: LadderVersion, borrower_id: str) -> str:
    """The borrower's arm: always the same under that version, whatever becomes of the borrower."""
    if len(version.arms) == 1:
        return version.arms[0].name
    left = experiments.bucket(version.name, borrower_id, HUNDRED)
    for arm in version.arms:
        left -= arm.share
        if left < 0:
            return arm.name
    raise AssertionError("the shares of the arms make a hundred")


def case(
    delinquency: Delinquency,
    on: date,
    arm: str,
    items: Sequence[Item],
    *,
    segment: str = "unknown",
    earlier_loans: int = 0,
    was_late: bool = False,
) -> Case:
    """What is known of a borrower on ``on``: the oldest arrears count, amounts add up.

    ``earlier_loans`` are loans paid out to the borrower before the ones in ``items``; ``was_late`` says that
    one of the loans was past due on an earlier day.
    """
    late = max(arrears.days_past_due(item.unmet_on, on) for item in items)
    return Case(
        arm=arm,
        amount=sum(item.amount for item in items),
        bucket=delinquency.bucket(late),
        products=frozenset(item.product for item in items),
        segment=segment,
        history=frozenset(
            {"returning" if earlier_loans else "first_loan", "late_before" if was_late else "on_time"}
        ),
    )


def fits(when: When, found: Case) -> bool:
    """Whether everything that ``when`` asks for holds."""
    return (
        (not when.arms or found.arm in when.arms)
        and (not when.products or not found.products.isdisjoint(when.products))
        and (not when.segments or found.segment in when.segments)
        and (not when.buckets or found.bucket in when.buckets)
        and (not when.history or not found.history.isdisjoint(when.history))
        and (when.amount_from is None or found.amount >= when.amount_from)
        and (when.amount_below is None or found.amount < when.amount_below)
    )


def chosen(rules: Iterable[Rule], found: Case) -> Rule | None:
    """The first rule that fits; None when none does."""
    return next((rule for rule in rules if fits(rule.when, found)), None)


def order(
    rule: Rule, reachable: Collection[str], liked: Sequence[str] = (), closed: Collection[str] = ()
) -> tuple[str, ...]:
    """The rule's channels that reach the borrower and are not closed, the ones they like best first."""
    left = [channel for channel in rule.channels if channel in reachable and channel not in closed]
    return tuple(sorted(left, key=lambda each: liked.index(each) if each in liked else len(liked)))


def asks_for(rules: Sequence[Rule], *names: str) -> bool:
    """Whether any of the rules asks about one of ``names``, so that it must be looked up at all."""
    asked: set[str] = {value for rule in rules for value in rule.when.history}
    asked |= {"segment" for rule in rules if rule.when.segments}
    return not asked.isdisjoint(names)


def unworded(ladder: Ladder, has: Callable[[str, str], bool]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """The rules whose template lacks words for one of their channels, with their places in the policy.

    ``has`` tells whether a template has words for a channel, in every language of the market.
    """
    for number, version in enumerate(ladder.versions):
        for place, rule in enumerate(version.rules):
            for channel in rule.channels:
                if not has(str(rule.template), channel):
                    path = ("ladder", "versions", number, "rules", place, "template")
                    yield path, f"rule {rule.name}: no words for {rule.template} by {channel}"


def still_unpaid(state: State, planned: Iterable[tuple[int, date]]) -> list[InstallmentState]:
    """Of the (number, due date) that a reminder was planned for, those that still stand and are not paid."""
    wanted = set(planned)
    return [item for item in state.installments if (item.number, item.due_date) in wanted and _is_open(item)]


def send_at(begun: Begun, on: date, zone: ZoneInfo) -> datetime:
    """The instant at which a stage that begins on ``on`` is told to a borrower in ``zone``."""
    return opening_at(on, begun.version.send_at, zone)


def total(items: Sequence[InstallmentState]) -> int:
    """What is missing on all of them, minor units."""
    return sum(item.outstanding for item in items)


def _is_open(item: InstallmentState) -> bool:
    """Paid, waived and written-off installments need no reminder; nor does one that only owes penalty."""
    return item.status in OPEN and item.outstanding > 0
