"""May the borrower be contacted now? One function for machine and human. Pure.

Hours in the borrower's own zone (the law's, or those that the borrower agreed to), caps over SMS and push
together and over calls, consent, opt-outs, what stands still (promise, dispute, hardship …), and third
parties (RULES, Contact). The answer names every rule that says no, the policy version, and the first
instant at which none would; ``retry_at`` is None when waiting does not help.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from refi.policies import Contact, GateClass

CAPPED = frozenset({"sms", "push"})
PHONE = "phone"
BORROWER, AUTHORIZED, THIRD_PARTY = "borrower", "authorized", "third_party"
WEEK = 7
LOOKED_AHEAD = 2 * WEEK + 1


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times between which the borrower is left alone; past midnight if need be.

    ``ValueError`` when both are the same: that would be never or always, which is not an hour.
    """

    from_time: time
    until_time: time

    def __post_init__(self) -> None:
        if self.from_time == self.until_time:
            raise ValueError("quiet hours that begin when they end")

    def hold(self, at: time) -> bool:
        """Whether the local time ``at`` is quiet."""
        if self.from_time < self.until_time:
            return self.from_time <= at < self.until_time
        return at >= self.from_time or at < self.until_time


@dataclass(frozen=True, slots=True)
class Calls:
    """Instants of earlier calls, of the last eight days at least.

    ``connected``: calls that the borrower took, by whoever made them. ``unanswered``: dials of the number in
    question that nobody took. ``about_debt``: calls about the debt, answered or not. ``conversations``: those
    in which the borrower talked about it, whoever called.
    """

    connected: Sequence[datetime] = ()
    unanswered: Sequence[datetime] = ()
    about_debt: Sequence[datetime] = ()
    conversations: Sequence[datetime] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish to contact a borrower.

    ``gate`` is the class of contact, ``at`` the instant, ``zone`` the borrower's, ``earlier`` the instants of
    SMS and push that count (of the last eight days at least), ``consents`` the purposes agreed to now and
    ``withdrawn`` those taken back. ``stops`` names what the borrower is in (``past_due``, ``dispute`` …) with
    its last day, None for no end in sight. ``opted_out`` are channels; ``quiet`` is what the borrower agreed.
    ``person`` is whom we mean to talk to: for a third party ``tries`` counts the tries since the borrower was
    last reached, and ``tells_debt`` whether more than "please call back" would be said.
    """

    gate: str
    channel: str
    at: datetime
    zone: ZoneInfo
    earlier: Sequence[datetime] = ()
    consents: frozenset[str] = frozenset()
    stops: Mapping[str, date | None] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    opted_out: frozenset[str] = frozenset()
    quiet: QuietHours | None = None
    calls: Calls = Calls()
    person: str = BORROWER
    tries: int = 0
    tells_debt: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: allowed when no rule says no."""

    rules: tuple[str, ...]
    policy_version: str
    retry_at: datetime | None = None

    @property
    def allowed(self) -> bool:
        """Whether the contact may happen now."""
        return not self.rules


def may_contact(contact: Contact, version: str, ask: Ask) -> Verdict:
    """Judge ``ask`` under the policy's ``contact`` rules of ``version``."""
    about_others = _third_party(contact, ask)
    if ask.gate in contact.exempt:
        return Verdict(about_others, version)
    final = (*about_others, *_final(contact, ask))
    passing = _passing(contact, ask, ask.at)
    if final or not passing:
        return Verdict((*final, *passing), version)
    return Verdict(passing, version, _next(contact, ask))


def _third_party(contact: Contact, ask: Ask) -> tuple[str, ...]:
    """Others may be asked to pass a message when the borrower can't be reached, and learn of no debt."""
    if ask.person != THIRD_PARTY:
        return ()
    found = [] if ask.tries >= contact.third_party_after_tries else ["third_party_borrower_reachable"]
    if ask.tells_debt:
        found.append("third_party_debt_data")
    return tuple(found)


def _final(contact: Contact, ask: Ask) -> tuple[str, ...]:
    """Rules that time does not heal."""
    window = _window(contact, ask.gate)
    found = []
    if window.needs_consent is not None and window.needs_consent not in ask.consents:
        found.append(f"{window.needs_consent}_consent_missing")
    if window.ends_with_consent in ask.withdrawn:
        found.append(f"{window.ends_with_consent}_consent_withdrawn")
    if ask.channel in ask.opted_out:
        found.append(f"opted_out_{ask.channel}")
    endless = [name for name in window.stopped_by if name in ask.stops and ask.stops[name] is None]
    return (*found, *(f"{ask.gate}_stopped_{name}" for name in endless))


