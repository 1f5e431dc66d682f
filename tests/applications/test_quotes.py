"""A quote's words and its limits, market by market; its figures are in tests/schedules/test_savings.py."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from refi import policies
from refi.applications import quotes

ON = date(2026, 11, 22)


def said(market: str, locale: str) -> dict[str, str]:
    policy = policies.load(market)
    shown = quotes.shown(quotes.quote(policy, quotes.Wish(1_200_000), ON), policy, locale)
    return {each["code"]: each["text"] for each in shown["assumptions"]}


@pytest.mark.parametrize(
    ("market", "locale", "minimum", "rate"),
    [
        ("cn", "en", "10 % of the balance, at least CNY 50.00.", "0.05 % a day (18.25 % a year)"),
        ("cn", "zh-CN", "10%，且不低于 CNY 50.00。", "日利率 0.05%（年化 18.25%）"),
        ("us", "en", "3 % of the balance, at least USD 35.00.", "0.0575 % a day (20.99 % a year)"),
        ("us", "zh-CN", "3%，且不低于 USD 35.00。", "日利率 0.0575%（年化 20.99%）"),
    ],
)
def test_what_is_assumed_of_a_card_is_the_policys(market: str, locale: str, minimum: str, rate: str) -> None:
    found = said(market, locale)
    assert minimum in found["minimum_payment_rule"]
    assert rate in found["card_apr_assumed"]


@pytest.mark.parametrize(
    ("changed", "pointer", "code", "words"),
    [
        ({"due_date": date(2026, 11, 21)}, "/due_date", "in_the_past", "before 2026-11-22"),
        ({"due_date": date(2020, 2, 1)}, "/due_date", "in_the_past", "before 2026-11-22"),
        ({"due_date": date(2027, 11, 24)}, "/due_date", "too_far_ahead", "more than 366 days after"),
        ({"balance": 0}, "/balance", "out_of_range", "from 1 to 1000000000000000 minor units"),
        ({"card_apr": Decimal("18.25")}, "/card_apr", "out_of_range", "from 0 to 10"),
        ({"terms": (3, 5)}, "/terms/1", "not_offered", "3, 6, 12 months"),
        ({"terms": (3, 3)}, "/terms", "repeated", "each term once"),
        ({"method": "gift"}, "/method", "not_offered", "equal_installment"),
    ],
)
def test_what_cannot_be_quoted_is_named(changed: dict[str, Any], pointer: str, code: str, words: str) -> None:
    with pytest.raises(quotes.QuoteRefused) as refusal:
        quotes.quote(policies.load("cn"), quotes.Wish(**{"balance": 1_200_000, **changed}), ON)
    assert [(fault.pointer, fault.code) for fault in refusal.value.faults] == [(pointer, code)]
    assert words in refusal.value.detail


@pytest.mark.parametrize("due", [ON, date(2027, 11, 23)])
def test_a_bill_due_today_or_within_a_year_is_quoted(due: date) -> None:
    made = quotes.quote(policies.load("cn"), quotes.Wish(1_200_000, due_date=due), ON)
    assert "credited_on_due_date" in made.assumptions
