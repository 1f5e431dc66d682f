"""What must be true of the messages that a provider accepted, judged without the service's own tables. Pure.

The judge knows the contracts (who owes what on which date), what borrowers did and when, how business time
ran, when the service was down, the policy's figures, and the provider's own log. It does not call the rules
that it judges.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date

from refi.policies import LadderVersion, Policy

FROM_HOUR = 10
"""Local hour from which the steps of a day are sent; before it a message that is not there is not missing."""
CAPPED = frozenset({"sms", "push"})
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """An enabled stage of the ladder with everything that it may say; ``ends`` in days from due."""

    stage: str
    days: int
    ends: int | None
    gate: str
    templates: frozenset[str]
    channels: frozenset[str]


def steps_of(ladder: LadderVersion) -> list[Step]:
    """The enabled stages of the ladder, in their order."""
    found = []
    for position, stage in enumerate(ladder.stages):
        rules = [rule for rule in ladder.rules if rule.stage == stage.name and rule.channels]
        ends = ladder.stages[position + 1].days if position + 1 < len(ladder.stages) else None
        if stage.enabled:
            templates = frozenset(str(rule.template) for rule in rules)
            channels = frozenset(channel for rule in rules for channel in rule.channels)
            found.append(Step(stage.name, stage.days, ends, stage.gate, templates, channels))
    return found


@dataclass(frozen=True, slots=True)
class Moment:
    """From ``wall`` on, business time ran from ``business``; ``settled``: its end left nothing to do."""

    wall: datetime
    business: datetime
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message as a provider's log has it; one that knows no templates knows the words."""

    wall: datetime
    recipient: str
    channel: str
    key: str
    template: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Perhaps:
    """A message of which nobody can tell whether it went out, by the service's own account."""

    recipient: str
    channel: str
    stage: str
    due_on: date
    business: datetime


@dataclass(slots=True)
class Debtor:
    """A borrower with one loan. What happened is told by the number of the moment in which it did."""

    phone: str
    zone: ZoneInfo
    loan_id: str
    token: str | None
    dues: tuple[date, ...]
    paid: dict[date, int] = field(default_factory=dict)
    stopped: list[tuple[int, int | None]] = field(default_factory=list)
    """Spans of moments, the first and the last, in which a hold or a withdrawn consent forbade reminders."""

    def silent(self, moment: int) -> bool:
        """Whether no reminder is lawful all through ``moment``."""
        return any(first < moment and (last is None or moment < last) for first, last in self.stopped)

    def may_be_silent(self, moment: int) -> bool:
        """Whether reminders are forbidden in at least a part of ``moment``."""
        return any(first <= moment and (last is None or moment <= last) for first, last in self.stopped)


@dataclass(frozen=True, slots=True)
class Told:
    """An accepted message, placed in business time and, for a reminder, at its installment and stage."""

    accepted: Accepted
    debtor: Debtor
    moment: int
    business: datetime
    step: Step | None
    due_on: date | None

    @property
    def channel(self) -> str:
        """The channel that took it."""
        return self.accepted.channel


