"""A policy file is either whole and consistent, or the service refuses to start and says where."""

from __future__ import annotations

import re
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from typing import get_args

import pytest
from pydantic import ValidationError

from refi import policies
from refi.policies import Policy, PolicyError, lending
from refi.schedules import conventions
from refi.schedules.allocation import Across, Ahead, Component
from refi.schedules.conventions import PriceUntil


def text_of(market: str) -> str:
    return resources.files("refi.policies").joinpath(f"{market}.toml").read_text(encoding="utf-8")


def changed(old: str, new: str, market: str = "cn") -> str:
    text = text_of(market)
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def line_of(text: str, fragment: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if fragment in line)


@pytest.mark.parametrize("market", ["cn", "us"])
def test_shipped_policies_load(market: str) -> None:
    policy = policies.load(market)
    assert policy.market.name == market
    assert policy.version.startswith(market)
    assert policies.load(market) is policy


def test_cn_says_what_the_rules_say() -> None:
    cn = policies.load("cn")
    assert cn.effective_on == date(2026, 11, 1)
    assert cn.product.terms == (3, 6, 12)
    assert cn.price.all_in_cap == Decimal("0.24")
    assert [cn.price.band(None).price(term).annual_rate for term in (3, 6, 12)] == [Decimal("0.12")] * 3
    assert cn.price.apr_range == (Decimal("0.108"), Decimal("0.144"))
    assert (cn.card.apr, cn.card.minimum_rate) == (Decimal("0.1825"), Decimal("0.10"))
    assert (cn.penalty.multiple, cn.penalty.year_days) == (Decimal("1.5"), 365)
    assert cn.contact.gate("collection").from_time == time(8)
    assert cn.contact.gate("collection").until_time == time(22)
    assert cn.contact.gate("marketing").until_time == time(20)
    ladder = cn.ladder.on(date(2026, 11, 22))
    assert [stage.days for stage in ladder.stages] == [-3, -1, 0, 1, 3, 7, 15, 30]
    assert cn.crosssell.micro_loan.minimum_on_time_installments == 3
    assert policies.load("us").delinquency.charge_off_from_days == 120


@pytest.mark.parametrize(
    ("days", "bucket"),
    [(0, "current"), (1, "M1"), (30, "M1"), (31, "M2"), (180, "M6"), (181, "M7+"), (999, "M7+")],
)
def test_buckets(days: int, bucket: str) -> None:
    assert policies.load("cn").delinquency.bucket(days) == bucket


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (None, "B"),
        (-5, "D"),
        (0, "D"),
        (559, "D"),
        (560, "C"),
        (620, "B"),
        (679, "B"),
        (680, "A"),
        (2000, "A"),
    ],
)
def test_bands(score: int | None, band: str) -> None:
    assert policies.load("cn").price.band(score).name == band


def test_a_step_lapses_when_the_next_begins() -> None:
    ladder = policies.load("cn").ladder.versions[0]
    assert [ladder.lapses_on(stage) for stage in ladder.stages] == [-1, 0, 1, 3, 7, 15, 30, None]


def test_policies_cannot_be_changed() -> None:
    cn = policies.load("cn")
    with pytest.raises(ValidationError, match="frozen"):
        cn.version = "other"  # type: ignore[misc]
    assert isinstance(cn.price.bands, tuple)
    assert isinstance(cn.price.bands[0].rates, tuple)


@pytest.mark.parametrize("market", ["cn", "us"])
def test_every_rule_says_its_standing(market: str) -> None:
    unmarked = [
        line
        for line in text_of(market).splitlines()
        if re.match(r"\w+ = ", line) and not re.search(r"  ?# (S|P verify with counsel|O)\b", line)
    ]
    assert unmarked == []


