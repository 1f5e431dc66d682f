"""The agreement in words, zh-CN and English, rendered from its data and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from refi.applications.offers import agreement_hash

_METHODS = {
    "equal_installment": {"en": "equal installments", "zh-CN": "等额本息"},
    "equal_principal": {"en": "equal principal", "zh-CN": "等额本金"},
    "flat_fee": {"en": "equal principal and fee", "zh-CN": "等本等费"},
    "interest_free": {"en": "interest-free", "zh-CN": "免息"},
}
_PAYEES = {
    "card": {"en": "card", "zh-CN": "信用卡"},
    "bank_account": {"en": "bank account", "zh-CN": "银行账户"},
}
TEXTS = {
    "en": """\
Agreement {hash}

1. We pay {principal} to {bank} {payee} ending in {last4}. That is what you borrow; nothing is taken from it.
2. You repay in {term} monthly installments ({method}), {total} in all:
   {interest} of interest and {fees} of fees.
3. The annual percentage rate is {apr} (simple) or {effective} (effective), all costs included.
4. The first installment is due one month after the money reaches the payee, the others on that day of each
   following month; a month-end stays a month-end. The day fixes the dates, never the amounts.
5. You may pay off early on any day without a fee; interest is owed for the days that have passed only.
6. On principal that is past due, interest is {penalty} a year instead of the rate above.
7. Payments go to the oldest installment first.

{rows}
""",
    "zh-CN": """\
合同编号 {hash}

1. 我们向{bank}{payee}（尾号{last4}）支付{principal}。此即您的借款本金，不预先扣除任何费用。
2. 您分{term}期按月偿还（{method}），合计还款{total}，其中利息{interest}、手续费{fees}。
3. 年化利率（单利）{apr}，折合年复利{effective}，已包含全部费用。
4. 首期还款日为款项到账后一个月的同日，其后每月同日；月末日保持为月末。到账日只决定日期，不改变金额。
5. 您可随时提前还清，不收费用，仅按实际占用天数计息。
6. 逾期本金按年利率{penalty}计收罚息，代替上述利率。
7. 还款先冲抵最早的一期。

{rows}
""",
}
_ROWS = {
    "en": "{number:>2}. {amount} = principal {principal} + interest {interest} + fee {fee}",
    "zh-CN": "第{number}期 {amount} = 本金{principal} + 利息{interest} + 手续费{fee}",
}


def percent(rate: str) -> str:
    """``0.120000`` as ``12.00 %``."""
    return f"{Decimal(rate) * 100:.2f} %"


def amount_text(minor: int, currency: str) -> str:
    """``1200000`` fen as ``CNY 12,000.00``."""
    whole, rest = divmod(minor, 100)
    return f"{currency} {whole:,}.{rest:02d}"


def agreement_text(body: Mapping[str, Any], locale: str) -> str:
    """The agreement as a person reads it before signing; English for a locale that we do not speak."""
    language = locale if locale in TEXTS else "en"

    def money(minor: int) -> str:
        return amount_text(minor, body["currency"])

    rows = "\n".join(
        _ROWS[language].format(
            number=row["number"],
            **{part: money(row[part]) for part in ("amount", "principal", "interest", "fee")},
        )
        for row in body["installments"]
    )
    penalty = Decimal(body["annual_rate"]) * Decimal(body["penalty"]["multiple"])
    return TEXTS[language].format(
        hash=agreement_hash(body),
        principal=money(body["principal"]),
        bank=body["payee"]["bank"],
        payee=_PAYEES[body["payee"]["kind"]][language],
        last4=body["payee"]["last4"],
        term=body["term"],
        method=_METHODS[body["method"]][language],
        total=money(body["total_of_payments"]),
        interest=money(body["total_interest"]),
        fees=money(body["total_fees"]),
        apr=percent(body["apr"]),
        effective=percent(body["effective_annual_rate"]),
        penalty=percent(str(penalty)),
        rows=rows,
    )
