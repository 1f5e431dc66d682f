"""What a quote assumes, in words, English and zh-CN. Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "indicative_price": (
        "Indicative: an offer's rate is binding, {lowest} % to {highest} % a year by term and by your bills.",
        "所示利率仅供参考,以最终方案为准:年利率在 {lowest}% 至 {highest}% 之间,由期限和账单情况决定。"),
    "no_new_spending": ("No new spending on the card.", "信用卡不再新增消费。"),
    "monthly_compounding": (
        "The card's interest compounds monthly at its annual rate divided by twelve.",
        "信用卡利息按年利率的十二分之一逐月复利计算。"),
    "minimum_payment_rule": (
        "The minimum payment is a tenth of the balance, at least the floor.",
        "最低还款额为账单金额的 10%,且不低于下限。"),
    "card_apr_assumed": (
        "No card rate was given: 0.05 % a day (18.25 % a year) is assumed.",
        "未填写信用卡利率,按日息万分之五(年化 18.25%)计算。"),
    "interest_until_payoff": (
        "Interest that the card still charges between the statement and the payoff is not included.",
        "账单日至结清日之间信用卡仍会产生的利息未计入。"),
    "credited_today": (
        "The card issuer is credited today; the first installment is due one month later.",
        "假设今天还款到卡,首期还款日为一个月后。"),
    "credited_on_due_date": (
        "The card issuer is credited on the card's due date; the first installment is due one month later.",
        "假设在信用卡到期还款日还款到卡,首期还款日为一个月后。"),
    "payoff_may_arrive_late": (
        "The payoff may not arrive before the card's due date: please pay the minimum in time.",
        "款项可能无法在到期还款日前到账:请先按时还最低还款额。"),
}  # fmt: skip


def words(code: str, locale: str, *, lowest: str, highest: str) -> str:
    """The sentence of an assumption in ``zh-CN`` or, for any other locale, English.

    ``lowest`` and ``highest`` are the ends of the price list in percent a year.
    """
    english, chinese = WORDS[code]
    return (chinese if locale == "zh-CN" else english).format(lowest=lowest, highest=highest)
