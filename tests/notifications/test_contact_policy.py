"""The contact gate rule by rule: hours, caps, consent, standstills, calls, opt-outs, third parties."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from refi import policies
from refi.notifications.contact_policy import Ask, Calls, QuietHours, Verdict, may_contact, opening_at

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
    late = judge("marketing", at(23), stops={"past_due": None}, **MARKETING)
    assert late.rules == ("marketing_stopped_past_due", "quiet_hours")
    assert late.retry_at is None
    assert judge("reminder", at(12), stops={"past_due": None}).allowed


@pytest.mark.parametrize("gate", ["one_time_code", "receipt", "requested_notice"])
def test_what_the_borrower_asked_for_passes_at_night(gate: str) -> None:
    assert judge(gate, at(3), earlier=[at(2), at(1)] * 3).allowed


def phone(when: datetime, market: str = "cn", **more: object) -> Verdict:
    fields = {"channel": "phone", "zone": SHANGHAI, **more}
    return may_contact(POLICIES[market].contact, "v", Ask(gate="collection", at=when, **fields))  # type: ignore[arg-type]


def test_three_connected_calls_a_day_whoever_made_them() -> None:
    taken = [at(9), at(11), at(13)]
    assert phone(at(15), calls=Calls(connected=taken[:2])).allowed
    fourth = phone(at(15), calls=Calls(connected=taken))
    assert (fourth.rules, fourth.retry_at) == (("connected_calls_per_day",), at(8, day=23))
    assert judge("collection", at(15), calls=Calls(connected=taken)).allowed  # an SMS is no call


def test_six_unanswered_dials_of_a_number_a_day() -> None:
    dials = [at(9, minute) for minute in range(6)]
    assert phone(at(15), calls=Calls(unanswered=dials[:5])).allowed
    seventh = phone(at(15), calls=Calls(unanswered=dials))
    assert (seventh.rules, seventh.retry_at) == (("unanswered_dials_per_day",), at(8, day=23))


def test_seven_calls_in_seven_days_about_one_debt_in_the_us() -> None:
    week = [at(9, day=day) for day in range(16, 23)]
    assert phone(at(15), "us", calls=Calls(about_debt=week[1:])).allowed
    eighth = phone(at(15), "us", calls=Calls(about_debt=week))
    assert (eighth.rules, eighth.retry_at) == (("calls_per_seven_days",), at(8, day=23))
    assert phone(at(15), "us", calls=Calls(about_debt=[at(9, day=15), *week[1:]])).allowed
    assert phone(at(15), "cn", calls=Calls(about_debt=week)).allowed


@pytest.mark.parametrize(("day", "allowed"), [(15, True), (16, False), (22, False)])
def test_seven_days_of_rest_after_a_conversation_in_the_us(day: int, allowed: bool) -> None:
    verdict = phone(at(15), "us", calls=Calls(conversations=[at(9, day=day)]))
    assert verdict.allowed == allowed
    if not allowed:
        assert verdict.rules == ("quiet_days_after_conversation",)
        assert verdict.retry_at == at(8, day=day + 7 if day == 16 else 29)


def test_a_channel_that_the_borrower_closed_stays_closed() -> None:
    closed = judge("reminder", at(12), opted_out=frozenset({"sms"}))
    assert (closed.rules, closed.retry_at) == (("opted_out_sms",), None)
    assert judge("reminder", at(12), channel="push", opted_out=frozenset({"sms"})).allowed
    assert judge("one_time_code", at(12), opted_out=frozenset({"sms"})).allowed


def test_contact_that_was_taken_back() -> None:
    withdrawn = {"withdrawn": frozenset({"contact"})}
    for gate in ("reminder", "collection", "marketing"):
        assert "contact_consent_withdrawn" in judge(gate, at(12), **withdrawn).rules
    assert judge("receipt", at(12), **withdrawn).allowed
    assert judge("reminder", at(12), withdrawn=frozenset({"marketing"})).allowed


def test_the_borrowers_own_hours_take_the_place_of_the_laws() -> None:
    night = QuietHours(time(3), time(13))  # works until three, sleeps until one
    assert judge("reminder", at(23), quiet=night).allowed
    asleep = judge("collection", at(9), quiet=night)
    assert (asleep.rules, asleep.retry_at) == (("agreed_hours",), at(13))
    assert judge("marketing", at(23), quiet=night, **MARKETING).rules == ("quiet_hours",)
    assert judge("marketing", at(23), quiet=night, **MARKETING).retry_at == at(13, day=23)
    assert judge("marketing", at(9), quiet=night, **MARKETING).rules == ("agreed_hours",)


def test_quiet_hours_that_are_none() -> None:
    with pytest.raises(ValueError, match="begin when they end"):
        QuietHours(time(8), time(8))
    assert QuietHours(time(22), time(8)).hold(time(23))
    assert not QuietHours(time(22), time(8)).hold(time(8))
    assert QuietHours(time(12), time(13)).hold(time(12))


def test_what_ends_on_a_day_is_waited_for() -> None:
    promised = judge("reminder", at(12), stops={"promise": date(2026, 11, 25)})
    assert (promised.rules, promised.retry_at) == (("reminder_stopped_promise",), at(8, day=26))
    assert judge("reminder", at(12, day=26), stops={"promise": date(2026, 11, 25)}).allowed
    far = judge("collection", at(12), stops={"hardship": date(2027, 3, 1), "dispute": date(2026, 12, 1)})
    assert far.retry_at == datetime(2027, 3, 2, 8, tzinfo=SHANGHAI)
    endless = judge("collection", at(12), stops={"hardship": None, "promise": date(2026, 11, 25)})
    assert endless.retry_at is None
    assert endless.rules == ("collection_stopped_hardship", "collection_stopped_promise")


def test_a_third_party_may_pass_a_message_and_learns_nothing() -> None:
    told = phone(at(12), person="third_party", tries=3, tells_debt=True)
    assert (told.rules, told.retry_at) == (("third_party_debt_data",), None)
    early = phone(at(12), person="third_party", tries=2, tells_debt=False)
    assert early.rules == ("third_party_borrower_reachable",)
    assert phone(at(12), person="third_party", tries=3, tells_debt=False).allowed
    assert phone(at(23), person="third_party", tries=3, tells_debt=False).rules == ("quiet_hours",)
    assert phone(at(12), person="authorized").allowed
    asked = may_contact(
        CONTACT, "v", Ask("requested_notice", "phone", at(12), SHANGHAI, person="third_party")
    )
    assert asked.rules == ("third_party_borrower_reachable", "third_party_debt_data")


def test_a_time_that_a_clock_change_leaves_out_comes_later() -> None:
    new_york = ZoneInfo("America/New_York")
    instant = opening_at(date(2027, 3, 14), time(2, 30), new_york)
    assert instant.astimezone(new_york).time() == time(3, 30)
    twice = opening_at(date(2026, 11, 1), time(1, 30), new_york)
    assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
