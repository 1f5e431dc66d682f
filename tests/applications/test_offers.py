"""The agreement that is signed: same amounts whatever the day of credit, one hash, words in two languages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi import policies
from refi.applications import offers, wording
from refi.applications.offers import Bill, Payee
from refi.errors import Refusal
from refi.schedules.amortization import Terms, schedule

CN = policies.load("cn")
ON = date(2026, 11, 22)
CARD = Payee("card", "CMB", "1234")


def body(on: date = ON, **changed: Any) -> dict[str, Any]:
    terms = replace(Terms(principal=1_200_000, annual_rate=Decimal("0.12"), installments=6), **changed)
    return offers.agreement(
        offer="off_x", product="card_refinance", plan=schedule(terms, on), payee=CARD, policy=CN
    )


BILL = Bill(date(2026, 11, 12), date(2026, 12, 2), False, 1_200_000, 0, True)


def sign(
    on: date = ON, signed: str | None = None, expires_on: date = date(2026, 11, 29), **bill: Any
) -> None:
    made = body()
    offers.require_signable(
        body=made,
        signed_hash=signed or offers.agreement_hash(made),
        expires_on=expires_on,
        bill=replace(BILL, **bill),
        policy=CN,
        on=on,
    )


@given(
    st.dates(date(2024, 1, 1), date(2104, 12, 31)),
    st.sampled_from([3, 6, 12]),
    st.integers(10_000, 20_000_000),
)
def test_the_day_of_credit_never_changes_an_amount(on: date, term: int, principal: int) -> None:
    one = body(on, installments=term, principal=principal)
    other = body(ON, installments=term, principal=principal)
    assert one == other
    assert offers.agreement_hash(one) == offers.agreement_hash(other)


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    made = body()
    turned = json.loads(json.dumps(dict(reversed(made.items()))))
    assert offers.agreement_hash(turned) == offers.agreement_hash(made)


@pytest.mark.parametrize(
    "changed",
    [{"principal": 1_200_001}, {"annual_rate": Decimal("0.120001")}, {"installments": 12}],
)
def test_the_hash_depends_on_every_term(changed: dict[str, Any]) -> None:
    assert offers.agreement_hash(body(**changed)) != offers.agreement_hash(body())


def test_the_hash_depends_on_who_is_paid_and_on_the_offer() -> None:
    made = body()
    assert (
        len(
            {
                offers.agreement_hash(each)
                for each in (
                    made,
                    {**made, "offer": "off_y"},
                    {**made, "payee": {**made["payee"], "last4": "9"}},
                )
            }
        )
        == 3
    )


def test_golden_agreement() -> None:
    made = body()
    assert (made["annual_rate"], made["apr"]) == ("0.120000", "0.119999")  # whole fen cost a millionth
    assert (made["total_interest"], made["total_of_payments"]) == (42_348, 1_242_348)
    assert [row["amount"] for row in made["installments"]] == [207_058] * 6
    assert "due_date" not in json.dumps(made)
    assert (made["early_payoff"], made["allocation"][0]) == ({"fee": 0, "interest": "days_elapsed"}, "fee")
    assert made["conventions"] == {
        "order": "fee_penalty_interest_principal",
        "across": "installments",
        "ahead": "next",
        "early_payoff": "to_the_day",
        "charge_off": "to_the_day",
    }


def test_a_good_signature_passes_up_to_the_last_day() -> None:
    sign()
    sign(on=date(2026, 11, 29))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"on": date(2026, 11, 30)}, "offer_expired"),
        ({"signed": "0" * 64}, "validation_failed"),
        ({"is_overdue": True}, "statement_overdue"),
        ({"due_date": date(2026, 11, 21)}, "statement_overdue"),
        ({"statement_date": date(2026, 10, 22)}, "statement_stale"),
        ({"payable": False}, "card_not_payable"),
        ({"refinanced": 1}, "statement_stale"),
        ({"balance": 1_199_999}, "statement_stale"),
    ],
)
def test_refused_signatures(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        sign(**changed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "en",
            [
                "CNY 12,000.00",
                "CMB card ending in 1234",
                "6 monthly installments",
                "CNY 423.48",
                "12.00 %",
                "18.00 %",
            ],
        ),
        (
            "zh-CN",
            [
                "CNY 12,000.00",
                "CMB信用卡（尾号1234）",
                "分6期",
                "CNY 423.48",
                "12.00 %",
                "18.00 %",
                "等额本息",
            ],
        ),
    ],
)
def test_words(locale: str, words: list[str]) -> None:
    text = wording.agreement_text(body(), locale)
    assert [word for word in words if word not in text] == []
    assert offers.agreement_hash(body()) in text
    assert text.count("CNY 2,070.58") == 6


def test_words_in_an_unknown_language_are_english() -> None:
    assert wording.agreement_text(body(), "fr") == wording.agreement_text(body(), "en")


@pytest.mark.parametrize(("due", "late"), [(date(2026, 11, 23), True), (date(2026, 11, 24), False)])
def test_warning_before_the_cards_due_date(due: date, late: bool) -> None:
    assert offers.payoff_is_late(due, CN, ON) is late
