"""The price of a wish: risk band × term gives the rate, the schedule engine gives everything that follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from refi.money import MAX_AMOUNT, Rounding, round_div
from refi.policies import Loss, Policy, TermPrice
from refi.schedules import savings
from refi.schedules.amortization import Method, Schedule, Terms, schedule
from refi.schedules.day_count import DayCount
from refi.underwriting.facts import Product, Wish
from refi.underwriting.scorecard import Scored


@dataclass(frozen=True, slots=True)
class Priced:
    """A wish with its binding price. Amounts in minor units, rates as fractions.

    ``saving_same_payment`` is what the borrower saves against paying the same each month to the card; below
    zero the plan costs more; None when that never clears the card. ``worthwhile`` is None without a card.
    """

    amount: int
    term: int
    method: str
    band: str
    annual_rate: Decimal
    monthly_fee_rate: Decimal
    installment_amount: int
    total_interest: int
    total_fees: int
    apr: Decimal
    effective_annual_rate: Decimal
    saving_same_payment: int | None
    worthwhile: bool | None
    expected_loss: int = 0
    """Of the principal, from the probability of a default; inside the price, shown to staff."""
    funding_cost: int = 0
    """What the money costs us while it is lent."""

    @property
    def cost(self) -> int:
        """What the loan costs in all."""
        return self.total_interest + self.total_fees


def terms_of(priced: Priced, policy: Policy) -> Terms:
    """The terms of the plan as the schedule engine takes them."""
    return plan_terms(
        amount=priced.amount,
        term=priced.term,
        method=priced.method,
        annual_rate=priced.annual_rate,
        monthly_fee_rate=priced.monthly_fee_rate,
        policy=policy,
    )


def plan_terms(
    *, amount: int, term: int, method: str, annual_rate: Decimal, monthly_fee_rate: Decimal, policy: Policy
) -> Terms:
    """The terms of a plan under the day count and rounding of the market."""
    return Terms(
        principal=amount,
        annual_rate=annual_rate,
        installments=term,
        method=Method(method),
        monthly_fee_rate=monthly_fee_rate,
        day_count=DayCount(policy.product.day_count),
        rounding=Rounding(policy.product.rounding),
    )


def price_of(wish: Wish, score: int | None, policy: Policy) -> tuple[str, TermPrice] | None:
    """The band and list price of a wish; None for a term, method or amount that is not sold."""
    if not 0 < wish.amount <= MAX_AMOUNT or wish.method not in policy.product.methods:
        return None
    if wish.product is Product.MICRO_LOAN:
        micro = policy.crosssell.micro_loan
        if wish.term != micro.term or wish.amount > micro.amount:
            return None
        price = TermPrice(term=micro.term, annual_rate=micro.annual_rate, monthly_fee_rate=Decimal(0))
        return Product.MICRO_LOAN.value, price
    if wish.term not in policy.product.terms:
        return None
    band = policy.price.band(score)
    return band.name, band.price(wish.term)


def expected_loss(amount: int, term: int, default_probability: Decimal, loss: Loss) -> int:
    """Of a level plan, minor units: the probability times what is owed on average when it happens.

    On average ``(term + 1) / (2 term)`` of the principal is out. Our own choice, to be replaced by vintages.
    """
    rate = Fraction(default_probability) * Fraction(loss.default_to_loss) * Fraction(loss.loss_given_default)
    part = rate * amount * (term + 1) / (2 * term)
    return round_div(part.numerator, part.denominator)


def funding_cost(amount: int, term: int, loss: Loss) -> int:
    """Interest that we pay on what is out, over the months of the plan, minor units."""
    part = Fraction(loss.funding_rate) * amount * (term + 1) / 24
    return round_div(part.numerator, part.denominator)


def price(
    wish: Wish, *, scored: Scored | None, card_apr: Decimal | None, policy: Policy, on: date
) -> Priced | None:
    """Price a wish as of ``on``, compared with the card that it refinances; None when it is not sold."""
    found = price_of(wish, None if scored is None else scored.score, policy)
    if found is None:
        return None
    band, listed = found
    terms = plan_terms(
        amount=wish.amount,
        term=wish.term,
        method=wish.method,
        annual_rate=listed.annual_rate,
        monthly_fee_rate=listed.monthly_fee_rate,
        policy=policy,
    )
    plan, compared = _compared(wish, terms, card_apr, policy, on)
    loss = policy.price.loss
    probability = loss.unscored_default_probability if scored is None else scored.default_probability
    return Priced(
        amount=wish.amount,
        term=wish.term,
        method=wish.method,
        band=band,
        annual_rate=listed.annual_rate,
        monthly_fee_rate=listed.monthly_fee_rate,
        installment_amount=plan.installments[0].amount,
        total_interest=plan.total_interest,
        total_fees=plan.total_fee,
        apr=plan.apr,
        effective_annual_rate=plan.effective_annual_rate,
        saving_same_payment=compared.saving_same_payment if compared else None,
        worthwhile=compared.worthwhile if compared else None,
        expected_loss=expected_loss(wish.amount, wish.term, probability, loss),
        funding_cost=funding_cost(wish.amount, wish.term, loss),
    )


def _compared(
    wish: Wish, terms: Terms, card_apr: Decimal | None, policy: Policy, on: date
) -> tuple[Schedule, savings.Comparison | None]:
    """The plan, and how it stands against the card; nothing to compare where no card is refinanced."""
    if card_apr is None or wish.product is not Product.CARD_REFINANCE:
        return schedule(terms, on), None
    compared = savings.compare(card_of(wish.amount, policy, card_apr), [terms], on).plans[0]
    return compared.schedule, compared


def card_of(balance: int, policy: Policy, apr: Decimal) -> savings.Card:
    """A card bill with the habits that the policy assumes where the statement does not say."""
    return savings.Card(
        balance=balance,
        annual_rate=apr,
        minimum_rate=policy.card.minimum_rate,
        minimum_floor=policy.card.minimum_floor,
        interest_on=savings.InterestOn(policy.card.interest_basis),
    )
