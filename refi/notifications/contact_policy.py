"""May the borrower be contacted now? One function for machine and human. Pure.

Quiet hours in the borrower's own zone, caps over SMS and push together, consent and standstills for
marketing (RULES, Contact). The answer names every rule that says no, the policy version, and the first
instant at which none would; ``retry_at`` is None when waiting does not help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from refi.policies import Contact, GateClass

CAPPED = frozenset({"sms", "push"})
WEEK = 7
LOOKED_AHEAD = 2 * WEEK + 1


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish to contact a borrower.

    ``gate`` is the class of contact, ``at`` the instant, ``zone`` the borrower's, ``earlier`` the instants of
    SMS and push that count (of the last eight days at least), ``consents`` the purposes agreed to now,
    ``standing`` what the borrower is in (``past_due``, ``hold`` …).
    """

    gate: str
    channel: str
    at: datetime
    zone: ZoneInfo
    earlier: Sequence[datetime] = ()
    consents: frozenset[str] = frozenset()
    standing: frozenset[str] = frozenset()


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
    if ask.gate in contact.exempt:
        return Verdict((), version)
    final = _final(contact, ask)
    passing = _passing(contact, ask, ask.at)
    if final or not passing:
        return Verdict((*final, *passing), version)
    return Verdict(passing, version, _next(contact, ask))


def _final(contact: Contact, ask: Ask) -> tuple[str, ...]:
    """Rules that time does not heal."""
    if ask.gate != "marketing":
        return ()
    found = [] if contact.marketing_consent in ask.consents else ["marketing_consent_missing"]
    found += [f"marketing_stopped_{name}" for name in contact.marketing_stopped_by if name in ask.standing]
    return tuple(found)


def _passing(contact: Contact, ask: Ask, at: datetime) -> tuple[str, ...]:
    """Rules that say no at the instant ``at`` and will say yes later."""
    local = at.astimezone(ask.zone)
    window = _window(contact, ask.gate)
    found = [] if window.from_time <= local.time() < window.until_time else ["quiet_hours"]
    if ask.channel in CAPPED:
        days = [instant.astimezone(ask.zone).date() for instant in ask.earlier]
        if days.count(local.date()) >= contact.sms_push_per_day:
            found.append("sms_push_per_day")
        since = local.date() - timedelta(days=WEEK - 1)
        if sum(since <= day <= local.date() for day in days) >= contact.sms_push_per_week:
            found.append("sms_push_per_week")
    return tuple(found)


def _next(contact: Contact, ask: Ask) -> datetime | None:
    """The first opening of a window from now on at which nothing says no."""
    window = _window(contact, ask.gate)
    today = ask.at.astimezone(ask.zone).date()
    for days in range(LOOKED_AHEAD):
        opening = opening_at(today + timedelta(days=days), window.from_time, ask.zone)
        if opening > ask.at and not _passing(contact, ask, opening):
            return opening
    return None


def opening_at(on: date, at: time, zone: ZoneInfo) -> datetime:
    """The instant (UTC) of the time ``at`` on the local day ``on``.

    A time that a clock change leaves out comes as much later; of one that comes twice it is the first.
    """
    return datetime.combine(on, at, zone).astimezone(UTC)


def _window(contact: Contact, gate: str) -> GateClass:
    """The hours of that class; a kind without its own hours keeps those of a reminder."""
    return next((each for each in contact.classes if each.name == gate), contact.gate("reminder"))
