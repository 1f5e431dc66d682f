"""Rules that look at the score, and at what the price must carry. An unknown score never helps."""

from __future__ import annotations

from dataclasses import replace

from refi.policies import ReasonCode
from refi.underwriting.findings import Case, Finding, decline, passed, refer
from refi.underwriting.scorecard import Scored

REASONS_OF_A_SCORE = 4


def score_known(case: Case) -> Finding:
    """Without a score (fewer than six bills, no limit told) only a small amount is decided by the engine."""
    rules, amount = case.policy.underwriting.score, case.facts.wish.amount
    if case.scored is not None:
        return passed("SCORE_KNOWN", scored=True)
    seen = {"scored": False, "amount": amount, "automatic_up_to": rules.refer_unscored_above}
    if rules.required or amount > rules.refer_unscored_above:
        return refer("SCORE_KNOWN", "limited_credit_experience", **seen)
    return passed("SCORE_KNOWN", **seen)


def score_cutoff(case: Case) -> Finding:
    """A low score declines, a middling one is looked at; the reasons are what cost most points."""
    rules, scored = case.policy.underwriting.score, case.scored
    if scored is None:
        return passed("SCORE_CUTOFF", score=None)
    seen = {
        "score": scored.score,
        "default_probability": scored.default_probability,
        "decline_below": rules.decline_below,
        "refer_below": rules.refer_below,
    }
    if scored.score >= rules.refer_below:
        return passed("SCORE_CUTOFF", **seen)
    first, *rest = reasons_of(scored)
    say = decline if scored.score < rules.decline_below else refer
    return replace(say("SCORE_CUTOFF", first, **seen), also=tuple(rest))


def reasons_of(scored: Scored) -> tuple[ReasonCode, ...]:
    """What cost most points, most important first, each once; a thin file where nothing cost any."""
    codes = dict.fromkeys(each.reason for each in scored.contributions if each.lost > 0)
    return tuple(codes)[:REASONS_OF_A_SCORE] or ("limited_credit_experience",)


def band_limit(case: Case) -> Finding:
    """What one borrower may owe us in all depends on the risk band."""
    if case.priced is None:
        return passed("BAND_LIMIT", limit=None)
    limit = case.policy.underwriting.limits.of_band(case.priced.band)
    owed, amount = case.facts.exposure.value, case.facts.wish.amount
    seen = {"band": case.priced.band, "limit": limit, "exposure": owed, "amount": amount}
    if limit is None:
        return passed("BAND_LIMIT", **seen)
    if owed is None:
        return refer("BAND_LIMIT", "policy_exposure_limit", **seen)
    if owed + amount > limit:
        return decline("BAND_LIMIT", "policy_exposure_limit", **seen)
    return passed("BAND_LIMIT", **seen)


def portfolio_limit(case: Case) -> Finding:
    """Beyond what may be lent to everybody together, a person looks: it is not the borrower's doing."""
    return _room(
        case,
        "PORTFOLIO_LIMIT",
        case.facts.portfolio_exposure.value,
        case.policy.underwriting.limits.portfolio,
    )


def issuer_limit(case: Case) -> Finding:
    """Likewise for what is lent on the cards of one issuer."""
    return _room(
        case, "ISSUER_LIMIT", case.facts.issuer_exposure.value, case.policy.underwriting.limits.issuer
    )


def _room(case: Case, rule: str, lent: int | None, limit: int) -> Finding:
    seen = {"lent": lent, "amount": case.facts.wish.amount, "limit": limit}
    if lent is None or lent + case.facts.wish.amount > limit:
        return refer(rule, "policy_exposure_limit", **seen)
    return passed(rule, **seen)


def cash_use(case: Case) -> Finding:
    """A bill that is mostly cash advances is looked at."""
    share, limit = case.facts.cash_share.value, case.policy.underwriting.refer_cash_share
    if share is not None and share > limit:
        return refer("CASH_USE", "excessive_obligations", cash_share=share, limit=limit)
    return passed("CASH_USE", cash_share=share, limit=limit)


def price_carries_loss(case: Case) -> Finding:
    """The price must carry the expected loss and the money's own cost: else the borrower is told no."""
    if case.priced is None:
        return passed("PRICE_CARRIES_LOSS", expected_loss=None)
    seen = {
        "cost": case.priced.cost,
        "expected_loss": case.priced.expected_loss,
        "funding_cost": case.priced.funding_cost,
    }
    if case.priced.cost < case.priced.expected_loss + case.priced.funding_cost:
        return decline("PRICE_CARRIES_LOSS", "policy_exposure_limit", **seen)
    return passed("PRICE_CARRIES_LOSS", **seen)
