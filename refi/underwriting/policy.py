"""The rules, one small function each. All look at every case, none stops the others, each says what it saw.

A rule answers a `Finding`: passed, refer (a person looks) or decline. Missing data refers; it never approves
and is never held against the borrower. Thresholds live in the policy file of the market.
"""

from __future__ import annotations

from fractions import Fraction

from refi.policies import Policy
from refi.underwriting import bureau_rules, card_rules, score_rules
from refi.underwriting.affordability import verified_income
from refi.underwriting.facts import Product
from refi.underwriting.findings import Case, Finding, Rule, decline, passed, refer


def of_age(case: Case) -> Finding:
    """The borrower must be of age; an unknown age is looked at."""
    age, least = case.facts.age.value, case.policy.underwriting.minimum_age
    if age is None:
        return refer("AGE_MINIMUM", "identity_unverified", age=None, minimum=least)
    if age < least:
        return decline("AGE_MINIMUM", "identity_unverified", age=age, minimum=least)
    return passed("AGE_MINIMUM", of_age=True, minimum=least)


def identity(case: Case) -> Finding:
    """Name and national id must be verified."""
    verified = case.facts.identity_verified.value
    if verified is None:
        return refer("IDENTITY_VERIFIED", "identity_unverified", verified=None)
    if not verified:
        return decline("IDENTITY_VERIFIED", "identity_unverified", verified=False)
    return passed("IDENTITY_VERIFIED", verified=True)


def consents(case: Case) -> Finding:
    """What the policy needs a consent for must be consented to."""
    needed = case.policy.underwriting.required_consents
    given = case.facts.consents.value or ()
    missing = tuple(purpose for purpose in needed if purpose not in given)
    if missing:
        return refer("CONSENTS_GIVEN", "application_incomplete", missing=missing)
    return passed("CONSENTS_GIVEN", needed=needed)


def fraud_signals(case: Case) -> Finding:
    """A fraud signal is looked at by a person; it never declines silently."""
    signals = case.facts.fraud_signals.value or ()
    if signals:
        return refer("FRAUD_SIGNALS", "suspected_fraud", signals=signals)
    return passed("FRAUD_SIGNALS", signals=())


def product_offered(case: Case) -> Finding:
    """The term must be one that is sold, and the wish must be one that can be priced."""
    wish = case.facts.wish
    if case.priced is None:
        return decline("PRODUCT_OFFERED", "policy_exposure_limit", amount=wish.amount, term=wish.term)
    return passed("PRODUCT_OFFERED", term=wish.term, method=wish.method)


def amount_minimum(case: Case) -> Finding:
    """No loan below the smallest amount that is lent."""
    amount, least = case.facts.wish.amount, case.policy.product.minimum_amount
    if amount < least:
        return decline("AMOUNT_MINIMUM", "policy_exposure_limit", amount=amount, minimum=least)
    return passed("AMOUNT_MINIMUM", amount=amount, minimum=least)


def amount_maximum(case: Case) -> Finding:
    """No loan above the largest amount that is lent."""
    amount, most = case.facts.wish.amount, case.policy.product.maximum_amount
    if amount > most:
        return decline("AMOUNT_MAXIMUM", "policy_exposure_limit", amount=amount, maximum=most)
    return passed("AMOUNT_MAXIMUM", amount=amount, maximum=most)


def amount_automatic(case: Case) -> Finding:
    """Large amounts are decided by a person."""
    amount, most = case.facts.wish.amount, case.policy.underwriting.refer_above_amount
    if amount > most:
        return refer("AMOUNT_AUTOMATIC", "policy_exposure_limit", amount=amount, automatic_up_to=most)
    return passed("AMOUNT_AUTOMATIC", amount=amount, automatic_up_to=most)


def income_declared(case: Case) -> Finding:
    """No income told or an absurd one: a person looks; an income of nothing cannot carry a loan."""
    income, most = case.facts.monthly_income.value, case.policy.underwriting.income_plausible_up_to
    if income is None:
        if verified_income(case.facts, case.policy.underwriting.income) is not None:
            return passed("INCOME_DECLARED", monthly_income=None)
        return refer("INCOME_DECLARED", "income_unverified", monthly_income=None)
    if income <= 0:
        return decline("INCOME_DECLARED", "income_insufficient", monthly_income=income)
    if income > most:
        return refer("INCOME_DECLARED", "income_unverified", monthly_income=income, plausible_up_to=most)
    return passed("INCOME_DECLARED", monthly_income=income)


def income_verified(case: Case) -> Finding:
    """A large amount needs an income that somebody vouches for, and one told may not be far above it."""
    rules, told, amount = case.policy.underwriting.income, case.facts.verified_income, case.facts.wish.amount
    verified, declared = verified_income(case.facts, rules), case.facts.monthly_income.value
    seen = {"verified": told.value, "as_of": told.as_of, "source": told.source, "declared": declared}
    if rules is None:
        return passed("INCOME_VERIFIED", **seen)
    if verified is None:
        seen |= {"amount": amount, "unverified_up_to": rules.refer_unverified_above}
        if amount > rules.refer_unverified_above:
            return refer("INCOME_VERIFIED", "income_unverified", **seen)
        return passed("INCOME_VERIFIED", **seen)
    if verified <= 0:
        return decline("INCOME_VERIFIED", "income_insufficient", **seen)
    if declared is not None and declared > verified * (1 + rules.declared_above_verified):
        return refer("INCOME_VERIFIED", "income_unverified", **seen)
    return passed("INCOME_VERIFIED", **seen)


