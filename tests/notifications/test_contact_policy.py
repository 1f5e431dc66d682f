"""The contact gate: hours, caps, consent, standstills, and the first instant at which all agree."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refi import policies
from refi.notifications.contact_policy import Ask, Verdict, may_contact, opening_at

POLICIES = {market: policies.load(market) for market in ("cn", "us")}
CONTACT = POLICIES["cn"].contact
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [
    "Asia/Shanghai", "America/New_York", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago",
    "Asia/Kathmandu", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe",
]  # fmt: skip
MARKETING = {"consents": frozenset({"marketing"})}


def at(hour: int, minute: int = 0, zone: ZoneInfo = SHANGHAI, day: int = 22) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=zone).astimezone(UTC)


def judge(gate: str, when: datetime, **more: object) -> Verdict:
    fields = {"channel": "sms", "zone": SHANGHAI, **more}
    return may_contact(CONTACT, "v", Ask(gate=gate, at=when, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("market", POLICIES)
@pytest.mark.parametrize("gate", ["reminder", "collection", "marketing"])
@pytest.mark.parametrize("zone", ZONES)
def test_every_hour_of_the_day(market: str, gate: str, zone: str) -> None:
    contact = POLICIES[market].contact
    window = contact.gate(gate)  # type: ignore[arg-type]
    for minutes in range(0, 24 * 60, 30):
        local = datetime.combine(date(2026, 11, 22), time(minutes // 60, minutes % 60), ZoneInfo(zone))
        asked = Ask(gate, "sms", local.astimezone(UTC), ZoneInfo(zone), **MARKETING)
        verdict = may_contact(contact, "v", asked)
        assert verdict.allowed == (window.from_time <= local.time() < window.until_time), local
        if not verdict.allowed:
            assert verdict.rules == ("quiet_hours",)
            assert verdict.retry_at is not None
            opens = verdict.retry_at.astimezone(ZoneInfo(zone))
            assert opens.time() == window.from_time
            assert timedelta(0) < verdict.retry_at - asked.at < timedelta(hours=25)


def test_the_edges_of_the_window() -> None:
    assert not judge("reminder", at(7, 59)).allowed
    assert judge("reminder", at(8)).allowed
    assert judge("reminder", at(21, 59)).allowed
    assert judge("reminder", at(22)).rules == ("quiet_hours",)
    assert judge("reminder", at(22)).retry_at == at(8, day=23)
    assert judge("marketing", at(20), **MARKETING).retry_at == at(8, day=23)


def test_an_hour_is_the_borrowers_own() -> None:
    new_york = ZoneInfo("America/New_York")
    assert judge("reminder", at(10)).allowed
    assert judge("reminder", at(10), zone=new_york).allowed  # 21:00 the evening before
    assert judge("reminder", at(12), zone=new_york).retry_at == at(8, zone=new_york)


def test_one_a_day_and_three_a_week() -> None:
    today = judge("reminder", at(15), earlier=[at(9)])
    assert today.rules == ("sms_push_per_day",)
    assert today.retry_at == at(8, day=23)
    week = judge("reminder", at(15), earlier=[at(9, day=16), at(9, day=18), at(9, day=20)])
    assert week.rules == ("sms_push_per_week",)
    assert week.retry_at == at(8, day=23)  # the one of the 16th is then seven days old
    assert judge("reminder", at(15), earlier=[at(9, day=15), at(9, day=18), at(9, day=20)]).allowed
    assert judge("reminder", at(15), earlier=[at(9)], channel="email").allowed


def test_all_rules_are_named_and_the_retry_heeds_them_all() -> None:
    verdict = judge("reminder", at(23), earlier=[at(9, day=17), at(9, day=20), at(10)])
    assert verdict.rules == ("quiet_hours", "sms_push_per_day", "sms_push_per_week")
    assert verdict.retry_at == at(8, day=24)


def test_marketing_needs_consent_and_a_borrower_in_order() -> None:
    assert judge("marketing", at(12)).rules == ("marketing_consent_missing",)
    assert judge("marketing", at(12)).retry_at is None
    late = judge("marketing", at(23), standing=frozenset({"past_due"}), **MARKETING)
    assert late.rules == ("marketing_stopped_past_due", "quiet_hours")
    assert late.retry_at is None
    assert judge("reminder", at(12), standing=frozenset({"past_due"})).allowed


@pytest.mark.parametrize("gate", ["one_time_code", "receipt", "requested_notice"])
def test_what_the_borrower_asked_for_passes_at_night(gate: str) -> None:
    assert judge(gate, at(3), earlier=[at(2), at(1)] * 3).allowed


instants = st.datetimes(
    datetime(2026, 10, 20),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2027, 4, 20),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@settings(max_examples=300)
@given(
    market=st.sampled_from(sorted(POLICIES)),
    gate=st.sampled_from(["reminder", "collection", "marketing"]),
    zone=st.sampled_from(ZONES),
    now=instants,
    ago=st.lists(st.integers(0, 8 * 24 * 60), max_size=6),
)
def test_waiting_until_retry_at_is_enough_and_needed(
    market: str, gate: str, zone: str, now: datetime, ago: list[int]
) -> None:
    contact = POLICIES[market].contact
    earlier = [now - timedelta(minutes=minutes) for minutes in ago]

    def ask(when: datetime) -> Verdict:
        return may_contact(contact, "v", Ask(gate, "push", when, ZoneInfo(zone), earlier, **MARKETING))

    verdict = ask(now)
    if verdict.allowed:
        assert verdict.retry_at is None
        return
    assert verdict.retry_at is not None
    assert verdict.retry_at > now
    assert ask(verdict.retry_at).allowed
    moment = now
    while (moment := moment + timedelta(minutes=47)) < verdict.retry_at:
        assert not ask(moment).allowed


def test_a_time_that_a_clock_change_leaves_out_comes_later() -> None:
    new_york = ZoneInfo("America/New_York")
    instant = opening_at(date(2027, 3, 14), time(2, 30), new_york)
    assert instant.astimezone(new_york).time() == time(3, 30)
    twice = opening_at(date(2026, 11, 1), time(1, 30), new_york)
    assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
