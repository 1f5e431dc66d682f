"""Words: every template in every language, what must be in it, what must never be, and injection."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi import policies
from refi.applications import quote_words
from refi.applications import wording as agreements
from refi.documents import wording as letters
from refi.notifications.messages import Gate
from refi.notifications.segments import measure
from refi.notifications.templates import (
    SAYS_LENDER,
    TemplateRefused,
    breaches,
    plain,
    render,
    require,
    words_of,
)
from refi.notifications.words import OPT_OUT, TEMPLATES, Words, read_template
from refi.underwriting import reasons
from refi.web import messages

CN = policies.load("cn")
POLICIES = {market: policies.load(market) for market in ("cn", "us")}
VALUES = {
    "amount": 106_619,
    "currency": "CNY",
    "due_on": date(2026, 12, 22),
    "debit_on": date(2026, 12, 21),
    "code": "482913",
    "alert": "reason_mix",
    "figures": "psi 0.31",
    "on": date(2026, 12, 20),
    "id": "alrt_01",
    "minutes": 5,
    "term": 6,
    "apr": Decimal("0.1200"),
    "opt_out": "T",
    "everything": False,
}
LINK = "https://refi.example/o/abc"
EVERY = [
    (name, channel, locale, number)
    for name, template in TEMPLATES.items()
    for number, wordings in enumerate(template.versions, start=1)
    for channel, locale in wordings
]
IN_FORCE = [each for each in EVERY if each[3] == TEMPLATES[each[0]].version]
PUSHES = [each for each in EVERY if each[1] == "push"]
LETTERS = [each for each in IN_FORCE if each[1] == "email"]
SENDER, LENDER = "{{ sender }}", "{{ lender }}"
THREATS = (
    r"court|police|legal action|sue\b|seize|arrest|blacklist|family|employer"
    r"|法院|起诉|警|律师|黑名单|家人|单位|上门|后果自负"
)
LADDER = ("due_soon", "due_tomorrow", "due_today", "past_due", "past_due_firm", "past_due_final")


def chinese() -> list[str]:
    """Every sentence in zh-CN that a person may be shown."""
    found = [chinese for _, _, chinese in messages.TITLES.values()]
    found += [texts["zh-CN"] for texts in reasons.TEXTS.values()]
    found += [chinese for _, chinese in quote_words.WORDS.values()]
    found += [*letters.ZH.values(), *(chinese for _, chinese in letters.MOVEMENTS.values())]
    found += agreements.TEXTS["zh-CN"].split("\n\n")[1].split("\n")
    found += [
        said
        for template in TEMPLATES.values()
        for (_, locale), each in template.versions[-1].items()
        for said in (each.text, each.subject)
        if locale == "zh-CN" and said is not None
    ]
    return found


def words(name: str, channel: str, locale: str, **changed: object) -> Words:
    return render(CN, name, channel, locale, VALUES | changed, opt_out_url=LINK)


@pytest.mark.parametrize(("name", "channel", "locale", "number"), EVERY)
def test_every_text_of_every_version_names_the_sender_and_fits(
    name: str, channel: str, locale: str, number: int
) -> None:
    said = render(CN, name, channel, locale, VALUES, version=number, opt_out_url=LINK)
    assert CN.messages.sender[locale] in said.text + str(said.subject)
    assert "{{" not in said.text + str(said.subject)
    if channel == "sms":
        assert measure(said.text).segments <= 2
    else:
        assert len(said.text) <= 600


@pytest.mark.parametrize("said", chinese())
def test_chinese_has_its_own_punctuation(said: str) -> None:
    filled = re.sub(r"\{[^{}]*\}", "数", said.replace("{{", "{").replace("}}", "}"))
    assert not re.search(r"[一-鿿%。，；：）]\s*[,:;()?!]|[,:;()?!]\s*[一-鿿]", filled), said


@pytest.mark.parametrize("market", POLICIES)
@pytest.mark.parametrize("name", [each[0] for each in IN_FORCE if each[1:3] == ("sms", "en")])
def test_the_largest_amount_still_fits(market: str, name: str) -> None:
    policy = POLICIES[market]
    most = {**VALUES, "amount": 10**15, "currency": policy.market.currency, "term": 60}
    for locale in policy.market.locales:
        assert render(policy, name, "sms", locale, most, opt_out_url=LINK)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_no_wording_in_force_breaks_a_legal_rule(template: object) -> None:
    assert breaches(template) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "channel", "locale", "number"), IN_FORCE)
def test_the_legal_lines_are_really_there(name: str, channel: str, locale: str, number: int) -> None:
    said, gate = words(name, channel, locale), TEMPLATES[name].gate
    if gate in SAYS_LENDER and channel != "push":
        assert CN.messages.lender[locale] in said.text
    if gate is Gate.MARKETING:
        promised = {"sms": "T", "email": LINK, "push": "设置" if locale == "zh-CN" else "settings"}
        assert promised.get(channel, promised["push"]) in said.text


@pytest.mark.parametrize(
    ("name", "channel", "locale", "number"), [each for each in EVERY if each[1] == "push"]
)
def test_a_locked_screen_shows_no_debt(name: str, channel: str, locale: str, number: int) -> None:
    said = render(CN, name, channel, locale, VALUES, version=number)
    shown = f"{said.subject or ''} {said.text}"
    assert not re.search(r"[0-9¥$]", shown), shown
    assert not re.search(r"due|owe|debt|overdue|loan|逾期|还款|欠|借款", shown, re.IGNORECASE), shown


@pytest.mark.parametrize(("name", "channel", "locale", "number"), LETTERS)
def test_the_subject_of_an_email_shows_no_debt(name: str, channel: str, locale: str, number: int) -> None:
    subject = str(words(name, channel, locale).subject)
    assert not re.search(r"[0-9¥$]|due|owe|debt|loan|逾期|还款|欠|借款", subject, re.IGNORECASE), subject


@pytest.mark.parametrize(("name", "channel", "locale", "number"), EVERY)
def test_nobody_is_threatened(name: str, channel: str, locale: str, number: int) -> None:
    said = render(CN, name, channel, locale, VALUES, version=number, opt_out_url=LINK).text
    assert not re.search(THREATS, said, re.IGNORECASE), said


@pytest.mark.parametrize("name", LADDER)
def test_the_ladder_speaks_on_every_channel_in_every_language(name: str) -> None:
    assert set(TEMPLATES[name].versions[-1]) == {
        (channel, locale) for channel in ("sms", "push", "email", "inbox") for locale in ("zh-CN", "en")
    }


def test_every_channel_and_language_has_its_opt_out_line() -> None:
    to_operators = "webhook"
    assert set(OPT_OUT) == {(each, locale) for _, each, locale, _ in IN_FORCE if each != to_operators}


def test_amounts_and_dates_are_of_the_language() -> None:
    assert "¥1,066.19" in words("due_tomorrow", "sms", "zh-CN").text
    assert "2026年12月22日" in words("due_tomorrow", "sms", "zh-CN").text
    assert "CN¥1,066.19" in words("due_tomorrow", "sms", "en").text
    assert "Dec 22, 2026" in words("due_tomorrow", "sms", "en").text
    assert "$1,066.19" in words("due_tomorrow", "sms", "en", currency="USD").text
    assert "¥106,619" in words("due_tomorrow", "sms", "en", currency="JPY").text
    assert "12.00%" in words("micro_loan", "sms", "en").text


@pytest.mark.parametrize("market", POLICIES)
def test_the_ladder_of_a_market_has_its_words(market: str) -> None:
    require(POLICIES[market])


def test_a_ladder_without_words_is_refused_by_its_rule() -> None:
    version = CN.ladder.versions[0]
    rules = (
        next(r for r in version.rules if r.name == "tomorrow").model_copy(
            update={"template": "due_yesterday"}
        ),
    )
    versions = (version.model_copy(update={"rules": rules}),)
    wrong = CN.model_copy(update={"ladder": CN.ladder.model_copy(update={"versions": versions})})
    with pytest.raises(TemplateRefused, match="rule tomorrow: no words for due_yesterday"):
        require(wrong)


def test_what_was_sent_can_be_worded_again() -> None:
    assert TEMPLATES["due_tomorrow"].version > 1
    first = render(CN, "due_tomorrow", "sms", "en", VALUES, version=1).text
    assert (
        first
        == "Refi: your payment of CN¥1,066.19 is due tomorrow, Dec 22, 2026. Ignore this if you have paid."
    )
    assert words_of("due_tomorrow", "sms", "en")[0] == TEMPLATES["due_tomorrow"].version
    for number in (0, -1, TEMPLATES["due_tomorrow"].version + 1):
        with pytest.raises(TemplateRefused, match=f"no version {number}"):
            render(CN, "due_tomorrow", "sms", "en", VALUES, version=number)


@pytest.mark.parametrize(
    ("name", "channel", "locale", "values", "said"),
    [
        ("due_tomorrow", "sms", "en", {"amount": 1, "currency": "CNY"}, "missing due_on"),
        ("due_tomorrow", "sms", "en", {}, "missing amount, currency, due_on"),
        ("due_tomorrow", "sms", "fr", VALUES, "in fr"),
        ("due_tomorrow", "fax", "en", VALUES, "for fax"),
        ("due_yesterday", "sms", "en", VALUES, "no template due_yesterday"),
        ("due_tomorrow", "sms", "en", {**VALUES, "amount": 1066.19}, "whole minor units"),
        ("due_tomorrow", "sms", "en", {**VALUES, "amount": True}, "whole minor units"),
        ("due_tomorrow", "sms", "en", {**VALUES, "due_on": "2026-12-22"}, "a date"),
        ("one_time_code", "sms", "en", {**VALUES, "minutes": "9" * 200, "code": "x" * 400}, "longer than"),
        ("micro_loan", "email", "en", VALUES, "missing opt_out_line"),
    ],
)
def test_what_cannot_be_worded_is_refused_by_name(
    name: str, channel: str, locale: str, values: dict[str, object], said: str
) -> None:
    with pytest.raises(TemplateRefused, match=said):
        render(CN, name, channel, locale, values)


def test_a_value_is_never_a_template() -> None:
    evil = "{{ ''.__class__.__mro__[1].__subclasses__() }}{% raw %}"
    assert evil in words("one_time_code", "sms", "en", code=evil).text


@pytest.mark.parametrize("name", ["sender", "lender", "opt_out_line"])
def test_what_we_say_of_ourselves_cannot_be_set_by_a_value(name: str) -> None:
    assert "Somebody" not in words("micro_loan", "sms", "en", **{name: "Somebody"}).text
    assert "Somebody" not in words("due_soon", "email", "en", **{name: "Somebody"}).text


@pytest.mark.parametrize(
    ("evil", "harmless"),
    [
        ("Wang\r\nBcc: everybody@example.com", "Wang Bcc: everybody@example.com"),
        ("a\x00b\x1b[31m\u2028c", "a b [31m c"),
        ("张\u202e三\u2066x\u2069", "张三x"),
        ("\u200f\u200bWang", "Wang"),
        ("see http://evil.example/x?y=1 now", "see … now"),
        ("pay at www.evil.example", "pay at …"),
        ("evil.example/pay", "…"),
        ("weixin://dl/chat", "…"),
        ("J. R. Smith", "J. R. Smith"),
        ("王" * 500, "王" * 200),
    ],
)
def test_a_value_can_do_no_harm(evil: str, harmless: str) -> None:
    assert plain(evil) == harmless


@given(st.text(max_size=300))
def test_whatever_a_value_is_it_stays_one_line_that_a_header_takes(text: str) -> None:
    harmless = plain(text)
    assert len(harmless) <= 200
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = harmless
    assert bytes(letter).count(b"Bcc:") == 0 or "Bcc:" in harmless
    assert letter.keys() == ["Subject"]
    assert plain(harmless) == harmless


@pytest.mark.parametrize(
    ("channel", "subject", "text", "said"),
    [
        ("sms", None, "Pay {{ amount }}", "does not say who sends it"),
        ("sms", None, SENDER, "does not name the lender"),
        ("sms", None, f"{SENDER} {LENDER} {{{{ nmae }}}}", "nmae is not declared"),
        ("push", SENDER, "{{ amount }}", "amount would show on a locked screen"),
        ("push", "{{ amount }}", SENDER, "amount would show on a locked screen"),
        ("push", None, SENDER, "has no subject"),
        ("email", "{{ amount }}", f"{SENDER} {LENDER}", "amount would show on a locked screen"),
        ("email", "a\\nBcc: b", f"{SENDER} {LENDER}", "a subject is one line"),
        ("sms", None, f"{SENDER} {LENDER} {{{{ amount | nosuch }}}}", "No filter named 'nosuch'"),
        ("sms", None, f"{SENDER} {LENDER} {{{{ amount", "unexpected end of template"),
    ],
)
def test_a_wording_that_breaks_a_rule_is_named(
    channel: str, subject: str | None, text: str, said: str
) -> None:
    file = (
        f'gate = "reminder"\nvariables = ["amount"]\n[[versions]]\n[versions.{channel}]\nen.text = "{text}"'
    )
    template = read_template("new", file if subject is None else f'{file}\nen.subject = "{subject}"')
    assert any(said in line for line in breaches(template)), breaches(template)


def test_marketing_without_a_way_out_is_named() -> None:
    file = 'gate = "marketing"\nvariables = []\n[[versions]]\n[versions.sms]\n'
    template = read_template("new", f'{file}en.text = "{SENDER} {LENDER}"')
    assert breaches(template) == ["new for sms in en: does not say how to opt out"]


@pytest.mark.parametrize("text", ["", "gate = 1", 'gate = "shout"\nvariables = []\nversions = []', "["])
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        read_template("new", text)
