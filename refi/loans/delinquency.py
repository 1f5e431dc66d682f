"""How late a loan is, in the words of the policy: bucket, asset class, IFRS 9 stage, accrual. Pure.

Everything follows from days past due (`refi.schedules.arrears`) and the policy's bands, so it changes only on
the days on which a band begins: what a day brings to a book is a handful of due dates (`turning`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date, timedelta

from refi.policies import Delinquency
from refi.schedules.arrears import days_past_due

PERFORMING = "performing"
"""The asset class of a loan that is not past due."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What so many days past due mean. ``accrues``: interest counts as income until the loan is too late."""

    bucket: str
    asset_class: str
    stage: int
    accrues: bool


@dataclass(frozen=True, slots=True)
class Band:
    """The days past due, ``from_days`` until before ``below_days``, over which the standing is the same."""

    from_days: int
    below_days: int | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class Turn:
    """Loans whose oldest unmet due date is ``unmet_on`` change their standing on a day."""

    unmet_on: date
    days: int
    before: Standing
    after: Standing


def standing(rules: Delinquency, days: int) -> Standing:
    """What ``days`` past due mean (RULES, Servicing and delinquency)."""
    classes = (band.name for band in rules.asset_classes if band.holds(days))
    stage = 1 + (days > rules.stage_2_above_days) + (days > rules.stage_3_above_days)
    return Standing(
        rules.bucket(days), next(classes, PERFORMING), stage, days <= rules.non_accrual_above_days
    )


def bands(rules: Delinquency) -> tuple[Band, ...]:
    """All days past due cut into the longest stretches of one standing, from 0 on."""
    above = (rules.stage_2_above_days, rules.stage_3_above_days, rules.non_accrual_above_days)
    begins = {band.from_days for band in (*rules.buckets, *rules.asset_classes)}
    starts = sorted({0, *begins, *(days + 1 for days in above)})
    starts = [days for days in starts if days == 0 or standing(rules, days) != standing(rules, days - 1)]
    ends = [*starts[1:], None]
    return tuple(Band(first, end, standing(rules, first)) for first, end in zip(starts, ends, strict=True))


def turning(rules: Delinquency, on: date) -> tuple[Turn, ...]:
    """Which oldest unmet due dates make a loan's standing on ``on`` another than the day before."""
    found = bands(rules)
    return tuple(
        Turn(on - timedelta(days=band.from_days), band.from_days, before.standing, band.standing)
        for before, band in itertools.pairwise(found)
    )


def standing_on(rules: Delinquency, unmet_on: date | None, on: date) -> Standing:
    """The standing on ``on`` of a loan whose oldest unmet due date is ``unmet_on``."""
    return standing(rules, days_past_due(unmet_on, on))


def changed(before: Standing, after: Standing) -> list[str]:
    """What a change of standing is counted under: the bucket, class and stage entered, and accrual."""
    found = [f"to_{after.bucket}"] if after.bucket != before.bucket else []
    if after.asset_class != before.asset_class:
        found.append(f"to_{after.asset_class}")
    if after.stage != before.stage:
        found.append(f"to_stage_{after.stage}")
    if after.accrues != before.accrues:
        found.append("accrue_again" if after.accrues else "stop_accruing")
    return found
