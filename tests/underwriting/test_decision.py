"""Who is approved, referred or declined, and why; and that a decision can be made again from its record."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from refi import policies
from refi.underwriting import decision, shipped_service
from refi.underwriting.decision import Outcome, decide_wish
from refi.underwriting.facts import Fact, Facts, Product, Source
from refi.underwriting.findings import Effect
from refi.underwriting.strategy import Strategy
from tests.underwriting.given import facts, months, report

POLICY = policies.load("cn")
CN = shipped_service.strategy_of(POLICY)


def codes(made: decision.Decision) -> list[str]:
    return [reason.code for reason in made.reasons]


def test_a_clean_revolver_is_approved_at_the_golden_price() -> None:
    made = decide_wish(facts(), CN)
    assert made.outcome is Outcome.APPROVED
    assert made.reasons == ()
    assert made.priced is not None
    assert (made.priced.annual_rate, made.priced.installment_amount) == (Decimal("0.12"), 207_058)
    assert (made.priced.total_interest, made.priced.saving_same_payment) == (42_348, 23_549)
    assert made.policy_version == CN.version


@pytest.mark.parametrize(
    ("term", "interest", "saving"), [(3, 24_080, 12_991), (6, 42_348, 23_549), (12, 79_423, 46_925)]
)
def test_golden_savings(term: int, interest: int, saving: int) -> None:
    priced = decide_wish(facts(wish={"term": term}), CN).priced
    assert priced is not None
    assert (priced.total_interest, priced.saving_same_payment, priced.worthwhile) == (interest, saving, True)


CASES: list[tuple[str, dict[str, Any], Outcome, list[str]]] = [
    ("under age", {"age": 17}, Outcome.DECLINED, ["identity_unverified"]),
    ("age unknown", {"age": None}, Outcome.REFERRED, ["identity_unverified"]),
    ("identity refuted", {"identity_verified": False}, Outcome.DECLINED, ["identity_unverified"]),
    ("identity unknown", {"identity_verified": None}, Outcome.REFERRED, ["identity_unverified"]),
    ("consent gone", {"consents": ("statement_read",)}, Outcome.REFERRED, ["application_incomplete"]),
    ("consents unknown", {"consents": None}, Outcome.REFERRED, ["application_incomplete"]),
    ("fraud", {"fraud_signals": ("same_device",)}, Outcome.REFERRED, ["suspected_fraud"]),
    ("card not payable", {"card_payable": False}, Outcome.DECLINED, ["card_not_payable"]),
    ("card unproven", {"card_payable": None}, Outcome.REFERRED, ["card_not_payable"]),
    ("overdue", {"statement_overdue": True}, Outcome.DECLINED, ["card_overdue"]),
    ("overdue unknown", {"statement_overdue": None}, Outcome.REFERRED, ["application_incomplete"]),
    ("statement of 30 days", {"statement_date": date(2026, 10, 23)}, Outcome.APPROVED, []),
    ("statement due today", {"statement_due_date": date(2026, 11, 22)}, Outcome.APPROVED, []),
    ("past its due", {"statement_due_date": date(2026, 11, 21)}, Outcome.DECLINED, ["statement_too_old"]),
    ("statement of 31 days", {"statement_date": date(2026, 10, 22)}, Outcome.DECLINED, ["statement_too_old"]),
    (
        "statement from the future",
        {"statement_date": date(2026, 11, 23)},
        Outcome.REFERRED,
        ["suspected_fraud"],
    ),
    ("more than the bill", {"statement_balance": 1_199_999}, Outcome.DECLINED, ["policy_exposure_limit"]),
    ("bill refinanced before", {"refinanced": 1}, Outcome.DECLINED, ["policy_exposure_limit"]),
    ("no statement", {"statement_balance": None}, Outcome.REFERRED, ["application_incomplete"]),
    ("no income", {"monthly_income": None}, Outcome.REFERRED, ["income_unverified"]),
    ("income of zero", {"monthly_income": 0}, Outcome.DECLINED, ["income_insufficient"]),
    ("income of 10^12", {"monthly_income": 10**12}, Outcome.REFERRED, ["income_unverified"]),
    ("share of exactly one half", {"monthly_income": 414_116}, Outcome.APPROVED, []),
    ("share just above one half", {"monthly_income": 414_115}, Outcome.REFERRED, ["excessive_obligations"]),
    (
        "share of exactly 0.70",
        {"monthly_income": 295_800, "other_card_minimums": 2},
        Outcome.REFERRED,
        ["excessive_obligations"],
    ),
    ("share just above 0.70", {"monthly_income": 295_796}, Outcome.DECLINED, ["excessive_obligations"]),
    ("other cards", {"other_card_minimums": 400_000}, Outcome.DECLINED, ["excessive_obligations"]),
    ("other loans", {"loan_installments": 220_000}, Outcome.REFERRED, ["excessive_obligations"]),
    ("exposure at the limit", {"exposure": 18_800_000}, Outcome.APPROVED, []),
    ("exposure above it", {"exposure": 18_800_001}, Outcome.DECLINED, ["policy_exposure_limit"]),
    ("exposure unknown", {"exposure": None}, Outcome.REFERRED, ["policy_exposure_limit"]),
    ("late with us", {"days_past_due": 1}, Outcome.DECLINED, ["poor_performance_with_us"]),
    ("charged off", {"charged_off": True}, Outcome.DECLINED, ["poor_performance_with_us"]),
    ("once seriously late", {"worst_days_past_due": 30}, Outcome.REFERRED, ["poor_performance_with_us"]),
    ("once a little late", {"worst_days_past_due": 29}, Outcome.APPROVED, []),
    ("card cheaper than we are", {"card_apr": Decimal("0.10")}, Outcome.DECLINED, ["no_benefit"]),
    ("card apr unknown", {"card_apr": None}, Outcome.REFERRED, ["no_benefit"]),
    ("card never cleared", {"card_apr": Decimal(9)}, Outcome.APPROVED, []),
    ("clean report", {"bureau": report()}, Outcome.APPROVED, []),
    (
        "judgment",
        {"bureau": report(collections_or_judgments=1)},
        Outcome.DECLINED,
        ["collection_or_judgment"],
    ),
    (
        "late elsewhere",
        {"bureau": report(open_delinquencies=1)},
        Outcome.DECLINED,
        ["delinquent_with_others"],
    ),
    ("many inquiries", {"bureau": report(inquiries_six_months=6)}, Outcome.REFERRED, ["recent_inquiries"]),
    (
        "young file",
        {"bureau": report(oldest_account_months=5)},
        Outcome.REFERRED,
        ["limited_credit_experience"],
    ),
    (
        "age of file unknown",
        {"bureau": report(oldest_account_months=None)},
        Outcome.REFERRED,
        ["limited_credit_experience"],
    ),
    (
        "debts elsewhere",
        {"bureau": report(monthly_obligations=400_000)},
        Outcome.DECLINED,
        ["excessive_obligations"],
    ),
]


@pytest.mark.parametrize(
    ("changed", "outcome", "reasons"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_one_thing_at_a_time(changed: dict[str, Any], outcome: Outcome, reasons: list[str]) -> None:
    made = decide_wish(facts(**changed), CN)
    assert (made.outcome, codes(made)) == (outcome, reasons)


@pytest.mark.parametrize(
    ("wish", "outcome"),
    [
        ({"term": 5}, Outcome.DECLINED),
        ({"amount": 0}, Outcome.DECLINED),
        ({"amount": 9_999}, Outcome.DECLINED),
        ({"amount": 10_000}, Outcome.APPROVED),
        ({"amount": 10**17}, Outcome.DECLINED),
        ({"method": "flat_fee"}, Outcome.DECLINED),
    ],
)
def test_only_what_is_sold_is_lent(wish: dict[str, Any], outcome: Outcome) -> None:
    made = decide_wish(facts(wish=wish), CN)
    assert made.outcome is outcome
    assert set(codes(made)) <= {"policy_exposure_limit", "income_unverified"}


def test_a_large_amount_is_looked_at_and_a_larger_one_declined() -> None:
    big = decide_wish(
        facts(wish={"amount": 10_000_001}, statement_balance=10_000_001, monthly_income=50_000_000), CN
    )
    reasons = ["policy_exposure_limit", "income_unverified"]
    assert (big.outcome, codes(big)) == (Outcome.REFERRED, reasons)
    bigger = decide_wish(
        facts(wish={"amount": 20_000_001}, statement_balance=20_000_001, monthly_income=50_000_000), CN
    )
    assert bigger.outcome is Outcome.DECLINED


def test_what_stays_on_the_card_still_costs_its_minimum() -> None:
    made = decide_wish(facts(wish={"amount": 200_000}, monthly_income=300_000), CN)
    obligations = next(finding for finding in made.findings if finding.rule == "OBLIGATIONS_SHARE")
    assert made.priced is not None
    minimum_of_the_rest = 100_000  # 10 % of 10,000.00
    assert obligations.seen["obligations"] == made.priced.installment_amount + minimum_of_the_rest


def test_every_reason_is_told_declines_first_and_at_most_four_are_shown() -> None:
    made = decide_wish(
        facts(
            statement_overdue=True,
            monthly_income=None,
            fraud_signals=("burst",),
            charged_off=True,
            card_apr=Decimal("0.05"),
            age=None,
            consents=(),
        ),
        CN,
    )
    assert codes(made) == [
        "poor_performance_with_us",
        "card_overdue",
        "no_benefit",
        "suspected_fraud",
        "identity_unverified",
        "income_unverified",
        "application_incomplete",
    ]
    assert [reason.rank for reason in made.reasons] == list(range(1, 8))
    assert [(reason.code, reason.rank) for reason in made.shown] == [
        ("poor_performance_with_us", 1),
        ("card_overdue", 2),
        ("no_benefit", 3),
        ("identity_unverified", 4),
    ]


def test_the_other_market_has_its_own_figures() -> None:
    us = policies.load("us")
    strategy = shipped_service.strategy_of(us)
    made = decide_wish(facts(card_apr=us.card.apr), strategy)
    assert (made.outcome, made.policy_version) == (Outcome.APPROVED, us.version)
    assert (
        decide_wish(facts(wish={"amount": 1_600_000}, statement_balance=1_600_000), strategy).outcome
        is Outcome.REFERRED
    )


def test_every_rule_leaves_its_trace() -> None:
    made = decide_wish(facts(), CN)
    rules = [finding.rule for finding in made.findings]
    assert len(rules) == len(set(rules)) == 31
    assert all(finding.effect is Effect.PASSED for finding in made.findings)


def test_a_micro_loan_needs_no_card() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ["card_payable", "card_apr", "statement_date", "statement_balance", "statement_overdue", "issuer"]
    )
    wish = {"product": Product.MICRO_LOAN, "amount": 300_000, "term": 6}
    assert decide_wish(facts(wish=wish, **nothing), CN).outcome is Outcome.APPROVED
    above = decide_wish(facts(wish={**wish, "amount": 300_001}, **nothing), CN)
    assert (above.outcome, codes(above)) == (Outcome.DECLINED, ["policy_exposure_limit"])


def test_a_required_report_that_is_missing_refers() -> None:
    strict = POLICY.model_copy(
        update={"underwriting": POLICY.underwriting.model_copy(update={"bureau_required": True})}
    )
    assert codes(decide_wish(facts(), Strategy(strict))) == ["no_credit_file"]


FACT_NAMES = [field.name for field in fields(Facts) if field.name not in {"on", "wish", "bureau", "issuer"}]
UNUSED = {
    "statement_due_date",
    "statement_minimum",
    "fraud_signals",
    "other_card_minimums",
    "loan_installments",
    *("utilization", "paid_share", "revolving_streak", "minimum_payer", "cash_share"),
    *("bills", "credit_limit", "verified_income"),
}


@pytest.mark.parametrize("name", sorted(set(FACT_NAMES) - UNUSED))
def test_a_missing_fact_never_approves_and_never_declines(name: str) -> None:
    assert decide_wish(facts(**{name: None}), CN).outcome is Outcome.REFERRED


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    choices: dict[str, Any] = {
        "age": st.none() | st.integers(0, 130),
        "identity_verified": st.none() | st.booleans(),
        "consents": st.none()
        | st.lists(st.sampled_from(["bureau_query", "statement_read", "marketing"])).map(tuple),
        "fraud_signals": st.none()
        | st.lists(st.sampled_from(["burst", "same_device"]), max_size=2).map(tuple),
        "card_payable": st.none() | st.booleans(),
        "card_apr": st.none() | st.decimals(0, 10, places=6),
        "statement_date": st.none() | st.dates(date(2024, 1, 1), date(2028, 1, 1)),
        "statement_balance": st.none() | st.integers(-(10**6), 10**9),
        "statement_overdue": st.none() | st.booleans(),
        "monthly_income": st.none() | st.integers(0, 10**12),
        "other_card_minimums": st.none() | st.integers(0, 10**7),
        "exposure": st.none() | st.integers(0, 10**8),
        "days_past_due": st.none() | st.integers(0, 400),
        "worst_days_past_due": st.none() | st.integers(0, 400),
        "charged_off": st.none() | st.booleans(),
        "bureau": st.none()
        | st.builds(
            report,
            open_delinquencies=st.integers(0, 3),
            inquiries_six_months=st.integers(0, 9),
            oldest_account_months=st.none() | st.integers(0, 400),
        ),
        "bills": st.none()
        | st.builds(months, st.integers(0, 10**8), st.integers(0, 10**8), st.integers(1, 6)),
        "credit_limit": st.none() | st.integers(0, 10**9),
        "cash_share": st.none() | st.decimals(0, 1, places=6),
    }
    changed = {name: draw(strategy) for name, strategy in choices.items() if draw(st.booleans())}
    wish = {
        "product": draw(st.sampled_from(list(Product))),
        "amount": draw(st.integers(-5, 10**9)),
        "term": draw(st.sampled_from([1, 3, 6, 12, 24])),
    }
    return facts(wish=wish, **changed)


@hypothesis_settings(deadline=None)
@hypothesis_given(any_facts())
def test_decisions_replay_and_explain_themselves(case: Facts) -> None:
    made = decide_wish(case, CN)
    record = json.loads(json.dumps(made.record()))
    again = decision.read(record)
    assert again == made
    assert decide_wish(again.facts, CN) == made
    assert decide_wish(again.facts, CN).record() == record
    answer = decision.decide(case, CN)
    assert decision.decide(decision.read(answer.record()).facts, CN).record() == answer.record()
    assert answer.counter == (answer.outcome is not made.outcome)
    hits = {finding.effect for finding in made.findings if finding.hit}
    expected = Outcome.DECLINED if Effect.DECLINE in hits else Outcome.REFERRED if hits else Outcome.APPROVED
    assert made.outcome is expected
    assert bool(made.reasons) == (made.outcome is not Outcome.APPROVED)
    assert len(made.shown) <= 4
    assert "suspected_fraud" not in {reason.code for reason in made.shown}
    if made.outcome is Outcome.APPROVED:
        assert made.priced is not None
        assert made.priced.effective_annual_rate <= POLICY.price.all_in_cap
        assert made.priced.worthwhile is not False


def test_a_better_score_never_costs_more() -> None:
    rates, scores = [], []
    cards = ((1_100_000, 50_000), (2_000_000, 120_000), (5_000_000, 200_000), (20_000_000, 600_000))
    for limit, paid in cards:
        made = decide_wish(facts(credit_limit=limit, bills=months(paid=paid)), CN)
        assert made.priced is not None
        assert made.scored is not None
        rates.append(made.priced.annual_rate)
        scores.append(made.scored.score)
    assert scores == sorted(scores)
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]


def test_facts_say_where_they_come_from() -> None:
    made = decide_wish(facts(monthly_income=None), CN)
    record: Any = made.record()
    assert record["facts"]["monthly_income"] == {"value": None, "source": "borrower", "as_of": None}
    assert record["facts"]["card_apr"] == {"value": "0.1825", "source": "statement", "as_of": "2026-11-22"}


@pytest.mark.parametrize(
    "damage", [{"outcome": "granted"}, {"facts": None}, {"policy_version": 1}, {"more": 1}]
)
def test_a_damaged_record_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        decision.read({**decide_wish(facts(), CN).record(), **damage})


def test_the_share_is_exact() -> None:
    seen = decide_wish(facts(monthly_income=414_116), CN).findings
    share = next(finding for finding in seen if finding.rule == "OBLIGATIONS_SHARE").seen["share"]
    assert share == "0.500000"
    assert Fraction(207_058, 414_116) == Fraction(1, 2)


def test_the_source_of_a_fact_does_not_change_the_outcome() -> None:
    told = facts()
    verified = replace(told, monthly_income=Fact(850_000, Source.STAFF, told.on))
    assert decide_wish(verified, CN).outcome is decide_wish(told, CN).outcome