BROKEN = [
    ("terms = [3, 6, 12]", 'terms = [3, 6, 12]\nfavorite = "yes"', "favorite =", "unknown field"),
    ("minimum_age = 18", 'minimum_age = "18"', 'minimum_age = "18"', "valid integer"),
    (
        "below_score = 680",
        "below_score = 690",
        "from_score = 680",
        "overlapping price bands: B, A both hold 680",
    ),
    ("below_score = 680", "below_score = 670", "from_score = 680", "gap in price bands"),
    ("from_score = 0 ", "from_score = 300 ", "from_score = 300", "no band holds scores 0..299 (below D)"),
    ("below_score = 1001", "below_score = 1000", "below_score = 1000", "scores 1000..1000 (above A)"),
    ('{ band = "D", amount = 3_000_000 },', "", "bands = [", "gap in limits: there is none for price band D"),
    (
        "representative_rate =",
        "representativ_rate =",
        "representativ_rate =",
        "(representative_rate is missing)",
    ),
    ("all_in_cap = 0.24", "all_in_cap = 0.13", "annual_rate = 0.135", "cap below price: band C, 3 months"),
    (
        "annual_rate = 0.144, monthly_fee_rate = 0.0",
        "annual_rate = 0.144, monthly_fee_rate = 0.006",
        "annual_rate = 0.144",
        "cap below price: band D, 3 months",
    ),
    ("multiple = 1.5", "multiple = 1.6", "multiple =", "cap below price: penalty"),
    ("terms = [3, 6, 12]", "terms = [3, 6, 12, 24]", "[[price.bands]]", "has no price for 24 months"),
    ('band = "D", amount', 'band = "Z", amount', 'band = "Z"', "there is no price band Z"),
    ("from_days = 31", "from_days = 33", "from_days = 33", "gap in delinquency buckets"),
    ("from_days = 31", "from_days = 30", "from_days = 30", "overlapping delinquency buckets"),
    (
        "from_days = 61, to_days = 90 }",
        "from_days = 61 }",
        "from_days = 61 }",
        "only the last one may be open",
    ),
    ("approve_up_to_share = 0.50", "approve_up_to_share = 0.80", "[underwriting]", "overlapping bands"),
    (
        '  "limited_credit_experience", "no_credit_file"',
        '  "limited_credit_experience"',
        "[underwriting]",
        "does not rank no_credit_file",
    ),
    ('day_count = "30/360"', 'day_count = "actual/365"', "day_count =", "30/360"),
    ("annual_rate = 0.12, monthly", "annual_rate = nan, monthly", "annual_rate = nan", "finite"),
    ("days = -1,", "days = -4,", "[[ladder.versions]]", "days must rise"),
    ('name = "T-1", days', 'name = "T-3", days', "[[ladder.versions]]", "stages named twice: T-3"),
    ("share = 100 }", "share = 90 }", "[[ladder.versions]]", "the arms make 90, not 100"),
    ("share = 100 }", "share = 100, sharp = true }", "share = 100, sharp", "unknown field"),
    (
        '"missed", stage = "T+1", channels = ["push"',
        '"missed", stage = "T+1", channels = ["fax"',
        '"missed"',
        "'email' or",
    ),
    ('name = "missed",', 'name = "missed", colour = "red",', '"missed"', "unknown field"),
    ('name = "missed",', 'name = "missed", when = { history = ["rich"] },', '"missed"', "'first_loan'"),
    ('name = "missed",', 'name = "missed", when = { buckets = ["M9"] },', '"missed"', "no bucket M9"),
    ('name = "missed",', 'name = "missed", when = { arms = ["b"] },', "[[ladder.versions]]", "no arm b"),
    (
        'name = "missed",',
        'name = "missed", when = { amount_from = 5, amount_below = 5 },',
        '"missed"',
        "nothing would fit",
    ),
    (
        'name = "missed_for_days", stage = "T+3"',
        'name = "missed_for_days", stage = "T+1"',
        "[[ladder.versions]]",
        "overlapping rules: missed_for_days never applies, missed is asked before it",
    ),
    (
        'name = "missed_for_days", stage = "T+3"',
        'name = "missed_for_days", stage = "T+4"',
        "[[ladder.versions]]",
        "there is no stage T+4",
    ),
    (
        '"missed", stage = "T+1", channels = ["push", "sms"]',
        '"missed", stage = "T+1", channels = []',
        '"missed"',
        "or neither and says nothing",
    ),
    ("send_at = 10:00:00", "send_at = 07:59:59", '"T-3", days', "is a quiet hour"),
    ('time_zone = "Asia/Shanghai"', 'time_zone = "Asia/Nowhere"', "time_zone =", "Nowhere"),
    ('time_zone = "Asia/Shanghai"', 'time_zone = "posix/UTC"', "time_zone =", "no time zone posix/UTC"),
    ('order = ["fee", ', "order = [", "[allocation]", "once each"),
    ('order = ["fee", ', 'order = ["late_fee", ', "order =", "Input should be"),
    ('across = "installments"', 'across = "loans"', "across =", "'installments', 'components'"),
    ('ahead = "next"', 'ahead = "soonest"', "ahead =", "'next', 'last'"),
    ('early_payoff = "to_the_day"', 'early_payoff = "rule_of_78"', "early_payoff =", "'to_the_day'"),
    ('charge_off = "to_the_day"', "", "[ending]", "ending.charge_off: Field required"),
    ('across = "installments"', "", "[allocation]", "allocation.across: Field required"),
    ("year_days = 365", "year_days = 365 days", "year_days =", "not TOML"),
    ("charge_off_from_days = 180", "", "[delinquency]", "charge_off_from_days: Field required"),
]


