"""What a quote assumes, in words, English and zh-CN. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from refi.applications.wording import amount_text
from refi.policies import Policy

DAILY_PLACES = Decimal("1e-6")
"""A card's rate a day is told to four places of a percent."""

WORDS: dict[str, tuple[str, str]] = {
    "indicative_price": (
        "Indicative: an offer's rate is binding, {lowest} % to {highest} % a year by term and by your bills.",
        "所示利率仅供参考，以最终方案为准：年利率在 {lowest}% 至 {highest}% 之间，由期限和账单情况决定。"),
    "no_new_spending": ("No new spending on the card.", "信用卡不再新增消费。"),
    "monthly_compounding": (
        "The card's interest compounds monthly at its annual rate divided by twelve.",
        "信用卡利息按年利率的十二分之一逐月复利计算。"),
    "minimum_payment_rule": (
        "The minimum payment is {minimum_rate} % of the balance, at least {minimum_floor}.",
        "最低还款额为账单金额的 {minimum_rate}%，且不低于 {minimum_floor}。"),
    "card_apr_assumed": (
        "No card rate was given: {card_rate_a_day} % a day ({card_rate} % a year) is assumed.",
        "未填写信用卡利率，按日利率 {card_rate_a_day}%（年化 {card_rate}%）计算。"),
    "interest_until_payoff": (
        "Interest that the card still charges between the statement and the payoff is not included.",
        "账单日至结清日之间信用卡仍会产生的利息未计入。"),
    "credited_today": (
        "The card issuer is credited today; the first installment is due one month later.",
        "假设今天还款到卡，首期还款日为一个月后。"),
    "credited_on_due_date": (
        "The card issuer is credited on the card's due date; the first installment is due one month later.",
        "假设在信用卡到期还款日还款到卡，首期还款日为一个月后。"),
    "payoff_may_arrive_late": (
        "The payoff may not arrive before the card's due date: please pay the minimum in time.",
        "款项可能无法在到期还款日前到账：请先按时还最低还款额。"),
}  # fmt: skip


def words(code: str, locale: str, figures: Mapping[str, str]) -> str:
    """The sentence of an assumption in ``zh-CN`` or, for any other locale, English.

    ``figures`` are the policy's, in words: see `figures`.
    """
    english, chinese = WORDS[code]
    return (chinese if locale == "zh-CN" else english).format_map(figures)


def figures(policy: Policy) -> dict[str, str]:
    """The figures that the sentences name: rates in percent, the floor as money.

    ``lowest`` and ``highest`` are the ends of the price list; the rest is what is assumed of a card.
    """
    lowest, highest = policy.price.apr_range
    card = policy.card
    return {
        "lowest": _percent(lowest),
        "highest": _percent(highest),
        "minimum_rate": _percent(card.minimum_rate),
        "minimum_floor": amount_text(card.minimum_floor, policy.market.currency),
        "card_rate": _percent(card.apr),
        "card_rate_a_day": _percent((card.apr / 365).quantize(DAILY_PLACES)),
    }


def _percent(rate: Decimal) -> str:
    """``10.8`` for 0.108."""
    return f"{(rate * 100).normalize():f}"
