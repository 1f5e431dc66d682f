"""What a day does to loans: set-based steps of the close over indexed columns.

A loan without an event that day is neither read nor written. Every rule is the pure function's: dates and
bands are computed from the policy by `refi.loans.delinquency` and handed to the statements as values.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from datetime import date, timedelta
from fractions import Fraction

from refi import events
from refi.db.runs import Report
from refi.db.work import Work
from refi.loans import delinquency
from refi.money import Rounding, round_exact
from refi.schedules.arrears import days_past_due

DAY = timedelta(days=1)

OVERDUE = """
    SELECT l.annual_rate, l.penalty_multiple, l.penalty_year_days, count(*) AS installments,
        sum(i.unpaid)::bigint AS unpaid, sum(i.unpaid_principal)::bigint AS principal
    FROM installments i JOIN loans l ON l.id = i.loan_id
    WHERE i.due_on = $1 AND i.unpaid > 0 AND l.status = 'active' GROUP BY 1, 2, 3"""

DUE = """
    SELECT count(*) AS installments, count(*) FILTER (WHERE i.unpaid = 0) AS met,
        coalesce(sum(i.unpaid), 0)::bigint AS unpaid
    FROM installments i JOIN loans l ON l.id = i.loan_id WHERE i.due_on = $1 AND l.status = 'active'"""

TURNING = """
    WITH concerned AS (
        SELECT id, borrower_id, unmet_on, unmet_on AS was FROM loans
        WHERE status = 'active' AND unmet_on = ANY($1::date[]) AND changed_on <> $2
        UNION ALL SELECT l.id, l.borrower_id, l.unmet_on, kept.unmet_on FROM loans l LEFT JOIN LATERAL (
            SELECT s.unmet_on FROM loan_snapshots s WHERE s.loan_id = l.id AND s.business_date < $2
            ORDER BY s.business_date DESC LIMIT 1
        ) AS kept ON true
        WHERE l.changed_on = $2 AND l.status = 'active' AND (l.unmet_on <= $2 OR kept.unmet_on < $2)
    )
    SELECT c.id, c.borrower_id, c.was, c.unmet_on, owed.principal, owed.past_due
    FROM concerned c CROSS JOIN LATERAL (
        SELECT coalesce(sum(i.unpaid_principal), 0)::bigint AS principal,
            coalesce(sum(i.unpaid) FILTER (WHERE i.due_on <= $2), 0)::bigint AS past_due
        FROM installments i WHERE i.loan_id = c.id
    ) AS owed ORDER BY c.id"""

SNAPSHOTS = """
    WITH concerned AS (
        SELECT id, status, unmet_on, version FROM loans WHERE changed_on = $1 AND credited_on IS NOT NULL
        UNION ALL SELECT id, status, unmet_on, version FROM loans
        WHERE status = 'active' AND unmet_on = ANY($2::date[]) AND changed_on <> $1
    ), taken AS (
        INSERT INTO loan_snapshots (loan_id, business_date, status, unmet_on, days_past_due, bucket,
            asset_class, stage, accrues, principal, past_due, version)
        SELECT l.id, $1, l.status, l.unmet_on, late.days, band.bucket,
            band.asset_class, band.stage, band.accrues, owed.principal, owed.past_due, l.version
        FROM concerned l
        CROSS JOIN LATERAL (SELECT greatest($1 - coalesce(l.unmet_on, $1), 0) AS days) AS late
        JOIN unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::smallint[], $8::boolean[])
            AS band (from_days, below_days, bucket, asset_class, stage, accrues)
            ON late.days >= band.from_days AND (band.below_days IS NULL OR late.days < band.below_days)
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(i.unpaid_principal), 0)::bigint AS principal, coalesce(sum(i.unpaid)
                FILTER (WHERE i.due_on < $1 OR l.status = 'charged_off'), 0)::bigint AS past_due
            FROM installments i WHERE i.loan_id = l.id
        ) AS owed
        RETURNING status, principal, past_due
    )
    SELECT status, count(*) AS loans, sum(principal)::bigint AS principal, sum(past_due)::bigint AS past_due
    FROM taken GROUP BY status ORDER BY status"""


async def became_overdue(work: Work, on: date) -> Report:
    """Tell what was due on ``on`` and is missing at its end, and the penalty of a day on it.

    Penalties are derived (`refi.schedules.contract`): nothing is written. The penalty is exact over all those
    installments, at the rates that were signed, and rounded once.
    """
    raw = await work.raw()
    rows = await raw.fetch(OVERDUE, on)
    penalty = sum(
        (
            Fraction(row["principal"])
            * Fraction(row["annual_rate"])
            * Fraction(row["penalty_multiple"])
            / row["penalty_year_days"]
            for row in rows
        ),
        start=Fraction(0),
    )
    rounding = Rounding(work.policy.product.rounding)
    return {
        "installments": sum(row["installments"] for row in rows),
        "money": {
            "overdue": sum(row["unpaid"] for row in rows),
            "principal": sum(row["principal"] for row in rows),
            "penalty_a_day": round_exact(penalty, rounding),
        },
    }


async def change_delinquency(work: Work, on: date) -> Report:
    """Announce every active loan that stands tomorrow in another bucket, class, stage or accrual than today.

    Late by the night alone: found by the oldest unmet due dates for which a band begins tomorrow. Made late,
    later or current by what happened on ``on``: found by the day it changed, against what the last snapshot
    says. The money is the principal owed.
    """
    rules, tomorrow = work.policy.delinquency, on + DAY
    raw = await work.raw()
    loans, money = defaultdict[str, int](int), defaultdict[str, int](int)
    for row in await raw.fetch(TURNING, [turn.unmet_on for turn in delinquency.turning(rules, tomorrow)], on):
        before = delinquency.standing_on(rules, row["was"], on)
        after = delinquency.standing_on(rules, row["unmet_on"], tomorrow)
        if before == after:
            continue
        work.announce(
            events.LoanDelinquencyChanged(
                row["id"],
                row["borrower_id"],
                on=tomorrow,
                days_past_due=days_past_due(row["unmet_on"], tomorrow),
                bucket_before=before.bucket,
                **asdict(after),
            )
        )
        for what in ("loans", *delinquency.changed(before, after)):
            loans[what] += 1
            money[what] += row["principal"]
        money["past_due"] += row["past_due"]
    return {"loans": 0, **loans, "money": dict(money)}


async def take_snapshots(work: Work, on: date) -> Report:
    """Keep the state at the end of ``on`` of every loan that changed on it or that changed its standing."""
    rules = work.policy.delinquency
    bands = delinquency.bands(rules)
    raw = await work.raw()
    rows = await raw.fetch(
        SNAPSHOTS,
        on,
        [turn.unmet_on for turn in delinquency.turning(rules, on)],
        [band.from_days for band in bands],
        [band.below_days for band in bands],
        [band.standing.bucket for band in bands],
        [band.standing.asset_class for band in bands],
        [band.standing.stage for band in bands],
        [band.standing.accrues for band in bands],
    )
    return {
        "loans": sum(row["loans"] for row in rows),
        **{row["status"]: row["loans"] for row in rows},
        "money": {
            "principal": sum(row["principal"] for row in rows),
            "past_due": sum(row["past_due"] for row in rows),
        },
    }


async def fall_due(work: Work, on: date) -> Report:
    """Tell what falls due on the day that opens, and how much of it was met before."""
    raw = await work.raw()
    row = await raw.fetchrow(DUE, on)
    return {"installments": row["installments"], "met": row["met"], "money": {"due": row["unpaid"]}}