@dataclass
class Judge:
    """Everything that is known from outside."""

    policy: Policy
    moments: Sequence[Moment]
    debtors: Sequence[Debtor]

    def __post_init__(self) -> None:
        self._walls = [moment.wall for moment in self.moments]
        self._market = ZoneInfo(self.policy.market.time_zone)
        self._by_address: dict[str, Debtor] = {}
        for debtor in self.debtors:
            for address in (debtor.phone, debtor.token):
                if address is not None:
                    self._by_address[address] = debtor
        self._steps = steps_of(self.policy.ladder.versions[-1])
        self._templates = {template for step in self._steps for template in step.templates}

    def verdict(self, log: Sequence[Accepted], perhaps: Sequence[Perhaps]) -> tuple[list[str], Counter[str]]:
        """Everything that is wrong, and what was counted on the way."""
        told = [self._placed(line) for line in log if line.template in {None, *self._templates}]
        counts = Counter({"reminders accepted": len(told)})
        wrong = [*self._twice(told)]
        for each in told:
            wrong += self._unlawful(each)
        wrong += self._over_caps(told)
        wrong += self._missed(told, perhaps, counts)
        return wrong, counts

    def _placed(self, line: Accepted) -> Told:
        moment = bisect_right(self._walls, line.wall) - 1
        business = self.moments[moment].business + (line.wall - self.moments[moment].wall)
        debtor, today = self._by_address[line.recipient], business.astimezone(self._market).date()
        for step, due_on in self._running(debtor, today):
            known = line.template in step.templates if line.template else _names(line.text, due_on)
            if known and line.channel in step.channels:
                return Told(line, debtor, moment, business, step, due_on)
        return Told(line, debtor, moment, business, None, None)

    def _running(self, debtor: Debtor, today: date) -> Iterator[tuple[Step, date]]:
        """The steps that run on ``today``, each with the due date it is about."""
        for due_on in debtor.dues:
            for step in self._steps:
                late = (today - due_on).days
                if step.days <= late and (step.ends is None or late < step.ends):
                    yield step, due_on

    @staticmethod
    def _twice(told: Sequence[Told]) -> Iterator[str]:
        keys = Counter(
            (each.debtor.phone, each.due_on, each.step.stage, each.accepted.channel)
            for each in told
            if each.step is not None
        )
        yield from (f"accepted {times} times: {key}" for key, times in keys.items() if times > 1)

    def _unlawful(self, each: Told) -> Iterator[str]:
        who = f"{each.debtor.phone} {each.accepted.template} at {each.business} ({each.accepted.key})"
        if each.step is None or each.due_on is None:
            yield f"outside its stage: {who}"
            return
        local = each.business.astimezone(each.debtor.zone)
        window = self.policy.contact.gate(each.step.gate)  # type: ignore[arg-type]
        if not window.from_time <= local.time() < window.until_time:
            yield f"in quiet hours: {who}, local {local}"
        paid = each.debtor.paid.get(each.due_on)
        if paid is not None and paid < each.moment:
            yield f"after posting: {who}, due {each.due_on}"
        if each.debtor.silent(each.moment):
            yield f"under hold or without consent: {who}"

    def _over_caps(self, told: Sequence[Told]) -> Iterator[str]:
        days: dict[str, list[date]] = defaultdict(list)
        for each in told:
            if each.accepted.channel in CAPPED:
                days[each.debtor.phone].append(each.business.astimezone(each.debtor.zone).date())
        contact = self.policy.contact
        for phone, dates in days.items():
            for day in set(dates):
                if dates.count(day) > contact.sms_push_per_day:
                    yield f"over the daily cap: {phone} on {day}"
                if sum(day - 6 * DAY <= other <= day for other in dates) > contact.sms_push_per_week:
                    yield f"over the weekly cap: {phone} in the week to {day}"

    def _missed(
        self, told: Sequence[Told], perhaps: Sequence[Perhaps], counts: Counter[str]
    ) -> Iterator[str]:
        """Stages of which nothing was accepted although at the end of some moment nothing forbade it."""
        sent: dict[str, list[Told]] = defaultdict(list)
        for each in told:
            sent[each.debtor.phone].append(each)
        doubts: dict[str, list[Perhaps]] = defaultdict(list)
        for doubt in perhaps:
            doubts[self._by_address[doubt.recipient].phone].append(doubt)
        by_day: dict[date, list[int]] = defaultdict(list)
        for number, moment in enumerate(self.moments):
            by_day[moment.business.astimezone(self._market).date()].append(number)
        for debtor in self.debtors:
            mine = [*sent[debtor.phone], *doubts[debtor.phone]]
            done = {(each.due_on, each.step.stage) for each in sent[debtor.phone] if each.step is not None}
            done |= {(doubt.due_on, doubt.stage) for doubt in doubts[debtor.phone]}
            # what may go to the app's inbox alone is in no provider's log
            for due_on, step in ((due_on, step) for due_on in debtor.dues for step in self._steps):
                if (due_on, step.stage) in done or not step.channels <= CAPPED | {"email"}:
                    continue
                if number := self._chance(debtor, mine, due_on, step, by_day):
                    counts["missed"] += 1
                    at = self.moments[number].business
                    yield f"missed: {debtor.phone} {step.stage} of {due_on}, at {at}"

    def _chance(
        self,
        debtor: Debtor,
        mine: Sequence[Told | Perhaps],
        due_on: date,
        step: Step,
        by_day: Mapping[date, list[int]],
    ) -> int | None:
        """The number of a moment at whose end the message was lawful, due, and not there.

        What stops a message stops it for good, so a stage in which anything did, in whatever moment, is not
        looked at.
        """
        begins = due_on + step.days * DAY
        last = begins + 400 * DAY if step.ends is None else due_on + (step.ends - 1) * DAY
        for number in (n for day in _days(begins, last, by_day) for n in by_day[day]):
            if debtor.may_be_silent(number):
                return None
            if self.moments[number].settled and self._was_due(debtor, mine, due_on, step, number):
                return number
        return None

    def _was_due(
        self, debtor: Debtor, mine: Sequence[Told | Perhaps], due_on: date, step: Step, number: int
    ) -> bool:
        paid = debtor.paid.get(due_on)
        if paid is not None and paid <= number:
            return False
        local = self.moments[number].business.astimezone(debtor.zone)
        window = self.policy.contact.gate(step.gate)  # type: ignore[arg-type]
        if local.hour < FROM_HOUR or not window.from_time <= local.time() < window.until_time:
            return False
        if local.date() < due_on + step.days * DAY:
            return False
        ends = self.moments[number].business + DAY / 24
        days = [
            each.business.astimezone(debtor.zone).date()
            for each in mine
            if each.business < ends and each.channel in CAPPED
        ]
        contact = self.policy.contact
        week = sum(local.date() - 6 * DAY <= day <= local.date() for day in days)
        return days.count(local.date()) < contact.sms_push_per_day and week < contact.sms_push_per_week


def _days(first: date, last: date, known: Mapping[date, object]) -> Iterator[date]:
    return (day for day in sorted(known) if first <= day <= last)


def _names(text: str, due_on: date) -> bool:
    """Whether a text speaks of an installment due on thatday."""
    ways = ((due_on, "long", "zh_CN"), (due_on, "medium", "en"))
    return any(format_date(day, length, locale=locale) in text for day, length, locale in ways)
