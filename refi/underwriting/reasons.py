"""Reasons of a decision: codes (after Regulation B form C-1), what the borrower reads, what stays inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refi.policies import ReasonCode

TEXTS: dict[ReasonCode, dict[str, str]] = {
    "application_incomplete": {"zh-CN": "申请资料不完整", "en": "The application is incomplete"},
    "identity_unverified": {"zh-CN": "身份信息未能核实", "en": "We could not verify your identity"},
    "income_unverified": {"zh-CN": "收入未能核实", "en": "We could not verify your income"},
    "income_insufficient": {
        "zh-CN": "收入不足以承担申请的金额",
        "en": "Your income is not enough for the amount asked for",
    },
    "excessive_obligations": {
        "zh-CN": "现有负债占收入比例过高",
        "en": "Your obligations are too high for your income",
    },
    "no_credit_file": {"zh-CN": "未查询到信用记录", "en": "There is no credit file for you"},
    "limited_credit_experience": {"zh-CN": "信用记录时间较短", "en": "Your credit history is short"},
    "delinquent_with_others": {
        "zh-CN": "在其他机构有逾期",
        "en": "You are past due with other lenders",
    },
    "poor_performance_with_us": {
        "zh-CN": "在我们这里的还款记录不佳",
        "en": "Your payment record with us is poor",
    },
    "collection_or_judgment": {
        "zh-CN": "存在催收或司法执行记录",
        "en": "There is a collection or judgment against you",
    },
    "recent_inquiries": {"zh-CN": "近期信用查询过多", "en": "There are many recent credit inquiries"},
    "card_overdue": {"zh-CN": "该信用卡账单已逾期", "en": "The card bill is past due"},
    "card_not_payable": {
        "zh-CN": "未能确认该信用卡为您本人所有且可收款",
        "en": "We could not confirm that the card is yours and can be paid",
    },
    "no_benefit": {
        "zh-CN": "该方案不比继续使用信用卡便宜",
        "en": "The plan would cost you no less than your card",
    },
    "statement_too_old": {"zh-CN": "账单日期过早，请导入最新账单", "en": "The statement is too old"},
    "suspected_fraud": {"zh-CN": "疑似欺诈", "en": "Suspected fraud"},
    "policy_exposure_limit": {
        "zh-CN": "申请金额超出我们对您的可贷额度",
        "en": "The amount is outside what we may lend to you",
    },
}

INTERNAL: dict[ReasonCode, ReasonCode] = {"suspected_fraud": "identity_unverified"}
"""Codes that only staff see, and what the borrower reads instead."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One principal reason; ``rank`` 1 is the most important."""

    code: ReasonCode
    rank: int


def shown(reasons: Sequence[Reason], limit: int) -> tuple[Reason, ...]:
    """The reasons as the borrower sees them: internal codes mapped, none twice, at most ``limit``."""
    codes = dict.fromkeys(INTERNAL.get(reason.code, reason.code) for reason in reasons)
    return tuple(Reason(code, rank) for rank, code in enumerate(codes, start=1) if rank <= limit)


def text(code: ReasonCode, locale: str) -> str:
    """What a person reads for that code; English for a locale that we do not speak."""
    texts = TEXTS[code]
    return texts.get(locale, texts["en"])
