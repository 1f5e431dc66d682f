"""The honest comparison: pay in full, the minimum only, or a plan — each with what it costs. Pure.

A quote is indicative and leaves no credit mark; the engine and the price list are those of the offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from refi.applications.offers import payoff_is_late
from refi.applications.quote_words import figures, words
from refi.errors import Fault, Refused
from refi.loans.account import terms_of
from refi.money import MAX_AMOUNT, rate_text
from refi.policies import Policy
from refi.schedules import savings
from refi.schedules.amortization import InvalidTerms, Method, Schedule, Terms
from refi.schedules.caps import check_rate
from refi.schedules.dates import FIRST_YEAR, LAST_YEAR

LATEST_DUE = timedelta(days=366)
"""No bill is due later than that: a date further ahead is a typing error."""
LONGEST_YEARS = 6
"""From a quote's day to the end of its longest plan: a bill of up to a year, sixty months."""


class QuoteRefused(Refused):
    """No plan can be quoted for these figures; the faults name each one."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What happens without us. ``months`` and ``total_interest`` are None when the card is never cleared."""

    kind: str
    months: int | None
    total_interest: int | None
    total_of_payments: int | None
    first_payment: int


@dataclass(frozen=True, slots=True)
class BandRate:
    """The list price of one term in one risk band; ``shown`` marks the one that the plan is computed at."""

    band: str
    annual_rate: Decimal
    monthly_fee_rate: Decimal
    shown: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """One term, compared with the card; amounts in minor units, savings negative when the plan costs more."""

    term: int
    method: str
    apr: Decimal
    effective_annual_rate: Decimal
    installment_amount: int
    first_due_date: date
    total_interest: int
    total_fees: int
    total_of_payments: int
    saving_same_payment: int | None
    saving_vs_minimum: int | None
    worthwhile: bool
    rates_by_band: tuple[BandRate, ...]
    """The price list for this term, best first: what the bills say decides which one an offer has."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The whole comparison, with the codes of what it assumes (see `refi.applications.quote_words`)."""

    balance: int
    card_apr: Decimal
    baselines: tuple[Baseline, ...]
    plans: tuple[Plan, ...]
    assumptions: tuple[str, ...]
    apr_range: tuple[Decimal, Decimal]
    representative_apr: Decimal
    policy_version: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked: a card balance in minor units, its annual rate, and the terms to compare.

    ``annual_rate`` is a price for the plans in place of the list's; a fault of it is named ``/apr``.
    """

    balance: int
    card_apr: Decimal | None = None
    due_date: date | None = None
    statement_date: date | None = None
    terms: Sequence[int] = ()
    method: str | None = None
    annual_rate: Decimal | None = None


def quote(policy: Policy, wish: Wish, on: date) -> Quote:
    """Compare the card with a plan for each term on business date ``on``.

    Raises `QuoteRefused`, or `PriceAboveCap` for a wished rate above the market's cap.
    """
    terms = tuple(wish.terms) or policy.product.terms
    chosen = wish.method or policy.product.default_method
    _require_offered(policy, wish, terms, chosen, on)
    if wish.annual_rate is not None:
        check_rate(wish.annual_rate, policy.price.all_in_cap, pointer="/apr")
    method = Method(chosen)
    card_apr = policy.card.apr if wish.card_apr is None else wish.card_apr
    card = savings.Card(
        balance=wish.balance,
        annual_rate=card_apr,
        minimum_rate=policy.card.minimum_rate,
        minimum_floor=policy.card.minimum_floor,
        interest_on=savings.InterestOn(policy.card.interest_basis),
    )
    credited_on = wish.due_date or on
    band = policy.price.band(None)
    plans = []
    for term in terms:
        price = band.price(term)
        rate = price.annual_rate if wish.annual_rate is None else wish.annual_rate
        made = terms_of(
            policy.product,
            principal=wish.balance,
            term=term,
            annual_rate=rate,
            monthly_fee_rate=price.monthly_fee_rate,
        )
        plans.append(replace(made, method=method))
    compared = savings.compare(card, plans, credited_on)
    return Quote(
        balance=wish.balance,
        card_apr=card_apr,
        baselines=(
            _baseline("pay_in_full", wish.balance, compared.pay_in_full),
            _baseline("minimum_only", wish.balance, compared.minimum_only),
        ),
        plans=tuple(
            _plan(item, _by_band(policy, term, wish))
            for item, term in zip(compared.plans, terms, strict=True)
        ),
        assumptions=_assumptions(policy, wish, on),
        apr_range=policy.price.apr_range,
        representative_apr=policy.price.representative_rate,
        policy_version=policy.version,
    )


def shown(made: Quote, policy: Policy, locale: str) -> dict[str, Any]:
    """The quote as JSON values, as the API and ``refi quote --json`` give it; ``policy`` made it."""
    lowest, highest = made.apr_range
    named = figures(policy)
    return {
        "balance": made.balance,
        "currency": policy.market.currency,
        "card_apr": rate_text(made.card_apr),
        "baselines": [_fields(item) for item in made.baselines],
        "plans": [
            {
                **_fields(plan),
                "apr": rate_text(plan.apr),
                "effective_annual_rate": rate_text(plan.effective_annual_rate),
                "first_due_date": plan.first_due_date.isoformat(),
                "rates_by_band": [_rates(each) for each in plan.rates_by_band],
            }
            for plan in made.plans
        ],
        "assumptions": [{"code": code, "text": words(code, locale, named)} for code in made.assumptions],
        "apr_range": {
            "lowest": rate_text(lowest),
            "highest": rate_text(highest),
            "representative": rate_text(made.representative_apr),
        },
        "indicative": True,
        "policy_version": made.policy_version,
    }


def _rates(item: BandRate) -> dict[str, Any]:
    return {
        **_fields(item),
        "annual_rate": rate_text(item.annual_rate),
        "monthly_fee_rate": rate_text(item.monthly_fee_rate),
    }


def _fields(item: Baseline | Plan | BandRate) -> dict[str, Any]:
    """The fields of a flat value; ``asdict`` would copy each one deeply."""
    return {field.name: getattr(item, field.name) for field in fields(item)}


def _require_offered(policy: Policy, wish: Wish, terms: Sequence[int], method: str, on: date) -> None:
    """`QuoteRefused` naming everything that is wrong, with a sentence for each kind of it."""
    found = [*_wrong_figures(wish), *_wrong_day(wish.due_date, on)]
    offered = ", ".join(map(str, policy.product.terms))
    found += [
        (Fault(f"/terms/{i}", "not_offered"), f"the terms offered are {offered} months")
        for i, term in enumerate(terms)
        if term not in policy.product.terms
    ]
    if len(set(terms)) != len(terms):
        found.append((Fault("/terms", "repeated"), "each term once"))
    if method not in policy.product.methods:
        said = f"the methods offered are {', '.join(policy.product.methods)}"
        found.append((Fault("/method", "not_offered"), said))
    if found:
        sentences = "; ".join(dict.fromkeys(said for _, said in found))
        raise QuoteRefused(sentences, faults=[fault for fault, _ in found])


def _wrong_figures(wish: Wish) -> Iterator[tuple[Fault, str]]:
    if not 0 < wish.balance <= MAX_AMOUNT:
        yield Fault("/balance", "out_of_range"), f"the balance is from 1 to {MAX_AMOUNT} minor units"
    if wish.card_apr is not None and not 0 <= wish.card_apr <= savings.MAX_ANNUAL_RATE:
        said = f"the card's annual rate is from 0 to {savings.MAX_ANNUAL_RATE}"
        yield Fault("/card_apr", "out_of_range"), said
    if wish.annual_rate is not None:
        try:
            Terms(1, wish.annual_rate, 1)
        except InvalidTerms as refusal:
            said = "the annual rate is a fraction of at most twelve places, not negative"
            yield Fault("/apr", refusal.faults[0].code), said


def _wrong_day(due_date: date | None, on: date) -> Iterator[tuple[Fault, str]]:
    if not FIRST_YEAR <= on.year < LAST_YEAR - LONGEST_YEARS:
        yield Fault("/on", "out_of_range"), f"plans are made for the years {FIRST_YEAR} to {LAST_YEAR}"
    if due_date is not None and due_date < on:
        yield Fault("/due_date", "in_the_past"), f"the due date {due_date} is before {on}"
    if due_date is not None and due_date - on > LATEST_DUE:
        said = f"the due date {due_date} is more than {LATEST_DUE.days} days after {on}"
        yield Fault("/due_date", "too_far_ahead"), said


def _baseline(kind: str, balance: int, found: savings.Revolving) -> Baseline:
    total = None if found.total_interest is None else balance + found.total_interest
    return Baseline(kind, found.months, found.total_interest, total, found.first_payment)


def _by_band(policy: Policy, term: int, wish: Wish) -> tuple[BandRate, ...]:
    """What each band pays for ``term``. A wished rate is nobody's list price."""
    bands = sorted(policy.price.bands, key=lambda band: -band.from_score)
    shown = policy.price.default_band if wish.annual_rate is None else None
    return tuple(
        BandRate(band.name, price.annual_rate, price.monthly_fee_rate, band.name == shown)
        for band in bands
        for price in (band.price(term),)
    )


