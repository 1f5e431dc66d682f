"""Many decided at once get the answer that each would get alone."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from refi import policies
from refi.policies.deciding import Income
from refi.schedules.dates import add_months
from refi.seeding import made_up
from refi.seeding.card_clients import Client
from refi.seeding.files_service import clients_in
from refi.seeding.service import SEED
from refi.underwriting import bulk, shipped_service
from refi.underwriting.card_history import Month, history_of
from refi.underwriting.characteristics import Histories
from refi.underwriting.decision import Decision, decide_wish
from refi.underwriting.facts import Facts
from refi.underwriting.strategy import Strategy
from tests.parsed import ROOT
from tests.proofs import Proof
from tests.underwriting.given import facts

CN = shipped_service.strategy_of(policies.load("cn"))
REAL = Path(os.environ.get("REFI_CARDS_CSV") or ROOT.parent / "shared" / "data" / "card_clients.csv")
needs_real = pytest.mark.skipif(not REAL.is_file(), reason=f"no card holders' file at {REAL}")
NEWEST = date(2026, 11, 12)


def months_of(bills: list[int], paid: list[int], late: list[bool]) -> tuple[Month, ...]:
    return tuple(
        Month(add_months(NEWEST, -k), bill, max(bill, 0) // 10, paid[k] if k < 5 else None, late[k], None)
        for k, bill in enumerate(bills)
    )


def alone(alike: Facts, months: tuple[Month, ...], limit: int, amount: int, income: int) -> Facts:
    changed = {"statement_balance": max(months[0].balance, 0), "monthly_income": income}
    told = {name: replace(getattr(alike, name), value=value) for name, value in changed.items()}
    return replace(
        alike,
        wish=replace(alike.wish, amount=amount),
        statement_overdue=replace(alike.statement_overdue, value=months[0].overdue),
        bills=replace(alike.bills, value=months),
        credit_limit=replace(alike.credit_limit, value=limit),
        **told,
    )


def together(alike: Facts, people: list[tuple[tuple[Month, ...], int, int, int]]) -> bulk.Applicants:
    scored = [history_of(months, limit) for months, limit, _, _ in people]
    blank = Histories(np.ones(1), np.zeros((1, 6)), np.zeros((1, 5)), np.zeros((1, 6)))
    rows = [one or blank for one in scored]
    stacked = Histories(
        *(np.concatenate([getattr(r, name) for r in rows]) for name in ("limits", "bills", "paid", "late"))
    )
    return bulk.Applicants(
        alike=replace(alike, bills=replace(alike.bills, value=None)),
        amounts=np.array([amount for _, _, amount, _ in people], dtype=np.int64),
        balances=np.array([max(months[0].balance, 0) for months, _, _, _ in people], dtype=np.int64),
        incomes=np.array([income for _, _, _, income in people], dtype=np.int64),
        overdue=np.array([months[0].overdue for months, _, _, _ in people]),
        histories=stacked,
        scorable=np.array([one is not None for one in scored]),
    )


def agrees(made: bulk.Decided, place: int, one: Decision, strategy: Strategy) -> None:
    assert bulk.OUTCOMES[made.outcomes[place]] is one.outcome
    codes = [bulk.REASONS[code] for code in made.reasons[place] if code >= 0]
    assert codes == [reason.code for reason in one.reasons[: bulk.SHOWN]]
    score = bulk.NO_SCORE if one.scored is None else one.scored.score
    if made.bands[place] >= 0 and one.priced is not None:
        assert strategy.policy.price.bands[made.bands[place]].name == one.priced.band
        assert made.installments[place] == one.priced.installment_amount
        assert made.costs[place] == one.priced.cost
        assert made.expected_losses[place] == one.priced.expected_loss
        assert made.scores[place] == score


def asking(income: Income | None) -> Strategy:
    rules = CN.policy.underwriting.model_copy(update={"income": income})
    return Strategy(CN.policy.model_copy(update={"underwriting": rules}), CN.card)


ASKING = {
    **{market: shipped_service.strategy_of(policies.load(market)) for market in ("cn", "us")},
    "half of what is told": asking(
        Income(
            declared_counts=Decimal("0.5"),
            verified_fresh_days=30,
            refer_unverified_above=1_000_000,
            declared_above_verified=Decimal("0.1"),
        )
    ),
    "nobody asks": asking(None),
}
AMOUNTS = st.one_of(st.integers(9_990, 30_000_000), st.integers(-10, 20_000), st.integers(1, 10**12))
PEOPLE = st.lists(
    st.tuples(
        st.lists(st.integers(-10_000, 40_000_000), min_size=6, max_size=6),
        st.lists(st.integers(0, 40_000_000), min_size=5, max_size=5),
        st.lists(st.booleans(), min_size=6, max_size=6),
        st.integers(0, 50_000_000),
        AMOUNTS,
        st.one_of(st.integers(0, 5_000_000), st.integers(0, 10**15)),
    ),
    min_size=1,
    max_size=12,
)
ALIKE: list[dict[str, Any]] = [
    {},
    {"card_apr": Decimal("0.118")},
    {"card_apr": None},
    {"exposure": 15_000_000, "refinanced": 5},
    {"exposure": None, "portfolio_exposure": None},
    {"consents": (), "days_past_due": 2, "fraud_signals": ("same_device",)},
    {"other_card_minimums": 400_000, "loan_installments": 100_000},
    {"cash_share": Decimal("0.9"), "refinanced": None},
    {"verified_income": 600_000},
    {"verified_income": 0},
]


@hypothesis_settings(deadline=None)
@hypothesis_given(
    PEOPLE, st.sampled_from(ALIKE), st.sampled_from([3, 6, 12]), st.sampled_from(sorted(ASKING))
)
def test_together_and_alone(people: list[Any], alike: dict[str, Any], term: int, market: str) -> None:
    strategy = ASKING[market]
    base = facts(wish={"term": term}, **alike)
    rows = [(months_of(b, p, o), limit, amount, income) for b, p, o, limit, amount, income in people]
    made = bulk.decide_many(together(base, rows), strategy)
    for place, (months, limit, amount, income) in enumerate(rows):
        agrees(made, place, decide_wish(alone(base, months, limit, amount, income), strategy), strategy)


def applicants(clients: list[Client]) -> list[tuple[tuple[Month, ...], int, int, int]]:
    """Those of the card holders who have a bill to pay off, wishing for all of it, income as seeded."""
    return [
        (
            months_of(list(one.bills), list(one.payments[:5]), [status >= 1 for status in one.statuses]),
            one.limit,
            one.bills[0],
            made_up.monthly_income(SEED, one.id, one.limit),
        )
        for one in clients
        if one.bills[0] >= CN.policy.product.minimum_amount
    ]


@needs_real
def test_real_clients_decided(proof: Proof) -> None:
    """All of them in bulk; a sample one by one; outcomes, reasons, and defaults by band."""
    size = proof.size(small=1_500, full=24_000, of="clients")
    clients = [one for one, _ in zip(clients_in(REAL), range(size), strict=False)]
    people = applicants(clients)
    bad = np.array([bool(c.defaulted) for c in clients if c.bills[0] >= CN.policy.product.minimum_amount])
    made = bulk.decide_many(together(facts(), people), CN)
    places = proof.random().sample(range(len(people)), k=proof.size(small=150, full=3_000, of="one by one"))
    for place in places:
        months, limit, amount, income = people[place]
        agrees(made, place, decide_wish(alone(facts(), months, limit, amount, income), CN), CN)
    told = report(made, bad, np.array([amount for _, _, amount, _ in people]))
    fair = fairness(made, bad, [c.id for c in clients if c.bills[0] >= CN.policy.product.minimum_amount])
    proof.record(**told, agreed_one_by_one=len(places), by_attribute_never_used=fair)
    rates = [each["defaulted"] for each in told["approved_by_band"] if each["n"] >= 100]
    assert rates == sorted(rates)
    assert told["approved"]["share"] > 0.3
    better = sum(each["n"] for each in told["approved_by_band"] if each["rate"] <= 0.12)
    assert better >= 0.51 * told["approved"]["n"]


ATTRIBUTES = {
    "sex": ("SEX", {"1": "men", "2": "women"}),
    "education": ("EDUCATION", {"1": "graduate school", "2": "university", "3": "high school"}),
    "marriage": ("MARRIAGE", {"1": "married", "2": "single"}),
}


def fairness(made: bulk.Decided, bad: np.ndarray, ids: list[int]) -> dict[str, Any]:
    """Outcomes by what neither model nor rule may see, beside what became of those who were approved."""
    with REAL.open(encoding="utf-8") as file:
        rows = {int(float(row["ID"])): row for row in csv.DictReader(file)}
    groups: dict[tuple[str, str], list[int]] = {}
    for place, number in enumerate(ids):
        for attribute, (column, names) in ATTRIBUTES.items():
            value = str(int(float(rows[number][column])))
            groups.setdefault((attribute, names.get(value, "other")), []).append(place)
        decade = min(int(float(rows[number]["AGE"])) // 10 * 10, 60)
        groups.setdefault(("age", f"{decade}s" if decade < 60 else "60 and above"), []).append(place)
    return {
        f"{attribute}: {name}": {
            "n": len(places),
            "approved": round(float((made.outcomes[places] == 0).mean()), 4),
            "declined": round(float((made.outcomes[places] == 2).mean()), 4),
            "defaulted": round(float(bad[places].mean()), 4),
            "defaulted_of_approved": round(float(bad[places][made.outcomes[places] == 0].mean()), 4),
        }
        for (attribute, name), places in sorted(groups.items())
        if len(places) >= 50
    }


def report(made: bulk.Decided, bad: np.ndarray, amounts: np.ndarray) -> dict[str, Any]:
    """What the strategy does to these people, and what became of them."""
    approved = made.outcomes == 0
    bands = CN.policy.price.bands
    reasons = {
        code: int((made.reasons == k).any(axis=1).sum())
        for k, code in enumerate(bulk.REASONS)
        if (made.reasons == k).any()
    }
    loss = CN.policy.price.loss
    part = float(loss.default_to_loss * loss.loss_given_default) * 7 / 12
    by_band = []
    for k, band in enumerate(bands):
        rows = approved & (made.bands == k)
        if rows.any():
            by_band.append(
                {
                    "band": band.name,
                    "rate": float(band.price(6).annual_rate),
                    "n": int(rows.sum()),
                    "defaulted": round(float(bad[rows].mean()), 4),
                    "expected_loss": int(made.expected_losses[rows].sum()),
                    "observed_loss": round(float((amounts[rows] * bad[rows]).sum()) * part),
                }
            )
    return {
        "applicants": len(bad),
        "approved": {"n": int(approved.sum()), "share": round(float(approved.mean()), 4)},
        "referred": int((made.outcomes == 1).sum()),
        "declined": int((made.outcomes == 2).sum()),
        "defaulted": {
            name: round(float(bad[made.outcomes == k].mean()), 4)
            for k, name in enumerate(outcome.value for outcome in bulk.OUTCOMES)
            if (made.outcomes == k).any()
        },
        "reasons": reasons,
        "approved_by_band": by_band,
    }