def obligations(case: Case) -> Finding:
    """Installments and card minimums must leave enough of the income."""
    rules, share = case.policy.underwriting, case.burden
    if share is None:
        return passed("OBLIGATIONS_SHARE", share=None)
    seen = {
        "share": share,
        "obligations": case.obligations,
        "monthly_income": case.income,
    }
    if share > Fraction(rules.decline_above_share):
        return decline("OBLIGATIONS_SHARE", "excessive_obligations", limit=rules.decline_above_share, **seen)
    if share > Fraction(rules.approve_up_to_share):
        return refer("OBLIGATIONS_SHARE", "excessive_obligations", limit=rules.approve_up_to_share, **seen)
    return passed("OBLIGATIONS_SHARE", limit=rules.approve_up_to_share, **seen)


def exposure(case: Case) -> Finding:
    """What one borrower owes us in all is limited."""
    limit, owed, amount = (
        case.policy.underwriting.exposure_limit,
        case.facts.exposure.value,
        case.facts.wish.amount,
    )
    if owed is None:
        return refer("EXPOSURE_LIMIT", "policy_exposure_limit", exposure=None, limit=limit)
    if owed + amount > limit:
        return decline("EXPOSURE_LIMIT", "policy_exposure_limit", exposure=owed, amount=amount, limit=limit)
    return passed("EXPOSURE_LIMIT", exposure=owed, amount=amount, limit=limit)


def past_due_with_us(case: Case) -> Finding:
    """Nobody who is past due with us, or whose loan was charged off, gets another loan automatically."""
    rules, late, lost = case.policy.underwriting, case.facts.days_past_due.value, case.facts.charged_off.value
    if late is None or lost is None:
        return refer("PAST_DUE_WITH_US", "poor_performance_with_us", days_past_due=late, charged_off=lost)
    if lost or late >= rules.decline_days_past_due:
        return decline("PAST_DUE_WITH_US", "poor_performance_with_us", days_past_due=late, charged_off=lost)
    return passed("PAST_DUE_WITH_US", days_past_due=late, charged_off=lost)


def performance_with_us(case: Case) -> Finding:
    """A borrower who was seriously late with us once is looked at."""
    limit, worst = case.policy.underwriting.refer_worst_days_past_due, case.facts.worst_days_past_due.value
    if worst is None or worst >= limit:
        return refer(
            "PERFORMANCE_WITH_US", "poor_performance_with_us", worst_days_past_due=worst, limit=limit
        )
    return passed("PERFORMANCE_WITH_US", worst_days_past_due=worst, limit=limit)


def price_cap(case: Case) -> Finding:
    """The all-in effective rate of this very plan must stay under the cap."""
    cap = case.policy.price.all_in_cap
    if case.priced is None:
        return passed("PRICE_CAP", cap=cap, effective_annual_rate=None)
    rate = case.priced.effective_annual_rate
    if rate > cap:
        return decline("PRICE_CAP", "no_benefit", cap=cap, effective_annual_rate=rate)
    return passed("PRICE_CAP", cap=cap, effective_annual_rate=rate)


_EVERYONE: tuple[Rule, ...] = (
    of_age,
    identity,
    consents,
    fraud_signals,
    product_offered,
    amount_minimum,
    amount_maximum,
    amount_automatic,
    income_declared,
    income_verified,
    obligations,
    exposure,
    past_due_with_us,
    performance_with_us,
    price_cap,
    bureau_rules.bureau_file,
    bureau_rules.bureau_delinquency,
    bureau_rules.bureau_inquiries,
    bureau_rules.bureau_history,
    score_rules.portfolio_limit,
    score_rules.price_carries_loss,
)
_CARD: tuple[Rule, ...] = (
    card_rules.amount_within_statement,
    card_rules.statement_fresh,
    card_rules.card_not_overdue,
    card_rules.card_payable,
    card_rules.benefit,
    score_rules.score_known,
    score_rules.score_cutoff,
    score_rules.band_limit,
    score_rules.issuer_limit,
    score_rules.cash_use,
)

RULES: dict[Product, tuple[Rule, ...]] = {
    Product.CARD_REFINANCE: _EVERYONE + _CARD,
    Product.MICRO_LOAN: _EVERYONE,
}
"""Which rules look at which product: a micro-loan has no card and no statement."""


def rules_of(product: Product, policy: Policy) -> tuple[Rule, ...]:
    """The rules that look at a product under a policy; those that came later only where it has them."""
    later: dict[Rule, bool] = {income_verified: policy.underwriting.income is not None}
    return tuple(rule for rule in RULES[product] if later.get(rule, True))