@pytest.mark.parametrize(("old", "new", "at", "reason"), BROKEN, ids=[case[3][:40] for case in BROKEN])
def test_a_broken_file_is_refused_with_line_and_reason(
    old: str, new: str, at: str | None, reason: str
) -> None:
    text = changed(old, new)
    with pytest.raises(PolicyError) as refused:
        policies.parse(text, "cn.toml")
    assert reason in refused.value.reason
    if at is None:
        assert refused.value.line is None
        assert str(refused.value).startswith("cn.toml: ")
    else:
        assert refused.value.line == line_of(text, at)
        assert str(refused.value).startswith(f"cn.toml:{refused.value.line}: ")


def test_an_order_that_contradicts_itself_is_refused() -> None:
    text = changed('ahead = "next"', 'ahead = "last"').replace('"installments"', '"components_overall"')
    with pytest.raises(PolicyError, match="no order of its own") as refused:
        policies.parse(text, "cn.toml")
    assert refused.value.line == line_of(text, "[allocation]")


@pytest.mark.parametrize("market", ["cn", "us"])
def test_the_conventions_of_a_policy_are_those_of_schedules(market: str) -> None:
    found = conventions.named(policies.load(market).conventions)
    assert found == conventions.OURS
    pairs: list[tuple[type[StrEnum], object]] = [
        (Component, lending.Component),
        (Across, lending.Across),
        (Ahead, lending.Ahead),
        (PriceUntil, lending.PriceUntil),
    ]
    for kind, literal in pairs:
        assert set(get_args(literal)) == set(kind)


def test_the_right_one_of_repeated_tables_is_named() -> None:
    text = changed('name = "C"  ', 'name = "C"\nname_again = "C"  ')
    with pytest.raises(PolicyError, match="name_again") as refused:
        policies.parse(text, "cn.toml")
    assert refused.value.line == line_of(text, "name_again")


@pytest.mark.parametrize("market", ["xx", "../cn", "CN", ""])
def test_an_unknown_market_is_refused(market: str) -> None:
    with pytest.raises(PolicyError, match="no policy for market"):
        policies.load(market)


@pytest.mark.parametrize(
    ("term", "fee", "above"),
    [
        (3, "0.012130", False),
        (3, "0.012132", True),
        (6, "0.010708", False),
        (6, "0.010710", True),
        (12, "0.010119", False),
        (12, "0.010121", True),
    ],
)
def test_highest_fee_under_a_cap_of_24_percent(term: int, fee: str, above: bool) -> None:
    price = policies.TermPrice(term=term, annual_rate=Decimal(0), monthly_fee_rate=Decimal(fee))
    assert price.exceeds(Decimal("0.24")) is above


def test_parse_gives_a_policy() -> None:
    assert isinstance(policies.parse(text_of("us"), "us.toml"), Policy)
