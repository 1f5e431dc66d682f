"""The decision: price the wish, let every rule look, answer a value that explains itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from refi.policies import Policy, ReasonCode
from refi.underwriting import affordability, codec, reasons
from refi.underwriting.card_history import history_of
from refi.underwriting.codec import Json
from refi.underwriting.facts import Facts, Product
from refi.underwriting.findings import Case, Effect, Finding
from refi.underwriting.policy import rules_of
from refi.underwriting.pricing import Priced, card_of, price
from refi.underwriting.reasons import Reason
from refi.underwriting.scorecard import Scored
from refi.underwriting.strategy import CHAMPION, Strategy


class Outcome(StrEnum):
    """What the engine decides; a decline is a value."""

    APPROVED = "approved"
    REFERRED = "referred"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with everything that made it.

    ``reasons`` are all that speak against an approval, most important first; ``priced`` is what would be
    offered, None when the wish is not sold.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    findings: tuple[Finding, ...]
    priced: Priced | None
    policy_version: str
    model_version: str | None
    reasons_shown: int
    facts: Facts
    scored: Scored | None = None
    counter: bool = False
    """The wish was declined for ``reasons``; ``priced`` is what is offered instead."""
    strategy: str = ""
    """Fingerprint of the strategy that decided."""
    arm: str = CHAMPION

    @property
    def shown(self) -> tuple[Reason, ...]:
        """The principal reasons as the borrower sees them: at most four, internal codes mapped."""
        return reasons.shown(self.reasons, self.reasons_shown)

    def record(self) -> dict[str, Json]:
        """The decision as JSON values, facts included; `read` makes the same decision of it."""
        written = codec.to_json(self)
        if not isinstance(written, dict):
            raise TypeError("a decision is an object")
        return written


def read(record: Json) -> Decision:
    """The decision that `Decision.record` wrote; ``ValueError`` for a damaged record."""
    decision: Decision = codec.from_json(Decision, _as_of_today(record))
    return decision


def _as_of_today(record: Json) -> Json:
    """A record of the first version said of every fact that there was no score; now the decision says it."""
    facts = record.get("facts") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(facts, dict) or "score" not in facts:
        return record
    return {**record, "facts": {name: fact for name, fact in facts.items() if name != "score"}}


def decide(facts: Facts, strategy: Strategy, arm: str = CHAMPION) -> Decision:
    """Decide, and try a counter-offer when the wish is declined.

    The same facts under the same strategy always give the same decision.
    """
    made = decide_wish(facts, strategy, arm)
    instead = _counter(facts, strategy) if made.outcome is Outcome.DECLINED else None
    if instead is None:
        return made
    return replace(made, outcome=Outcome.APPROVED, priced=instead, counter=True)


def decide_wish(facts: Facts, strategy: Strategy, arm: str = CHAMPION) -> Decision:
    """Decide about exactly what is wished."""
    return decide_scored(facts, strategy, score(facts, strategy), arm)


def decide_scored(facts: Facts, strategy: Strategy, scored: Scored | None, arm: str = CHAMPION) -> Decision:
    """Decide with a score at hand."""
    policy = strategy.policy
    case = _case(facts, strategy, scored)
    findings = tuple(rule(case) for rule in rules_of(facts.wish.product, policy))
    effects = {finding.effect for finding in findings}
    if Effect.DECLINE in effects:
        outcome = Outcome.DECLINED
    elif Effect.REFER in effects:
        outcome = Outcome.REFERRED
    else:
        outcome = Outcome.APPROVED
    return Decision(
        outcome=outcome,
        reasons=_ranked(findings, policy),
        findings=findings,
        priced=case.priced,
        policy_version=policy.version,
        model_version=None if strategy.card is None else strategy.card.version,
        reasons_shown=policy.underwriting.reasons_shown,
        facts=facts,
        scored=case.scored,
        strategy=strategy.fingerprint,
        arm=arm,
    )


def score(facts: Facts, strategy: Strategy) -> Scored | None:
    """The score of the card that is refinanced; None where the bills do not tell enough."""
    if strategy.card is None or facts.wish.product is not Product.CARD_REFINANCE:
        return None
    history = history_of(facts.bills.value, facts.credit_limit.value)
    return None if history is None else strategy.card.score(history)


WISH_RULES = frozenset(
    {
        *("AMOUNT_MAXIMUM", "OBLIGATIONS_SHARE", "EXPOSURE_LIMIT", "BAND_LIMIT"),
        *("PRICE_CARRIES_LOSS", "PRICE_CAP", "BENEFIT", "INCOME_VERIFIED"),
    }
)
"""Rules that may think otherwise of another amount or term; what the others decline stays declined."""


def _counter(facts: Facts, strategy: Strategy) -> Priced | None:
    """The largest lesser amount, else another term, that the engine approves outright; the wished term
    first."""
    first = decide_wish(facts, strategy)
    stuck = {each.rule for each in first.findings if each.hit} - WISH_RULES
    if stuck or first.priced is None or facts.wish.product is not Product.CARD_REFINANCE:
        return None
    wish = facts.wish
    terms = sorted(strategy.policy.product.terms, key=lambda term: (term != wish.term, -term))
    for amount in _amounts(facts, strategy.policy, first.priced.band):
        for term in terms:
            if (amount, term) != (wish.amount, wish.term):
                made = decide_wish(replace(facts, wish=replace(wish, amount=amount, term=term)), strategy)
                if made.outcome is Outcome.APPROVED:
                    return made.priced
    return None


def _amounts(facts: Facts, policy: Policy, band: str) -> list[int]:
    """Amounts to try, largest first: the wish itself, what the limits leave, and parts of the wish."""
    wish, owed = facts.wish.amount, facts.exposure.value or 0
    of_band = policy.underwriting.limits.of_band(band)
    limits = [policy.product.maximum_amount, policy.underwriting.exposure_limit - owed]
    if of_band is not None:
        limits.append(of_band - owed)
    parts = [int(wish * share) // 100 * 100 for share in policy.underwriting.counter_shares]
    least = policy.product.minimum_amount
    return sorted({each for each in (wish, *limits, *parts) if least <= each <= wish}, reverse=True)


def _case(facts: Facts, strategy: Strategy, scored: Scored | None) -> Case:
    policy = strategy.policy
    priced = price(facts.wish, scored=scored, card_apr=facts.card_apr.value, policy=policy, on=facts.on)
    if priced is None:
        return Case(facts, policy, None, None, None, scored, None)
    report = facts.bureau.value
    reported = report.monthly_obligations if report is not None else None
    total = affordability.monthly_obligations(
        installment=priced.installment_amount,
        unrefinanced_minimum=_minimum(facts, policy),
        other_card_minimums=facts.other_card_minimums.value or 0,
        loan_installments=facts.loan_installments.value or 0,
        elsewhere=reported or 0,
    )
    income = affordability.counted_income(facts, policy.underwriting.income)
    share: Fraction | None = affordability.burden(total, income) if income is not None else None
    return Case(facts, policy, priced, total, share, scored, income)


def _minimum(facts: Facts, policy: Policy) -> int:
    """The minimum payment of what the loan would leave on the card."""
    left = (facts.statement_balance.value or 0) - facts.wish.amount
    if left <= 0 or facts.wish.product is not Product.CARD_REFINANCE:
        return 0
    return card_of(left, policy, facts.card_apr.value or policy.card.apr).minimum(left)


def _ranked(findings: tuple[Finding, ...], policy: Policy) -> tuple[Reason, ...]:
    """Distinct reasons: what declines before what refers, then by the weight that the policy gives them."""
    strongest: dict[ReasonCode, bool] = {}
    for finding in findings:
        declines = finding.effect is Effect.DECLINE
        for code in (finding.reason, *finding.also):
            if code is not None:
                strongest[code] = strongest.get(code, False) or declines
    ordered = sorted(strongest, key=lambda code: (not strongest[code], policy.underwriting.rank(code)))
    return tuple(Reason(code, rank) for rank, code in enumerate(ordered, start=1))
