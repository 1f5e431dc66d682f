"""What a score, the limits and the expected loss do to a decision; counter-offers; strategies."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from refi import policies
from refi.policies import Challenger
from refi.policies.deciding import Authority
from refi.runtime import require_roles, require_strategies
from refi.underwriting import decision, shipped_service, strategy
from refi.underwriting.card_history import Month, history_of, months_late, used_as
from refi.underwriting.decision import Outcome, decide, decide_wish
from refi.underwriting.facts import Facts, card_facts
from refi.underwriting.pricing import expected_loss, funding_cost
from refi.underwriting.strategy import Arms, Strategy
from tests.underwriting.given import ON, facts, months

POLICY = policies.load("cn")
CN = shipped_service.strategy_of(POLICY)


def changed(**underwriting: Any) -> Strategy:
    policy = POLICY.model_copy(
        update={"version": "other", "underwriting": POLICY.underwriting.model_copy(update=underwriting)}
    )
    return Strategy(policy, CN.card)


def late_before(count: int = 3) -> tuple[Month, ...]:
    """On time now, late in the months before."""
    first, *rest = months(paid=0)
    return (first, *(replace(one, overdue=place < count) for place, one in enumerate(rest)))


def finding(made: decision.Decision, rule: str) -> decision.Finding:
    return next(each for each in made.findings if each.rule == rule)


def test_a_low_score_declines_for_what_cost_most() -> None:
    made = decide_wish(facts(bills=late_before(), credit_limit=1_100_000), CN)
    assert made.scored is not None
    assert made.scored.score < POLICY.underwriting.score.decline_below
    assert made.outcome is Outcome.DECLINED
    assert made.reasons[0].code == "delinquent_with_others"
    assert 1 <= len(made.shown) <= 4
    assert made.model_version == "cn-2026-11"


def test_between_the_cutoffs_a_person_looks() -> None:
    score = decide_wish(facts(), CN).scored
    assert score is not None
    rules = POLICY.underwriting.score.model_copy(
        update={"decline_below": score.score, "refer_below": score.score + 1}
    )
    assert decide_wish(facts(), changed(score=rules)).outcome is Outcome.REFERRED
    rules = rules.model_copy(update={"refer_below": score.score})
    assert decide_wish(facts(), changed(score=rules)).outcome is Outcome.APPROVED


@pytest.mark.parametrize(
    "bills",
    [
        None,
        months(count=5),
        months(paid=200_000)[:1],
        (replace(months()[0], paid=None), *months()[1:]),
        (months()[0], *(replace(one, statement_date=one.statement_date.replace(year=2025)) for one in
        months()[1:])),
    ],
)  # fmt: skip
def test_what_bills_do_not_tell_is_not_guessed(bills: tuple[Month, ...] | None) -> None:
    small = decide_wish(facts(bills=bills), CN)
    assert small.scored is None
    assert small.priced is not None
    assert small.priced.band == POLICY.price.default_band
    rules = POLICY.underwriting.score.model_copy(update={"refer_unscored_above": 1_199_999})
    made = decide_wish(facts(bills=bills), changed(score=rules))
    assert (made.outcome, [r.code for r in made.reasons]) == (
        Outcome.REFERRED,
        ["limited_credit_experience"],
    )
    rules = POLICY.underwriting.score.model_copy(update={"required": True})
    assert decide_wish(facts(bills=bills), changed(score=rules)).outcome is Outcome.REFERRED


def test_no_limit_no_score() -> None:
    assert history_of(months(), None) is None
    assert history_of(months(), 0) is None


def test_months_late_from_bills_that_only_say_late() -> None:
    assert months_late(months()) == [0] * 6
    assert months_late(months(overdue=True)) == [1, 0, 0, 0, 0, 0]
    assert months_late(late_before(2)) == [0, 2, 2, 0, 0, 0]
    assert months_late((months(overdue=True)[0], *late_before(1)[1:])) == [2, 2, 0, 0, 0, 0]


def test_how_a_card_is_used() -> None:
    bills = months(cash=600_000)
    used = used_as(bills, 5_000_000)
    assert (used.utilization, used.revolving_streak) == (Decimal("0.240000"), 5)
    assert used.paid_share == Decimal("0.175439")
    told = card_facts(bills, 5_000_000, bills[0].statement_date, ON)
    assert told["cash_share"].value == Decimal("0.500000")
    assert told["cash_share"].as_of == bills[0].statement_date
    assert {each.value for each in card_facts((), None, ON, ON).values()} == {None}


def test_mostly_cash_is_looked_at() -> None:
    assert decide_wish(facts(cash_share=Decimal("0.500000")), CN).outcome is Outcome.APPROVED
    assert decide_wish(facts(cash_share=Decimal("0.500001")), CN).outcome is Outcome.REFERRED


@pytest.mark.parametrize(
    ("name", "limit"), [("portfolio_exposure", "portfolio"), ("issuer_exposure", "issuer")]
)
def test_room_in_the_portfolio(name: str, limit: str) -> None:
    most = getattr(POLICY.underwriting.limits, limit)
    assert decide_wish(facts(**{name: most - 1_200_000}), CN).outcome is Outcome.APPROVED
    assert decide_wish(facts(**{name: most - 1_199_999}), CN).outcome is Outcome.REFERRED


def test_expected_loss_and_funding_by_hand() -> None:
    loss = POLICY.price.loss
    # 12,000.00 x 0.12 x 0.10 x 0.60 x 13/24 = 46.80 ; 12,000.00 x 0.025 x 13/24 = 162.50
    assert expected_loss(1_200_000, 12, Decimal("0.12"), loss) == 4_680
    assert funding_cost(1_200_000, 12, loss) == 16_250
    made = decide_wish(facts(), CN)
    assert made.priced is not None
    assert 0 < made.priced.expected_loss + made.priced.funding_cost < made.priced.cost


def test_a_price_that_does_not_carry_its_loss_is_not_offered() -> None:
    loss = POLICY.price.loss.model_copy(
        update={"default_to_loss": Decimal(1), "loss_given_default": Decimal(1)}
    )
    policy = POLICY.model_copy(update={"price": POLICY.price.model_copy(update={"loss": loss})})
    made = decide_wish(facts(), Strategy(policy, CN.card))
    assert finding(made, "PRICE_CARRIES_LOSS").hit
    assert made.outcome is Outcome.DECLINED


def test_a_counter_offer_of_another_term() -> None:
    tight = facts(monthly_income=280_000)  # 2,070.58 a month is too much, 1,066.19 is not
    assert decide_wish(tight, CN).outcome is Outcome.DECLINED
    made = decide(tight, CN)
    assert (made.outcome, made.counter) == (Outcome.APPROVED, True)
    assert made.priced is not None
    assert (made.priced.amount, made.priced.term) == (1_200_000, 12)
    assert [reason.code for reason in made.reasons] == ["excessive_obligations"]


def test_a_counter_offer_of_less() -> None:
    most = POLICY.underwriting.exposure_limit
    made = decide(facts(exposure=most - 1_000_000, monthly_income=5_000_000), CN)
    assert made.priced is not None
    assert (made.counter, made.priced.amount, made.priced.term) == (True, 1_000_000, 6)


@pytest.mark.parametrize(
    "changes",
    [
        {"statement_overdue": True},
        {"fraud_signals": ("same_device",), "monthly_income": 280_000},
        {"days_past_due": 3},
        {"card_apr": Decimal("0.05")},
        {"exposure": 20_000_000},
    ],
)
def test_no_counter_offer_helps(changes: dict[str, Any]) -> None:
    made = decide(facts(**changes), CN)
    assert (made.outcome, made.counter) == (Outcome.DECLINED, False)


def test_a_strategy_reads_back_whole() -> None:
    again = strategy.read(CN.body, CN.fingerprint, CN.policy)
    assert again.fingerprint == CN.fingerprint
    assert decide(facts(), again) == decide(facts(), CN)
    with pytest.raises(strategy.StrategyUnreadable):
        strategy.read({**CN.body, "policy": {}}, CN.fingerprint, CN.policy)


def test_a_strategy_of_before_a_section_existed_decides_as_it_did() -> None:
    """Policies grow; what decided years ago must still make its decisions again, under its own name."""
    body = json.loads(json.dumps(CN.body))
    del body["policy"]["underwriting"]["warning"]
    del body["policy"]["ladder"]
    for version in body["policy"]["contact"]["classes"]:
        del version["stopped_by"]
    body["policy"]["underwriting"]["refer_inquiries"] = 2
    body["policy"]["gone_since"] = {"of": "no use"}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    name = hashlib.sha256(canonical.encode()).hexdigest()
    again = strategy.read(body, name, CN.policy)
    assert again.fingerprint == name == decide(facts(), again).strategy
    assert again.policy.underwriting.refer_inquiries == 2
    with pytest.raises(strategy.StrategyUnreadable, match="not the strategy"):
        strategy.read(CN.body, name, CN.policy)


def test_any_change_of_a_figure_changes_the_fingerprint() -> None:
    other = changed(refer_inquiries=7)
    assert other.fingerprint != CN.fingerprint
    assert Strategy(CN.policy, None).fingerprint != CN.fingerprint


def test_a_borrower_stays_in_their_arm() -> None:
    other = changed(refer_inquiries=7)
    arms = Arms(CN, challengers=[("seven", Decimal("0.25"), other)])
    people = [f"bor_{k}" for k in range(4_000)]
    assigned = [arms.assigned(one, ON)[0] for one in people]
    assert assigned == [arms.assigned(one, ON)[0] for one in people]
    assert 900 < Counter(assigned)["seven"] < 1_100
    early = arms.challengers[0][2].policy.effective_on.replace(day=1, month=10)
    assert {arms.assigned(one, early)[0] for one in people} == {"champion"}


def test_a_shadow_watches_its_share() -> None:
    arms = Arms(CN, shadows=[("seven", Decimal(1), changed(refer_inquiries=7)), ("none", Decimal(0), CN)])
    assert [name for name, _ in arms.watching("bor_1")] == ["seven"]


def old_record() -> Any:
    """A record as the first version wrote it."""
    record: Any = decide_wish(facts(bills=None, credit_limit=None), CN).record()
    for name in ("scored", "counter", "strategy", "arm"):
        del record[name]
    added = ("credit_limit", "bills", "utilization", "paid_share", "revolving_streak", "minimum_payer")
    for name in (*added, "cash_share", "issuer_exposure", "portfolio_exposure"):
        del record["facts"][name]
    record["facts"]["score"] = {"value": None, "source": "our_books", "as_of": None}
    for each in record["findings"]:
        del each["also"]
    for name in ("expected_loss", "funding_cost"):
        del record["priced"][name]
    return record


def test_records_of_the_first_version_can_still_be_read() -> None:
    made = decision.read(old_record())
    assert isinstance(made.facts, Facts)
    assert made.facts.on == date(2026, 11, 22)
    assert made.scored is None


def test_a_scorecard_or_a_strategy_that_there_is_not_stops_the_process() -> None:
    rules = CN.policy.underwriting
    nowhere = rules.model_copy(update={"score": rules.score.model_copy(update={"card": "nowhere"})})
    with pytest.raises(policies.PolicyError, match=r"cn.toml:\d+: underwriting.score.card: .*nowhere"):
        require_strategies("cn", CN.policy.model_copy(update={"underwriting": nowhere}))
    arm = Challenger(name="nobody", mode="shadow", share=Decimal(1))
    watched = rules.model_copy(update={"challengers": (arm,)})
    with pytest.raises(policies.PolicyError, match="there is no strategy 'nobody'"):
        require_strategies("cn", CN.policy.model_copy(update={"underwriting": watched}))


def test_a_role_that_there_is_not_stops_the_process() -> None:
    rules = CN.policy.underwriting
    require_roles("cn", CN.policy)
    review = rules.review.model_copy(update={"authority": (Authority(role="reviwer", amount=1),)})
    misspelled = CN.policy.model_copy(update={"underwriting": rules.model_copy(update={"review": review})})
    with pytest.raises(
        policies.PolicyError, match=r"cn.toml:\d+: underwriting.review.authority.0: .*reviwer"
    ):
        require_roles("cn", misspelled)
