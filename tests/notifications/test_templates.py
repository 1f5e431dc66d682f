"""Words: every template in every language, what must be in it, what must never be, and injection."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from refi import policies
from refi.notifications.templates import TemplateRefused, render
from refi.notifications.words import SENDER, TEXTS, VERSIONS

VALUES = {
    "amount": 106_619,
    "currency": "CNY",
    "due_on": date(2026, 12, 22),
    "code": "482913",
    "minutes": 5,
    "term": 6,
    "apr": Decimal("0.1200"),
    "opt_out": "T",
}
EVERY = [(name, channel, locale) for name, texts in TEXTS.items() for channel, locale in texts]


@pytest.mark.parametrize(("name", "channel", "locale"), EVERY)
def test_every_text_names_the_sender_and_fits(name: str, channel: str, locale: str) -> None:
    text = render(name, channel, locale, VALUES)
    assert SENDER[locale] in text
    assert "{{" not in text
    assert len(text) <= (140 if locale == "zh-CN" else 160), len(text)


@pytest.mark.parametrize(("name", "channel", "locale"), [each for each in EVERY if each[1] == "push"])
def test_a_locked_screen_shows_no_debt(name: str, channel: str, locale: str) -> None:
    text = render(name, channel, locale, VALUES)
    assert not re.search(r"[0-9¥$]", text), text
    assert not re.search(r"due|owe|debt|overdue|loan|逾期|还款|欠|借款", text, re.IGNORECASE), text


def test_marketing_says_how_to_opt_out() -> None:
    assert "拒收请回复 T" in render("micro_loan", "sms", "zh-CN", VALUES)
    assert "Reply T to opt out" in render("micro_loan", "sms", "en", VALUES)


def test_amounts_and_dates_are_of_the_language() -> None:
    assert "¥1,066.19" in render("due_tomorrow", "sms", "zh-CN", VALUES)
    assert "2026年12月22日" in render("due_tomorrow", "sms", "zh-CN", VALUES)
    assert "CN¥1,066.19" in render("due_tomorrow", "sms", "en", VALUES)
    assert "Dec 22, 2026" in render("due_tomorrow", "sms", "en", VALUES)
    assert "$1,066.19" in render("due_tomorrow", "sms", "en", {**VALUES, "currency": "USD"})
    assert "¥106,619" in render("due_tomorrow", "sms", "en", {**VALUES, "currency": "JPY"})
    assert "12.00%" in render("micro_loan", "sms", "en", VALUES)


@pytest.mark.parametrize("market", ["cn", "us"])
def test_the_ladder_has_its_words(market: str) -> None:
    policy = policies.load(market)
    for step in policy.ladder.steps:
        for locale in policy.market.locales:
            assert step.template in VERSIONS
            assert render(step.template, step.channel, locale, VALUES)
            assert render(step.template, "sms", locale, VALUES)  # where a push falls back to


def test_every_template_has_a_version() -> None:
    assert set(VERSIONS) == set(TEXTS)


@pytest.mark.parametrize(
    ("name", "channel", "locale", "values"),
    [
        ("due_tomorrow", "sms", "en", {key: VALUES[key] for key in ("amount", "currency")}),
        ("due_tomorrow", "sms", "fr", VALUES),
        ("due_tomorrow", "fax", "en", VALUES),
        ("due_yesterday", "sms", "en", VALUES),
        ("due_tomorrow", "sms", "en", {**VALUES, "amount": 1066.19}),
        ("due_tomorrow", "sms", "en", {**VALUES, "amount": True}),
        ("due_tomorrow", "sms", "en", {**VALUES, "due_on": "2026-12-22"}),
    ],
)
def test_what_cannot_be_worded_is_refused(
    name: str, channel: str, locale: str, values: dict[str, object]
) -> None:
    with pytest.raises(TemplateRefused, match=name):
        render(name, channel, locale, values)


def test_a_value_is_never_a_template() -> None:
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% raw %}"
    assert evil in render("one_time_code", "sms", "en", {**VALUES, "code": evil})


def test_the_sender_cannot_be_set_by_a_value() -> None:
    assert "Somebody" not in render("one_time_code", "sms", "en", {**VALUES, "sender": "Somebody"})
