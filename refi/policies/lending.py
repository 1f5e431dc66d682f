"""Sections of a policy that say what is lent, at which price and what lateness costs."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from refi import clock
from refi.policies.base import (
    Amount,
    Days,
    Misplaced,
    Name,
    Rate,
    Share,
    Term,
    Value,
    require_contiguous_scores,
    require_distinct,
)

Method = Literal["equal_installment", "equal_principal", "flat_fee"]
Component = Literal["fee", "penalty", "interest", "principal"]
Across = Literal["installments", "components", "components_fallen_due", "components_overall"]
Ahead = Literal["next", "last", "evenly"]


class Market(Value):
    """Where and in which words the product is sold."""

    name: Name
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    time_zone: Name
    locales: tuple[Name, ...] = Field(min_length=1)
    default_locale: Name
    phone_region: str = Field(pattern=r"^[A-Z]{2}$")
    national_id: Literal["cn_resident", "us_ssn"]

    @field_validator("time_zone")
    @classmethod
    def _is_on_the_map(cls, name: str) -> str:
        return clock.zone(name).key

    @model_validator(mode="after")
    def _speaks_its_default(self) -> Self:
        require_distinct("locales", self.locales)
        if self.default_locale not in self.locales:
            raise ValueError(f"default_locale {self.default_locale} is not one of the locales")
        return self


class Product(Value):
    """The refinancing product: terms in months, amounts in minor units, validity in days."""

    terms: tuple[Term, ...] = Field(min_length=1)
    minimum_amount: Amount
    maximum_amount: Amount
    methods: tuple[Method, ...] = Field(min_length=1)
    default_method: Method
    day_count: Literal["30/360"]
    """Equal months only: the amounts signed may not depend on the day the issuer is credited."""
    rounding: Literal["half_up", "half_even"]
    offer_valid_days: Days = Field(ge=1)
    application_valid_days: Days = Field(ge=1)
    statement_fresh_days: Days = Field(ge=1)
    payoff_lead_days: Days
    minimum_payment_amount: Amount = Field(ge=1)

    @model_validator(mode="after")
    def _has_order(self) -> Self:
        require_distinct("terms", self.terms)
        if list(self.terms) != sorted(self.terms):
            raise ValueError("terms must rise")
        if not 0 < self.minimum_amount <= self.maximum_amount:
            raise ValueError("minimum_amount must be above zero and not above maximum_amount")
        if self.default_method not in self.methods:
            raise ValueError(f"default_method {self.default_method} is not one of the methods")
        return self


class TermPrice(Value):
    """The price of one term: a nominal annual rate and a monthly fee as a fraction of the principal."""

    term: Term
    annual_rate: Rate
    monthly_fee_rate: Rate = Field(le=Decimal("0.1"))

    def exceeds(self, cap: Decimal) -> bool:
        """Whether the effective annual rate over all costs is above ``cap``.

        No root is searched: the payments are worth more than the principal when discounted at the cap exactly
        when their own rate is higher than the cap.
        """
        monthly_cap = (1 + cap) ** (Decimal(1) / 12) - 1
        rate = self.annual_rate / 12
        level = rate / (1 - (1 + rate) ** -self.term) if rate else Decimal(1) / self.term
        annuity = (1 - (1 + monthly_cap) ** -self.term) / monthly_cap if monthly_cap else Decimal(self.term)
        return (level + self.monthly_fee_rate) * annuity - 1 > Decimal("1e-20")


class PriceBand(Value):
    """The prices of one risk band: scores from ``from_score`` up to but not including ``below_score``."""

    name: Name
    from_score: int
    below_score: int
    rates: tuple[TermPrice, ...] = Field(min_length=1)

    def price(self, term: int) -> TermPrice:
        """The price of that term; ``KeyError`` for a term that the product does not have."""
        for price in self.rates:
            if price.term == term:
                return price
        raise KeyError(term)


class Loss(Value):
    """What a price must carry: losses that follow from the probability of a default, and the money's own
    cost.

    ``default_to_loss`` is the part of the scorecard's defaults (a missed month on a card) that ends as a
    loss.
    """

    default_to_loss: Share
    loss_given_default: Share
    unscored_default_probability: Share
    funding_rate: Rate


class Price(Value):
    """Rates by risk band and term, and the cap that no all-in effective rate may pass."""

    representative_rate: Rate
    default_band: Name
    all_in_cap: Rate
    bands: tuple[PriceBand, ...] = Field(min_length=1)
    loss: Loss

    @property
    def apr_range(self) -> tuple[Decimal, Decimal]:
        """Lowest and highest nominal annual rate of the price list, as a quote shows them."""
        rates = [price.annual_rate for band in self.bands for price in band.rates]
        return min(rates), max(rates)

    def band(self, score: int | None) -> PriceBand:
        """The band that holds ``score``, or the nearest one; the default band when there is no score."""
        if score is None:
            return next(band for band in self.bands if band.name == self.default_band)
        ordered = sorted(self.bands, key=lambda band: band.from_score)
        held = [band for band in ordered if band.from_score <= score]
        return held[-1] if held else ordered[0]

    @model_validator(mode="after")
    def _stays_below_its_cap(self) -> Self:
        require_contiguous_scores("price bands", "bands", self.bands)
        if self.default_band not in {band.name for band in self.bands}:
            raise ValueError(f"default_band {self.default_band} is not one of the bands")
        for number, band in enumerate(self.bands):
            require_distinct(f"terms of band {band.name}", [price.term for price in band.rates])
            for place, price in enumerate(band.rates):
                if price.exceeds(self.all_in_cap):
                    costs = f"band {band.name}, {price.term} months costs more than"
                    raise Misplaced(
                        f"cap below price: {costs} all_in_cap {self.all_in_cap} a year",
                        "bands", number, "rates", place,
                    )  # fmt: skip
        lowest, highest = self.apr_range
        if not lowest <= self.representative_rate <= highest:
            raise ValueError("representative_rate is outside the price list")
        return self


class Card(Value):
    """What a card costs when its statement does not say: the other side of every comparison."""

    apr: Rate
    minimum_rate: Rate
    minimum_floor: Amount
    interest_basis: Literal["full_balance", "unpaid_part"]
    late_fee_rate: Rate
    late_fee_floor: Amount


class Penalty(Value):
    """Penalty interest: ``multiple`` × the annual rate on overdue principal, simple, over ``year_days``."""

    multiple: Rate = Field(ge=1)
    year_days: Literal[360, 365]


PriceUntil = Literal["to_the_day", "to_the_next_due_date", "in_full"]


class Ending(Value):
    """Up to when interest and fees are owed by who pays off early, and by a loan that is written off."""

    early_payoff: PriceUntil
    charge_off: PriceUntil


class Allocation(Value):
    """Which debts money meets first: the ``order`` of components, what is finished before the next
    (``across``), and which of the installments not yet due come first (``ahead``).
    """

    order: tuple[Component, ...]
    across: Across
    ahead: Ahead

    @model_validator(mode="after")
    def _meets_everything(self) -> Self:
        if sorted(self.order) != ["fee", "interest", "penalty", "principal"]:
            raise ValueError("order must name fee, penalty, interest and principal once each")
        if self.across == "components_overall" and self.ahead != "next":
            raise ValueError("across components_overall knows no order of its own for debts in advance")
        return self
