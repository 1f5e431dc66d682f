"""The contact gate over every market, hour, zone, counter and hold, against the rules written once more.

The second writing (`expected`) has its figures from RULES and not from the policy files, and looks at plain
local clock faces; the gate must agree with it in every cell. Then properties: waiting is enough and needed,
around midnight and clock changes too.
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refi import policies
from refi.notifications.contact_policy import Ask, Calls, QuietHours, Verdict, may_contact

CONTACT = {market: policies.load(market).contact for market in ("cn", "us")}
OPEN = {
    ("cn", "reminder"): (8, 22), ("cn", "collection"): (8, 22), ("cn", "marketing"): (8, 20),
    ("us", "reminder"): (8, 21), ("us", "collection"): (8, 21), ("us", "marketing"): (8, 20),
}  # fmt: skip
FACES = [
    time(0), time(3, 30), time(7, 59, 59), time(8), time(12), time(19, 59), time(20), time(20, 59, 59),
    time(21), time(21, 59, 59), time(22), time(23, 59, 59),
]  # fmt: skip
ZONES = ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"]
HOLDS = ["promise", "dispute", "hardship", "deceased", "legal", "complaint", "asked_to_stop"]
DAY = date(2026, 11, 22)
GRID = list(itertools.product(CONTACT, ("reminder", "collection", "marketing"), ZONES))


def local(face: time, zone: str, ago: int = 0) -> datetime:
    return datetime.combine(DAY - timedelta(days=ago), face, ZoneInfo(zone)).astimezone(UTC)


def closed(market: str, gate: str, face: time) -> list[str]:
    opens, closes = OPEN[market, gate]
    return [] if opens <= face.hour < closes else ["quiet_hours"]


def check(verdict: Verdict, expected: list[str], endless: bool) -> None:
    assert sorted(verdict.rules) == sorted(expected)
    assert verdict.allowed == (not expected)
    assert verdict.policy_version == "v"
    assert (verdict.retry_at is not None) == (bool(expected) and not endless)


@pytest.mark.parametrize(("market", "gate", "zone"), GRID)
def test_messages(market: str, gate: str, zone: str) -> None:
    counters = [((), False, False), ((0,), True, False), ((1, 3, 6), False, True), ((0, 1, 2), True, True),
                ((7, 8), False, False), ((1, 6, 7), False, False)]  # fmt: skip
    standing = [*HOLDS, "past_due", None]
    for face, (ago, daily, weekly), hold, agreed in itertools.product(
        FACES, counters, standing, (True, False)
    ):
        verdict = may_contact(CONTACT[market], "v", Ask(
            gate, "sms", local(face, zone), ZoneInfo(zone), [local(time(9), zone, days) for days in ago],
            consents=frozenset({"marketing"} if agreed else ()), stops={hold: None} if hold else {},
        ))  # fmt: skip
        expected = closed(market, gate, face)
        expected += ["sms_push_per_day"] * daily + ["sms_push_per_week"] * weekly
        endless = []
        if gate == "marketing" and not agreed:
            endless.append("marketing_consent_missing")
        if hold in HOLDS or (hold and gate == "marketing"):
            endless.append(f"{gate}_stopped_{hold}")
        check(verdict, expected + endless, bool(endless))


@pytest.mark.parametrize(("market", "gate", "zone"), GRID)
def test_calls(market: str, gate: str, zone: str) -> None:
    days = (None, 0, 6, 7)
    tallies = itertools.product(FACES, (2, 3, 4), (5, 6), (6, 7), days, ("dispute", None))
    for face, connected, unanswered, week, talked, hold in tallies:
        verdict = may_contact(CONTACT[market], "v", Ask(
            gate, "phone", local(face, zone), ZoneInfo(zone), consents=frozenset({"marketing"}),
            stops={hold: DAY} if hold else {},
            calls=Calls(
                [local(time(9), zone)] * connected + [local(time(9), zone, 1)] * 5,
                [local(time(9), zone)] * unanswered + [local(time(9), zone, 1)] * 9,
                [local(time(9), zone, days % 7) for days in range(week)] + [local(time(9), zone, 7)] * 5,
                [] if talked is None else [local(time(9), zone, talked)],
            ),
        ))  # fmt: skip
        expected = closed(market, gate, face)
        expected += ["connected_calls_per_day"] * (connected >= 3)
        expected += ["unanswered_dials_per_day"] * (unanswered >= 6)
        if market == "us":
            expected += ["calls_per_seven_days"] * (week >= 7)
            expected += ["quiet_days_after_conversation"] * (talked in (0, 6))
        if hold:
            expected.append(f"{gate}_stopped_{hold}")
        check(verdict, expected, endless=False)


@pytest.mark.parametrize("market", CONTACT)
@pytest.mark.parametrize("gate", ["one_time_code", "receipt", "requested_notice"])
def test_what_is_exempt_passes_everything(market: str, gate: str) -> None:
    for face, channel, hold in itertools.product(FACES, ("sms", "push", "email", "phone"), HOLDS):
        at = local(face, "Asia/Shanghai")
        verdict = may_contact(CONTACT[market], "v", Ask(
            gate, channel, at, ZoneInfo("Asia/Shanghai"), [at] * 9, stops={hold: None},
            withdrawn=frozenset({"contact", "marketing"}), opted_out=frozenset({channel}),
            calls=Calls([at] * 9, [at] * 9, [at] * 9, [at] * 9),
        ))  # fmt: skip
        check(verdict, [], endless=False)


SHIFTING = [
    *ZONES, "America/Los_Angeles", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe",
    "America/Havana", "Africa/Cairo", "Asia/Beirut", "Atlantic/Azores",
]  # fmt: skip
instants = st.datetimes(
    datetime(2026, 10, 20),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(2027, 4, 20),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=0))
faces = st.times().map(lambda face: face.replace(second=0, microsecond=0))
quiet_hours = st.none() | st.tuples(faces, faces).filter(lambda pair: pair[0] != pair[1])
New_York = "America/New_York"


@settings(max_examples=300, deadline=None)
@given(
    market=st.sampled_from(sorted(CONTACT)),
    gate=st.sampled_from(["reminder", "collection", "marketing"]),
    channel=st.sampled_from(["push", "phone", "email"]),
    zone=st.sampled_from(SHIFTING),
    now=instants,
    ago=st.lists(st.integers(0, 8 * 24 * 60), max_size=6),
    quiet=quiet_hours,
    promised=st.none() | st.integers(-1, 20),
)
@example(
    "cn",
    "reminder",
    "push",
    New_York,
    datetime(2027, 3, 14, 6, 50, tzinfo=UTC),
    [],
    (time(22), time(2, 30)),
    None,
)  # fmt: skip - quiet ends inside the hour that is left out
@example(
    "cn",
    "reminder",
    "push",
    New_York,
    datetime(2026, 11, 1, 6, 5, tzinfo=UTC),
    [],
    (time(0), time(1, 30)),
    None,
)  # fmt: skip - quiet comes back with the hour that comes twice
@example(
    "cn",
    "reminder",
    "push",
    "America/Havana",
    datetime(2027, 3, 14, 4, 30, tzinfo=UTC),
    [0],
    (time(3), time(4)),
    None,
)  # fmt: skip - a day that begins at one in the morning
def test_waiting_until_retry_at_is_enough_and_needed(
    market: str,
    gate: str,
    channel: str,
    zone: str,
    now: datetime,
    ago: list[int],
    quiet: tuple[time, time] | None,
    promised: int | None,
) -> None:
    earlier = [now - timedelta(minutes=minutes) for minutes in ago]
    stops = {} if promised is None else {"promise": now.date() + timedelta(days=promised)}

    def ask(when: datetime) -> Verdict:
        return may_contact(CONTACT[market], "v", Ask(
            gate, channel, when, ZoneInfo(zone), earlier, consents=frozenset({"marketing"}), stops=stops,
            quiet=QuietHours(*quiet) if quiet else None,
            calls=Calls(earlier, earlier, earlier, earlier[:1]),
        ))  # fmt: skip

    verdict = ask(now)
    if verdict.allowed:
        assert verdict.retry_at is None
        return
    if verdict.retry_at is None:  # the borrower's hours and ours never meet
        assert gate == "marketing"
        assert quiet is not None
        return
    assert verdict.retry_at > now
    assert ask(verdict.retry_at).allowed
    assert not ask(verdict.retry_at - timedelta(seconds=1)).allowed
    moment = now
    while (moment := moment + timedelta(minutes=29)) < verdict.retry_at:
        assert not ask(moment).allowed


@given(now=instants, zone=st.sampled_from(SHIFTING), market=st.sampled_from(sorted(CONTACT)))
def test_nobody_is_reached_at_night_by_any_clock(now: datetime, zone: str, market: str) -> None:
    hour = now.astimezone(ZoneInfo(zone)).hour
    for gate in ("reminder", "collection", "marketing"):
        ask = Ask(gate, "email", now, ZoneInfo(zone), consents=frozenset({"marketing"}))
        opens, closes = OPEN[market, gate]
        assert may_contact(CONTACT[market], "v", ask).allowed == (opens <= hour < closes)
