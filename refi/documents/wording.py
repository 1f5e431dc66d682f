"""Every word of the documents, in English and zh-CN, and how amounts, dates and rates are written. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_percent, get_currency_precision

Words = dict[str, str]

EN: Words = {
    "agreement": "Loan agreement",
    "statement-of-account": "Statement of account",
    "settlement-letter": "Settlement letter",
    "page": "Page {page} of {pages}",
    "number": "No.",
    "lender": "Lender",
    "borrower": "Borrower",
    "national_id": "National id",
    "loan": "Loan",
    "agreement_number": "Agreement",
    "signed_on": "Signed on",
    "principal": "Principal",
    "term": "Number of installments",
    "annual_rate": "Contract rate, yearly",
    "apr": "Annual percentage rate over all costs",
    "effective": "Effective annual rate",
    "total_interest": "Total interest",
    "total_fees": "Total fees",
    "total_of_payments": "Total of payments",
    "payee": "Paid out to",
    "card": "{bank} card ending in {last4}",
    "bank_account": "{bank} account ending in {last4}",
    "hash": "Fingerprint of the agreement (SHA-256)",
    "policy": "Rules",
    "parties": "The parties",
    "terms": "What is lent and what it costs",
    "installments": "Installments",
    "conditions": "Conditions",
    "dates": "The first installment is due one month after the payee is credited, the others monthly on that day; the end"
    " of a month stays the end of the month. The amounts do not depend on the day.",
    "penalty": "An overdue installment bears {multiple} times the contract rate on the overdue principal, simple interest"
    " over {days} days a year, in place of contract interest on it.",
    "allocation": "A payment meets the oldest installment first; within one: {order}.",
    "allocation_by_component": "A payment meets, of everything that is due: {order}.",
    "early_days_elapsed": "The loan may be paid off early at any time without a fee; interest is owed for the days elapsed only.",
    "early_current_period": "The loan may be paid off early at any time without a fee; interest is owed through the next due date.",
    "early_whole_term": "The loan may be paid off early at any time without a fee; the interest of the whole term is owed.",
    "fee": "Fee",
    "interest": "Interest",
    "amount": "Amount",
    "balance_after": "Balance after",
    "due_date": "Due date",
    "paid": "Paid",
    "outstanding": "Unpaid",
    "status": "State",
    "as_of": "As of",
    "credited_on": "Paid out on",
    "balances": "What is owed",
    "fees": "Fees",
    "penalties": "Penalties",
    "total": "Total",
    "past_due": "Of it past due",
    "transactions": "What moved",
    "effective_on": "Date",
    "posted_on": "Booked",
    "what": "What",
    "suspense": "Held for you",
    "nothing": "Nothing has moved.",
    "certifies": "This certifies that {name} (national id {national_id}) has repaid in full the loan {loan} of {principal}"
    " under the agreement {agreement}, signed on {signed_on}. It was settled on {settled_on}.",
    "zero": "As of that day principal, interest, fees and penalties of this loan are zero, and neither side owes the other"
    " anything under the agreement.",
    "hereby": "Issued at the borrower's request.",
    "unnamed": "the borrower",
    "unknown": "not given",
}
ZH: Words = {
    "agreement": "借款协议",
    "statement-of-account": "账户对账单",
    "settlement-letter": "结清证明",
    "page": "第 {page} 页，共 {pages} 页",
    "number": "期次",
    "lender": "出借人",
    "borrower": "借款人",
    "national_id": "身份证号",
    "loan": "借款编号",
    "agreement_number": "协议编号",
    "signed_on": "签署日期",
    "principal": "本金",
    "term": "期数",
    "annual_rate": "合同年利率",
    "apr": "综合年化成本（单利）",
    "effective": "综合年化成本（复利）",
    "total_interest": "利息总额",
    "total_fees": "费用总额",
    "total_of_payments": "还款总额",
    "payee": "收款方",
    "card": "{bank} 信用卡，尾号 {last4}",
    "bank_account": "{bank} 银行账户，尾号 {last4}",
    "hash": "协议指纹（SHA-256）",
    "policy": "适用规则",
    "parties": "当事人",
    "terms": "借款金额与成本",
    "installments": "还款计划",
    "conditions": "约定事项",
    "dates": "首期于款项到达收款方之日起一个月后到期，其后每月同日到期；月末到期的，各期均为月末。各期金额不因到账日期而变化。",
    "penalty": "逾期期次按逾期本金、合同年利率的 {multiple} 倍单利计收罚息（一年按 {days} 天），逾期本金不再另计合同利息。",
    "allocation": "还款先偿还最早到期的期次；同一期次内依次偿还：{order}。",
    "allocation_by_component": "还款按以下顺序偿还全部到期款项：{order}。",
    "early_days_elapsed": "可随时提前结清，不收费用，利息按实际占用天数计算。",
    "early_current_period": "可随时提前结清，不收费用，利息计至下一个还款日。",
    "early_whole_term": "可随时提前结清，不收费用，但须支付合同全期利息。",
    "fee": "费用",
    "interest": "利息",
    "amount": "应还金额",
    "balance_after": "剩余本金",
    "due_date": "到期日",
    "paid": "已还",
    "outstanding": "未还",
    "status": "状态",
    "as_of": "截止日期",
    "credited_on": "放款日期",
    "balances": "欠款情况",
    "fees": "费用",
    "penalties": "罚息",
    "total": "合计",
    "past_due": "其中逾期",
    "transactions": "资金明细",
    "effective_on": "日期",
    "posted_on": "入账日",
    "what": "事项",
    "suspense": "暂存款",
    "nothing": "暂无资金往来。",
    "certifies": "兹证明：{name}（身份证号 {national_id}）与我方签署的借款协议（编号 {agreement}，签署日期 {signed_on}）项下借款"
    "（编号 {loan}，本金 {principal}）已于 {settled_on} 全部结清。",
    "zero": "截至该日，本笔借款的本金、利息、费用及罚息余额均为零，双方在该协议项下再无债权债务。",
    "hereby": "特此证明。",
    "unnamed": "借款人",
    "unknown": "未提供",
}
WORDS = {"en": EN, "zh-CN": ZH}

COMPONENTS = {
    "en": {"fee": "fees", "penalty": "penalty", "interest": "interest", "principal": "principal"},
    "zh-CN": {"fee": "费用", "penalty": "罚息", "interest": "利息", "principal": "本金"},
}
STATUSES = {
    "en": {
        "charged_off": "written off", "waived": "waived", "paid": "paid", "overdue": "overdue",
        "partially_paid": "partly paid", "due": "due", "upcoming": "upcoming",
    },
    "zh-CN": {
        "charged_off": "已核销", "waived": "已减免", "paid": "已还清", "overdue": "逾期",
        "partially_paid": "部分已还", "due": "今日到期", "upcoming": "未到期",
    },
}  # fmt: skip
MOVEMENTS: dict[str, tuple[str, str]] = {
    "disbursement": ("Paid out", "放款"),
    "disbursement_returned": ("Payout returned", "放款退回"),
    "repayment": ("Repayment", "还款"),
    "repayment_reversed": ("Repayment taken back", "还款冲正"),
    "repayment_released": ("Repayment released", "还款转暂存"),
    "recovery": ("Repayment after write-off", "核销后还款"),
    "recovery_reversed": ("Repayment after write-off taken back", "核销后还款冲正"),
    "recovery_released": ("Repayment after write-off released", "核销后还款转暂存"),
    "interest_rebate": ("Interest credited back", "利息返还"),
    "interest_rebate_reversed": ("Interest credit taken back", "利息返还冲正"),
    "fee_rebate": ("Fee credited back", "费用返还"),
    "fee_rebate_reversed": ("Fee credit taken back", "费用返还冲正"),
    "waiver": ("Given up by the lender", "减免"),
    "waiver_reversed": ("Waiver taken back", "减免冲正"),
    "charge_off": ("Written off", "核销"),
    "charge_off_reversed": ("Write-off taken back", "核销冲正"),
    "unidentified_receipt": ("Received for no open debt", "收到待处理款项"),
    "unidentified_returned": ("Returned by the bank", "银行退回"),
    "receipt_matched": ("Assigned", "款项认领"),
    "refund": ("Refunded to you", "退款"),
    "suspense_written_off": ("Not claimed back", "暂存款核销"),
}
"""What each kind of movement is called: English, Chinese."""


def movement(kind: str, locale: str) -> str:
    """What a kind of movement is called."""
    return MOVEMENTS[kind][0 if locale == "en" else 1]


def money(amount: int, currency: str, locale: str) -> str:
    """Minor units as a person writes them, e.g. ``¥12,000.00``."""
    major = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(major, currency, locale=Locale.parse(locale, sep="-"))


def day(on: date, locale: str) -> str:
    """A date in words."""
    return format_date(on, "long", locale=Locale.parse(locale, sep="-"))


def rate(value: Decimal, locale: str) -> str:
    """A fraction as a percentage of two places."""
    return format_percent(value, format="0.00%", locale=Locale.parse(locale, sep="-"))
