"""Price caps: the highest flat monthly fee or nominal rate that stays under an effective annual cap.

The common shortcut fee × 24 n / (n + 1) is wrong (it gives 13.29 % for a true 13.03 %) and appears nowhere.
"""

from __future__ import annotations

from datetime import date
from decimal import ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction

from refi.errors import Fault, Refused
from refi.schedules.amortization import BEARS_INTEREST, MAX_INSTALLMENTS, InvalidTerms, Terms, schedule
from refi.schedules.solver import DIGITS

PRICED_ON = date(2027, 1, 10)
"""Any day: under 30/360 with a regular first period the dates do not matter to a price."""

PLACES = Decimal("1e-12")
"""Highest prices are given to twelve places and rounded down, so that they are under the cap."""


class PriceAboveCap(Refused):
    """The plan's effective annual rate, all costs included, is above the cap of the market."""

    code = "validation_failed"


HIGHEST_CAP = Decimal(1000)
"""100,000 % a year: no market has a cap beyond it, and rates below it have their twelve places."""


def monthly_rate_under(cap: Decimal) -> Decimal:
    """The monthly rate whose compounding gives the effective annual ``cap``: (1 + cap)^(1/12) − 1.

    Raises `InvalidTerms` for a cap that is no decimal from 0 to 1000 (a fraction: 0.24 is 24 %).
    """
    known: object = cap
    if not isinstance(known, Decimal) or not known.is_finite() or not 0 <= known <= HIGHEST_CAP:
        raise InvalidTerms(
            f"a cap is a decimal from 0 to {HIGHEST_CAP}, not {cap}", faults=[Fault("/cap", "out_of_range")]
        )
    with localcontext(DIGITS):
        return (1 + cap) ** (Decimal(1) / 12) - 1


def highest_annual_rate(cap: Decimal) -> Decimal:
    """The highest nominal annual rate (12 × monthly) under an effective ``cap``: 12 places, floored.

    Raises `InvalidTerms` for a cap that is no decimal from 0 to 1000.
    """
    with localcontext(DIGITS):
        return (12 * monthly_rate_under(cap)).quantize(PLACES, rounding=ROUND_FLOOR)


def highest_monthly_fee(cap: Decimal, installments: int, first_period: Fraction = Fraction(1)) -> Decimal:
    """The highest flat monthly fee (part of the principal, each month) under an effective ``cap``.

    Twelve places, rounded down; ``first_period`` is the length of the first period in months. Under 24 %:
    1.2130 % (3), 1.0709 % (6), 1.0119 % (12). Raises `InvalidTerms` for a cap or a term that cannot be.
    """
    if type(installments) is not int or not 1 <= installments <= MAX_INSTALLMENTS:
        raise InvalidTerms(
            f"a plan has 1 to {MAX_INSTALLMENTS} installments",
            faults=[Fault("/installments", "out_of_range")],
        )
    rate = monthly_rate_under(cap)
    with localcontext(DIGITS):
        if rate == 0:
            return Decimal(0).quantize(PLACES)
        annuity = (1 - (1 + rate) ** -installments) / rate
        shift = Fraction(1) - first_period
        annuity *= (1 + rate) ** (Decimal(shift.numerator) / shift.denominator)
        return max(1 / annuity - Decimal(1) / installments, Decimal(0)).quantize(PLACES, rounding=ROUND_FLOOR)


def _reached(cap: Decimal) -> str:
    """Where a highest price comes from, in words."""
    return f"which with compounding is the cap of {(cap * 100).normalize():f} % a year, all costs included"


def check_fee(monthly_fee_rate: Decimal, cap: Decimal, installments: int) -> None:
    """Refuse a flat monthly fee above the cap by name, before any schedule is made."""
    highest = highest_monthly_fee(cap, installments)
    if monthly_fee_rate > highest:
        raise PriceAboveCap(
            f"the monthly fee {monthly_fee_rate} is above {highest}, {_reached(cap)}",
            faults=[Fault("/monthly_fee_rate", "above_cap")],
            highest=str(highest),
        )


def check_rate(annual_rate: Decimal, cap: Decimal, *, pointer: str = "/annual_rate") -> None:
    """Refuse a nominal annual rate above the cap by name (``pointer``), before any schedule is made."""
    highest = highest_annual_rate(cap)
    if annual_rate > highest:
        raise PriceAboveCap(
            f"the annual rate {annual_rate} is above {highest}, {_reached(cap)}",
            faults=[Fault(pointer, "above_cap")],
            highest=str(highest),
        )


def check_price(terms: Terms, cap: Decimal) -> None:
    """Refuse terms whose fee, whose rate, or whose both together are above an effective ``cap``.

    ``flat_fee`` and ``interest_free`` charge no interest, so their rate does not count. Fee and rate together
    are judged by the plan with a regular first period.
    """
    rate = terms.annual_rate if terms.method in BEARS_INTEREST else Decimal(0)
    check_fee(terms.monthly_fee_rate, cap, terms.installments)
    check_rate(rate, cap)
    if rate and terms.monthly_fee_rate:
        check_effective(schedule(terms, PRICED_ON).effective_annual_rate, cap)


def check_effective(effective_annual_rate: Decimal, cap: Decimal) -> None:
    """Refuse an all-in effective annual rate above the cap by name."""
    if effective_annual_rate > cap:
        raise PriceAboveCap(
            f"the effective annual rate {effective_annual_rate} is above {cap}",
            faults=[Fault("/annual_rate", "above_cap")],
            cap=str(cap),
        )


def check_penalty(annual_rate: Decimal, multiple: Decimal, cap: Decimal) -> None:
    """Refuse a penalty that alone would pass the cap, where penalties count towards it.

    A balance that is late from the first day to the last costs ``multiple`` × the annual rate, compounding
    monthly at the most: a contract whose penalty rate is under the cap that way is under it in any history.
    """
    with localcontext(DIGITS):
        effective = (1 + annual_rate * multiple / 12) ** 12 - 1
    if effective > cap:
        raise PriceAboveCap(
            f"a penalty of {multiple} times {annual_rate} is above {cap}",
            faults=[Fault("/penalty_multiple", "above_cap")],
            cap=str(cap),
        )
