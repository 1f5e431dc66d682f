"""Many applications decided at once, as `decide_wish` decides each of them: outcome, reasons, price. Pure.

For a campaign, a replay of a whole book, a look before a strategy is changed. What is the same for everybody
(consents, identity, bureau …) is a case of `Facts` that the ordinary rules look at once; what differs comes
as arrays. Rows beyond the ordinary (an amount that is not lent, or above `ORDINARY`) are decided one by one,
so that every row gets the very answer that it would get alone. Counter-offers are made one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from refi.money import Rounding
from refi.policies import ReasonCode
from refi.schedules import bulk as plans
from refi.schedules.amortization import Method
from refi.schedules.day_count import DayCount
from refi.schedules.loan_arrays import PPM
from refi.underwriting.affordability import verified_income
from refi.underwriting.bulk_arithmetic import Flags, Ints, beyond, ranked, rounded, saves
from refi.underwriting.characteristics import Histories
from refi.underwriting.decision import Decision, Outcome, decide_scored, decide_wish
from refi.underwriting.facts import Facts
from refi.underwriting.findings import Effect
from refi.underwriting.scorecard import LATE, NEVER_LATE, Segment
from refi.underwriting.strategy import Strategy

REASONS: tuple[ReasonCode, ...] = get_args(ReasonCode)
OUTCOMES = (Outcome.APPROVED, Outcome.REFERRED, Outcome.DECLINED)
SHOWN, NO_SCORE = 4, -1
ORDINARY = 10**10
"""Minor units up to which every product below stays in 63 bits."""
DIFFERING = frozenset(
    {
        *("PRODUCT_OFFERED", "AMOUNT_MINIMUM", "AMOUNT_MAXIMUM", "AMOUNT_AUTOMATIC", "INCOME_DECLARED"),
        *("OBLIGATIONS_SHARE", "EXPOSURE_LIMIT", "PRICE_CAP", "PORTFOLIO_LIMIT", "PRICE_CARRIES_LOSS"),
        *("AMOUNT_WITHIN_STATEMENT", "CARD_NOT_OVERDUE", "BENEFIT", "SCORE_KNOWN", "SCORE_CUTOFF"),
        *("BAND_LIMIT", "ISSUER_LIMIT", "INCOME_VERIFIED"),
    }
)
"""Rules whose answer differs from row to row; the others are asked once. The price cap holds for every amount
that is lent at a list price: the policy is refused otherwise."""


@dataclass(frozen=True)
class Applicants:
    """N applications. ``alike`` holds what is the same for all; arrays (N,) hold the rest, minor units.

    ``histories`` has a row for every one; only those marked ``scorable`` are scored.
    """

    alike: Facts
    amounts: Ints
    balances: Ints
    incomes: Ints
    overdue: Flags
    histories: Histories
    scorable: Flags

    def __len__(self) -> int:
        return len(self.amounts)


@dataclass(frozen=True)
class Decided:
    """N decisions: indices into `OUTCOMES`, up to four into `REASONS` (-1: none), into the price bands."""

    outcomes: NDArray[np.int8]
    reasons: NDArray[np.int8]
    scores: Ints
    bands: Ints
    installments: Ints
    costs: Ints
    expected_losses: Ints


def decide_many(of: Applicants, strategy: Strategy) -> Decided:
    """Decide each of N. The same as `decide_wish` says of every one."""
    least = strategy.policy.product.minimum_amount
    odd = (of.amounts < least) | (of.amounts > ORDINARY) | (of.incomes > ORDINARY * 1000)
    made = _Batch(of, strategy, np.where(odd, least, of.amounts)).decided()
    for place in np.flatnonzero(odd):
        scored = None
        if strategy.card is not None and of.scorable[place]:
            scored = strategy.card.score(of.histories.some(np.array([place])))
        _alone(made, int(place), decide_scored(facts_of(of, int(place)), strategy, scored), strategy)
    return made


def facts_of(of: Applicants, place: int) -> Facts:
    """The case of one row, without its bills: good for rules, not for a score."""
    alike = of.alike
    return replace(
        alike,
        wish=replace(alike.wish, amount=int(of.amounts[place])),
        statement_balance=replace(alike.statement_balance, value=int(of.balances[place])),
        monthly_income=replace(alike.monthly_income, value=int(of.incomes[place])),
        statement_overdue=replace(alike.statement_overdue, value=bool(of.overdue[place])),
    )


def _alone(made: Decided, place: int, one: Decision, strategy: Strategy) -> None:
    """Put the answer of one row, decided by itself, into its place."""
    names = [band.name for band in strategy.policy.price.bands]
    made.outcomes[place] = OUTCOMES.index(one.outcome)
    made.reasons[place] = -1
    codes = [REASONS.index(reason.code) for reason in one.reasons[:SHOWN]]
    made.reasons[place, : len(codes)] = codes
    priced = one.priced
    made.bands[place] = -1 if priced is None else names.index(priced.band)
    made.installments[place] = 0 if priced is None else priced.installment_amount
    made.costs[place] = 0 if priced is None else priced.cost
    made.expected_losses[place] = 0 if priced is None else priced.expected_loss


class _Batch:
    """The steps of one call: score, price, rules, reasons."""

    def __init__(self, of: Applicants, strategy: Strategy, amounts: Ints) -> None:
        self.of, self.strategy, self.policy, self.amounts = of, strategy, strategy.policy, amounts
        self.rules = strategy.policy.underwriting
        self.alike = of.alike
        self.declines = np.zeros((len(REASONS), len(of)), dtype=np.bool_)
        self.refers = np.zeros((len(REASONS), len(of)), dtype=np.bool_)

    def decided(self) -> Decided:
        """Everything, in the order in which one thing needs another."""
        self._score()
        self._price()
        self._ask_once()
        self._ask_about_amounts()
        self._ask_about_money()
        self._ask_about_score()
        return Decided(
            outcomes=np.where(self.declines.any(axis=0), 2, self.refers.any(axis=0)).astype(np.int8),
            reasons=ranked(self.declines, self.refers, [self.rules.rank(code) for code in REASONS], SHOWN),
            scores=self.scores,
            bands=self.bands,
            installments=self.amount_due[:, 0].copy(),
            costs=self.costs,
            expected_losses=self.losses,
        )

    def _hit(self, reason: ReasonCode, rows: Flags, *, declines: bool) -> None:
        (self.declines if declines else self.refers)[REASONS.index(reason)] |= rows

    def _score(self) -> None:
        card, n = self.strategy.card, len(self.of)
        self.scores = np.full(n, NO_SCORE, dtype=np.int64)
        self.costly = np.zeros((len(REASONS), n), dtype=np.bool_)
        if card is None:
            return
        late = ~self.of.histories.never_late
        for name, rows in ((NEVER_LATE, self.of.scorable & ~late), (LATE, self.of.scorable & late)):
            if rows.any():
                segment = card.segments[name]
                total = self._points(segment, rows)
                self.scores[rows] = np.clip(total, card.least, card.most)

    def _points(self, segment: Segment, rows: Flags) -> Ints:
        some = self.of.histories.some(rows)
        total = np.full(len(some), segment.base, dtype=np.int64)
        costly = np.zeros((len(REASONS), len(some)), dtype=np.bool_)
        for each, points in segment.earned(some):
            total += points
            costly[REASONS.index(each.reason)] |= points < each.best
        self.costly[:, rows] = costly
        return total

    def _price(self) -> None:
        policy, wish = self.policy, self.alike.wish
        ordered = sorted(range(len(policy.price.bands)), key=lambda k: policy.price.bands[k].from_score)
        starts = np.array([policy.price.bands[k].from_score for k in ordered])
        place = np.maximum(np.searchsorted(starts, self.scores, side="right") - 1, 0)
        default = [band.name for band in policy.price.bands].index(policy.price.default_band)
        self.bands = np.where(self.scores == NO_SCORE, default, np.array(ordered)[place]).astype(np.int64)
        listed = [band.price(wish.term) for band in policy.price.bands]
        made = plans.schedules(
            plans.loans(
                self.amounts,
                np.array([int(each.annual_rate * PPM) for each in listed])[self.bands],
                wish.term,
                np.datetime64(self.alike.on),
                monthly_fee_rate=np.array([int(each.monthly_fee_rate * PPM) for each in listed])[self.bands],
                method=Method(wish.method),
                day_count=DayCount(policy.product.day_count),
                rounding=Rounding(policy.product.rounding),
            ),
            workers=1,
        )
        self.amount_due = made.amount
        self.costs = made.total_interest + made.total_fee
        self.losses, self.funding = self._loss_and_funding()

    def _loss_and_funding(self) -> tuple[Ints, Ints]:
        loss, term = self.policy.price.loss, self.alike.wish.term
        part = (
            Fraction(loss.default_to_loss) * Fraction(loss.loss_given_default) * Fraction(term + 1, 2 * term)
        )
        card, unscored = self.strategy.card, loss.unscored_default_probability
        levels, place = np.unique(self.scores, return_inverse=True)
        told = [
            unscored if card is None or level == NO_SCORE else card.default_probability(int(level))
            for level in levels
        ]
        millionths = np.array([int(each * PPM) for each in told], dtype=np.int64)[place]
        losses = rounded(self.amounts, part / PPM, times=millionths)
        return losses, rounded(self.amounts, Fraction(loss.funding_rate) * Fraction(term + 1, 24))

    def _ask_once(self) -> None:
        """What the ordinary rules say of everybody alike."""
        wish = replace(self.alike.wish, amount=self.policy.product.minimum_amount)
        for each in decide_wish(replace(self.alike, wish=wish), self.strategy).findings:
            if each.hit and each.rule not in DIFFERING:
                for code in (each.reason, *each.also):
                    if code is not None:
                        everybody = np.ones(len(self.of), dtype=np.bool_)
                        self._hit(code, everybody, declines=each.effect is Effect.DECLINE)

    def _ask_about_amounts(self) -> None:
        amounts, limits = self.amounts, self.rules.limits
        owed, refinanced = self.alike.exposure.value, self.alike.refinanced.value
        known = self.alike.issuer_exposure.value, self.alike.portfolio_exposure.value
        limited: ReasonCode = "policy_exposure_limit"
        for lent, most in zip(known, (limits.issuer, limits.portfolio), strict=True):
            self._hit(limited, beyond(amounts, lent, most), declines=False)
        self._hit(limited, amounts > self.policy.product.maximum_amount, declines=True)
        self._hit(limited, amounts > self.rules.refer_above_amount, declines=False)
        of_band = [limits.of_band(band.name) for band in self.policy.price.bands]
        most_of_band = np.array([ORDINARY * 10 if most is None else most for most in of_band])[self.bands]
        unlimited = np.array([most is None for most in of_band])[self.bands]
        if owed is None:
            self._hit(limited, np.ones(len(amounts), dtype=np.bool_), declines=False)
        else:
            self._hit(limited, amounts + owed > self.rules.exposure_limit, declines=True)
            self._hit(limited, (amounts + owed > most_of_band) & ~unlimited, declines=True)
        if refinanced is None:
            self._hit("application_incomplete", np.ones(len(amounts), dtype=np.bool_), declines=False)
        else:
            self._hit(limited, amounts + refinanced > self.of.balances, declines=True)
        self._hit(limited, self.costs < self.losses + self.funding, declines=True)
        self._hit("card_overdue", self.of.overdue, declines=True)

    def _ask_about_money(self) -> None:
        incomes, rules = self.of.incomes, self.rules
        self._hit("income_insufficient", incomes <= 0, declines=True)
        self._hit("income_unverified", incomes > rules.income_plausible_up_to, declines=False)
        total, counted = self._obligations(), self._counted_incomes()
        for share, declines in ((rules.decline_above_share, True), (rules.approve_up_to_share, False)):
            numerator, denominator = share.as_integer_ratio()
            above = (counted > 0) & (total * denominator > counted * numerator)
            self._hit("excessive_obligations", above, declines=declines)
        apr = self.alike.card_apr.value
        if apr is None:
            self._hit("no_benefit", np.ones(len(incomes), dtype=np.bool_), declines=False)
        else:
            full = self.policy.card.interest_basis == "full_balance"
            none = ~saves(self.amounts, self.amount_due, self.costs, apr, full=full)
            self._hit("no_benefit", none, declines=True)

    def _counted_incomes(self) -> Ints:
        """What counts as coming in; a verified income, where there is one, is everybody's alike."""
        rules, incomes = self.rules.income, self.of.incomes
        if rules is None:
            return incomes
        if (verified := verified_income(self.alike, rules)) is None:
            self._hit("income_unverified", self.amounts > rules.refer_unverified_above, declines=False)
            numerator, denominator = rules.declared_counts.as_integer_ratio()
            return np.asarray(incomes * numerator // denominator, dtype=np.int64)
        if verified <= 0:
            self._hit("income_insufficient", np.ones(len(incomes), dtype=np.bool_), declines=True)
        most = int(verified * (1 + rules.declared_above_verified))
        self._hit("income_unverified", (incomes > most) & (verified > 0), declines=False)
        return np.full(len(incomes), verified, dtype=np.int64)

    def _obligations(self) -> Ints:
        card, alike = self.policy.card, self.alike
        left = np.maximum(self.of.balances - self.amounts, 0)
        minimum = np.minimum(left, np.maximum(rounded(left, Fraction(card.minimum_rate)), card.minimum_floor))
        report = alike.bureau.value
        elsewhere = (report.monthly_obligations or 0) if report is not None else 0
        cards = minimum + (alike.other_card_minimums.value or 0)
        ours = self.amount_due[:, 0] + (alike.loan_installments.value or 0)
        return np.asarray(ours + np.maximum(cards, elsewhere), dtype=np.int64)

    def _ask_about_score(self) -> None:
        rules, known = self.rules.score, self.scores != NO_SCORE
        beyond = ~known & ((self.amounts > rules.refer_unscored_above) | rules.required)
        self._hit("limited_credit_experience", beyond, declines=False)
        low = known & (self.scores < rules.decline_below)
        middling = known & ~low & (self.scores < rules.refer_below)
        nothing = ~self.costly.any(axis=0)
        self.costly[REASONS.index("limited_credit_experience")] |= nothing
        self.declines |= self.costly & low
        self.refers |= self.costly & middling