def _passing(contact: Contact, ask: Ask, at: datetime) -> tuple[str, ...]:
    """Rules that say no at the instant ``at`` and will say yes later."""
    local = at.astimezone(ask.zone)
    window = _window(contact, ask.gate)
    found = [
        f"{ask.gate}_stopped_{name}" for name, through in _ending(window, ask) if local.date() <= through
    ]
    found += _hours(window, ask, local.time())
    if ask.channel in CAPPED:
        days = _days(ask.earlier, ask.zone)
        if days.count(local.date()) >= contact.sms_push_per_day:
            found.append("sms_push_per_day")
        if _in_a_week(days, local.date()) >= contact.sms_push_per_week:
            found.append("sms_push_per_week")
    if ask.channel == PHONE:
        found += _calling(contact, ask, local.date())
    return tuple(found)


def _ending(window: GateClass, ask: Ask) -> list[tuple[str, date]]:
    """What stands still for this class until a known day, with that day."""
    known = ((name, ask.stops.get(name)) for name in window.stopped_by)
    return [(name, through) for name, through in known if through is not None]


def _hours(window: GateClass, ask: Ask, at: time) -> list[str]:
    """The law's hours, unless the borrower agreed to others; the borrower's own, if any."""
    found = []
    agreed = ask.quiet is not None and window.borrowers_hours == "replace"
    if not agreed and not window.from_time <= at < window.until_time:
        found.append("quiet_hours")
    if ask.quiet is not None and ask.quiet.hold(at):
        found.append("agreed_hours")
    return found


def _calling(contact: Contact, ask: Ask, today: date) -> list[str]:
    """Caps of telephone calls on the local day ``today``."""
    found, calls = [], ask.calls
    if _days(calls.connected, ask.zone).count(today) >= contact.connected_calls_per_day:
        found.append("connected_calls_per_day")
    if _days(calls.unanswered, ask.zone).count(today) >= contact.unanswered_dials_per_day:
        found.append("unanswered_dials_per_day")
    most = contact.calls_per_seven_days
    if most is not None and _in_a_week(_days(calls.about_debt, ask.zone), today) >= most:
        found.append("calls_per_seven_days")
    rest = timedelta(days=contact.quiet_days_after_conversation or 0)
    if any(day <= today < day + rest for day in _days(calls.conversations, ask.zone)):
        found.append("quiet_days_after_conversation")  # the day of the conversation is the first of them
    return found


def _days(instants: Sequence[datetime], zone: ZoneInfo) -> list[date]:
    return [instant.astimezone(zone).date() for instant in instants]


def _in_a_week(days: Sequence[date], today: date) -> int:
    """How many of ``days`` are among the seven that end today."""
    since = today - timedelta(days=WEEK - 1)
    return sum(since <= day <= today for day in days)


def _next(contact: Contact, ask: Ask) -> datetime | None:
    """The first instant after ``ask.at`` at which nothing says no.

    A no can only end where a local day begins or where hours open, so nothing else is looked at.
    """
    window = _window(contact, ask.gate)
    openings = {time(), window.from_time} | ({ask.quiet.until_time} if ask.quiet else set())
    today = ask.at.astimezone(ask.zone).date()
    ends = [through + timedelta(days=1) for _, through in _ending(window, ask)]
    first = max([today, *ends])
    for days in range(LOOKED_AHEAD):
        on = first + timedelta(days=days)
        for instant in sorted({each for at in openings for each in _beginnings(on, at, ask.zone)}):
            if instant > ask.at and not _passing(contact, ask, instant):
                return instant
    return None


def _beginnings(on: date, at: time, zone: ZoneInfo) -> set[datetime]:
    """The instants (UTC) from which the local day ``on`` has reached the time ``at``.

    Two when a clock change repeats it; where one leaves it out, the instant of the change.
    """
    stated = datetime.combine(on, at, zone)
    first, second = stated.astimezone(UTC), stated.replace(fold=1).astimezone(UTC)
    if first <= second:
        return {first, second}
    before, after = int(second.timestamp()), int(first.timestamp())
    while after - before > 1:  # clocks change on whole seconds, once between the two
        middle = (before + after) // 2
        shifted = datetime.fromtimestamp(middle, zone).utcoffset() == first.astimezone(zone).utcoffset()
        before, after = (before, middle) if shifted else (middle, after)
    return {datetime.fromtimestamp(after, UTC)}


def opening_at(on: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of the time ``at`` on the local day ``on``.

    A time that a clock change leaves out comes as much later; of one that comes twice it is the first.
    """
    return datetime.combine(on, at, zone).astimezone(UTC)


def _window(contact: Contact, gate: str) -> GateClass:
    """The rules of that class; a kind without its own keeps those of a reminder."""
    return next((each for each in contact.classes if each.name == gate), contact.gate("reminder"))