def _plan(item: savings.Comparison, by_band: tuple[BandRate, ...]) -> Plan:
    plan: Schedule = item.schedule
    first = plan.installments[0]
    return Plan(
        term=plan.terms.installments,
        method=plan.terms.method.value,
        apr=plan.apr,
        effective_annual_rate=plan.effective_annual_rate,
        installment_amount=first.amount,
        first_due_date=first.due_date,
        total_interest=plan.total_interest,
        total_fees=plan.total_fee,
        total_of_payments=plan.total_of_payments,
        saving_same_payment=item.saving_same_payment,
        saving_vs_minimum=item.saving_vs_minimum,
        worthwhile=item.worthwhile,
        rates_by_band=by_band,
    )


def _assumptions(policy: Policy, wish: Wish, on: date) -> tuple[str, ...]:
    """What the figures rest on, as codes; a late payoff is a warning."""
    found = ["indicative_price", "no_new_spending", "monthly_compounding", "minimum_payment_rule"]
    if wish.card_apr is None:
        found.append("card_apr_assumed")
    found.append("interest_until_payoff")
    if wish.due_date is None:
        found.append("credited_today")
    else:
        found.append("credited_on_due_date")
        if payoff_is_late(wish.due_date, policy, on):
            found.append("payoff_may_arrive_late")
    return tuple(found)
