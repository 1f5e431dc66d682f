"""What is offered and signed: the agreement as data, its hash, and whether it may be signed now. Pure.

The agreement fixes every amount and the **rule** of its dates: the first installment is due one month after
the issuer is credited, the others monthly on that day, month-ends staying month-ends. A month counts thirty
days, so the day of credit fixes dates and never amounts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from refi.errors import Conflict, Fault, Refused
from refi.money import rate_text
from refi.policies import Policy
from refi.schedules.amortization import Schedule

DATE_RULE = {
    "first_due": "one_month_after_credit",
    "following": "monthly_on_that_day",
    "month_end": "stays_month_end",
}


class OfferExpired(Conflict):
    """The offer's last day is over."""

    code = "offer_expired"


class AgreementChanged(Refused):
    """The hash that was signed is not the hash of this agreement."""


class StatementStale(Conflict):
    """The bill is no longer the current one: import the newer one and apply again."""

    code = "statement_stale"


class StatementOverdue(Conflict):
    """The bill is past its due date, or the issuer says so."""

    code = "statement_overdue"


class CardNotPayable(Conflict):
    """The provider no longer confirms that the card is the borrower's and can receive money."""

    code = "card_not_payable"


@dataclass(frozen=True, slots=True)
class Payee:
    """Who receives the money: ``card`` or ``bank_account``, its bank and last four digits."""

    kind: str
    bank: str
    last4: str


INTEREST_UNTIL = {
    "to_the_day": "days_elapsed",
    "to_the_next_due_date": "current_period",
    "in_full": "whole_term",
}
"""What an agreement says of the interest that an early payoff owes, by the policy's convention."""


def agreement(*, offer: str, product: str, plan: Schedule, payee: Payee, policy: Policy) -> dict[str, Any]:
    """The agreement as plain JSON values: every amount in minor units, no date of an installment."""
    terms = plan.terms
    return {
        "offer": offer,
        "product": product,
        "currency": policy.market.currency,
        "principal": terms.principal,
        "term": terms.installments,
        "method": terms.method.value,
        "annual_rate": rate_text(terms.annual_rate),
        "monthly_fee_rate": rate_text(terms.monthly_fee_rate),
        "day_count": terms.day_count.value,
        "rounding": terms.rounding.value,
        "apr": rate_text(plan.apr),
        "effective_annual_rate": rate_text(plan.effective_annual_rate),
        "total_interest": plan.total_interest,
        "total_fees": plan.total_fee,
        "total_of_payments": plan.total_of_payments,
        "installments": [
            {
                "number": row.number,
                "principal": row.principal,
                "interest": row.interest,
                "fee": row.fee,
                "amount": row.amount,
                "balance_after": row.balance_after,
            }
            for row in plan.installments
        ],
        "dates": dict(DATE_RULE),
        "penalty": {
            "multiple": rate_text(policy.penalty.multiple),
            "year_days": policy.penalty.year_days,
            "on": "overdue_principal",
        },
        "allocation": list(policy.allocation.order),
        "conventions": policy.conventions,
        "early_payoff": {"fee": 0, "interest": INTEREST_UNTIL[policy.ending.early_payoff]},
        "payee": {"kind": payee.kind, "bank": payee.bank, "last4": payee.last4},
        "policy_version": policy.version,
    }


def agreement_hash(body: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the agreement's canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Bill:
    """The bill behind an offer, as it stands when the borrower signs. Amounts in minor units."""

    statement_date: date
    due_date: date
    is_overdue: bool
    balance: int
    refinanced: int
    """Part of the bill that other loans of ours have paid off or are about to."""
    payable: bool


def require_signable(
    *,
    body: Mapping[str, Any],
    signed_hash: str,
    expires_on: date,
    bill: Bill | None,
    policy: Policy,
    on: date,
) -> None:
    """Refuse a signature that may not make a loan: wrong hash, expired, or a bill that cannot be paid now.

    Raises `AgreementChanged`, `OfferExpired`, `StatementOverdue`, `StatementStale` or `CardNotPayable`.
    """
    if on > expires_on:
        raise OfferExpired("the offer has expired", expired_on=expires_on.isoformat())
    if signed_hash != agreement_hash(body):
        raise AgreementChanged(
            "agreement_hash is not the hash of this offer's agreement",
            faults=[Fault("/agreement_hash", "mismatch")],
        )
    if bill is None:
        return
    if bill.is_overdue or on > bill.due_date:
        raise StatementOverdue("the bill is past its due date", due_date=bill.due_date.isoformat())
    if (on - bill.statement_date).days > policy.product.statement_fresh_days:
        raise StatementStale("the bill is too old", statement_date=bill.statement_date.isoformat())
    if not bill.payable:
        raise CardNotPayable("the provider does not confirm that this card can be paid")
    if body["principal"] + bill.refinanced > bill.balance:
        raise StatementStale("the bill was refinanced meanwhile", refinanced=bill.refinanced)


def last_day(policy: Policy, on: date) -> date:
    """The last day on which an offer made on ``on`` can be signed."""
    return on + timedelta(days=policy.product.offer_valid_days)


def payoff_is_late(due_date: date, policy: Policy, on: date) -> bool:
    """Whether a payoff ordered now may reach the issuer too late: warn, the minimum should still be paid."""
    return on + timedelta(days=policy.product.payoff_lead_days) >= due_date
