"""What may be asked for at all, before anybody decides: consents, a sold term, an amount in the bill."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from refi.errors import Fault, Refused
from refi.policies import Policy


class ConsentMissing(Refused):
    """Nothing may be looked at before the borrower agreed; ``missing`` names the purposes."""

    code = "consent_missing"


class AmountBelowMinimum(Refused):
    """Less than the smallest amount that is lent."""

    code = "amount_below_minimum"


class WishRefused(Refused):
    """The term is not sold, or the amount is not what the bill can take; the faults name each."""


def require_consents(given: Collection[str], policy: Policy) -> None:
    """`ConsentMissing` unless everything that the decision looks at is consented to."""
    missing = [purpose for purpose in policy.underwriting.required_consents if purpose not in given]
    if missing:
        raise ConsentMissing("agree first: POST /v1/consents", missing=missing)


def refinance_amount(amount: int | None, *, balance: int, refinanced: int, term: int, policy: Policy) -> int:
    """The amount to refinance in minor units: what is asked for, by default all that is left of the bill.

    Raises `WishRefused` for a term that is not sold, a bill with nothing to pay or an amount above what is
    left of it, `AmountBelowMinimum` for less than is lent.
    """
    left = balance - refinanced
    faults = [] if term in policy.product.terms else [Fault("/term", "not_offered")]
    if left <= 0:
        faults.append(Fault("/statement", "nothing_to_refinance"))
    elif amount is not None and amount > left:
        faults.append(Fault("/amount", "above_statement_balance"))
    if faults:
        raise WishRefused("this cannot be applied for", faults=faults, left_of_bill=max(left, 0))
    wanted = left if amount is None else amount
    require_minimum(wanted, policy)
    return wanted


def require_minimum(amount: int, policy: Policy) -> None:
    """`AmountBelowMinimum` for less than the smallest amount that is lent."""
    least = policy.product.minimum_amount
    if amount < least:
        raise AmountBelowMinimum(
            "less than the smallest amount that is lent",
            faults=[Fault("/amount", "below_minimum")],
            minimum=least,
        )


def counter_offer(
    *, amount: int | None, term: int | None, asked_amount: int, asked_term: int, terms: Iterable[int]
) -> tuple[int, int]:
    """Amount and term that a reviewer approves: never more than asked for, a term that is sold.

    Raises `WishRefused`.
    """
    given, months = amount or asked_amount, term or asked_term
    faults = [] if given <= asked_amount else [Fault("/amount", "above_requested")]
    if months not in set(terms):
        faults.append(Fault("/term", "not_offered"))
    if faults:
        raise WishRefused("a reviewer may approve what was asked for, or less", faults=faults)
    return given, months
