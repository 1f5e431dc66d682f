"""The chart of accounts. Pure."""

from __future__ import annotations

from enum import StrEnum


class Account(StrEnum):
    """An account of the general ledger. Debit accounts grow by debits, credit accounts by credits."""

    CASH_AT_PROVIDER = "cash_at_provider"
    LOANS_PRINCIPAL = "loans_principal"
    INTEREST_INCOME = "interest_income"
    FEE_INCOME = "fee_income"
    PENALTY_INCOME = "penalty_income"
    SUSPENSE = "suspense"
    WAIVERS = "waivers"
    CREDIT_LOSSES = "credit_losses"
    RECOVERIES = "recoveries"
    OPERATING_LOSSES = "operating_losses"


DEBIT_ACCOUNTS = frozenset(
    {
        Account.CASH_AT_PROVIDER,
        Account.LOANS_PRINCIPAL,
        Account.WAIVERS,
        Account.CREDIT_LOSSES,
        Account.OPERATING_LOSSES,
    }
)
