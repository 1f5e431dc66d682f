"""Early warning once a day: what moved becomes an alert, a line in the log and a message to the operators."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from refi.applications import lending_service as lending
from refi.db.work import Work
from refi.underwriting import alert_service, monitoring, shipped_service
from refi.underwriting.monitoring import Alert, Book, Moved, Period

FIRST_PAYMENT_MISSED_AFTER = 30
TELL = "tell_operators"
"""The job that writes to them (`refi.applications.warning_jobs`)."""
log = structlog.get_logger("refi.underwriting")

_DECIDED = text("""
    WITH made AS MATERIALIZED (
        SELECT decided_on, outcome, reasons, record->'facts' AS facts,
               CASE WHEN model_version = :card THEN record->'scored' END AS scored
        FROM decisions WHERE decided_by = 'engine' AND decided_on > :after AND decided_on <= :upto
    )
    SELECT 'outcome' AS kind, '' AS name, outcome AS value, count(*) AS n FROM made GROUP BY outcome
    UNION ALL
    SELECT 'reason', '', each->>'code', count(*) FROM made, jsonb_array_elements(reasons) each GROUP BY 3
    UNION ALL
    SELECT 'score', '', scored->>'score', count(*) FROM made WHERE jsonb_typeof(scored) = 'object' GROUP BY 3
    UNION ALL
    SELECT 'earned:' || (scored->>'segment'), each->>'name', each->>'points', count(*)
    FROM made, jsonb_array_elements(scored->'contributions') each
    WHERE jsonb_typeof(scored) = 'object' GROUP BY 1, 2, 3
    UNION ALL
    SELECT 'fact', each.key, each.value->>'value', count(*) FROM made, jsonb_each(facts) each
    WHERE each.key = ANY(:plain) GROUP BY 2, 3
    UNION ALL
    SELECT 'fact', each.name, each.value, count(*) FROM made, LATERAL (VALUES
        ('wish.amount', facts#>>'{wish,amount}'), ('wish.term', facts#>>'{wish,term}'),
        ('statement_age', (decided_on - (facts#>>'{statement_date,value}')::date)::text),
        ('bureau', CASE WHEN jsonb_typeof(facts#>'{bureau,value}') = 'object' THEN 'report' ELSE 'none' END),
        ('bureau.open_delinquencies', facts#>>'{bureau,value,open_delinquencies}'),
        ('bureau.inquiries_six_months', facts#>>'{bureau,value,inquiries_six_months}'),
        ('bureau.monthly_obligations', facts#>>'{bureau,value,monthly_obligations}')
    ) each(name, value) GROUP BY 2, 3
""")
_FIRST_DUE = text("""
    SELECT count(*), count(*) FILTER (WHERE unmet_on = first_due_on)
    FROM loans WHERE first_due_on > :after AND first_due_on <= :upto
      AND status IN ('active', 'paid_off', 'charged_off')
""")
_DERIVED = ("wish.amount", "wish.term", "statement_age", "bureau")
PLAIN = [
    name for name in (*monitoring.NUMBERS, *monitoring.LABELS) if name not in _DERIVED and "." not in name
]
"""Facts that are read as they stand in the record."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is beyond the thresholds, and every stability index whether or not it is."""

    alerts: list[Alert]
    moves: list[Moved]


async def look(work: Work, on: date) -> Seen:
    """The early warning as of ``on``; writes nothing."""
    rules = work.policy.underwriting
    card = shipped_service.strategy_of(work.policy).card
    version = None if card is None else card.version
    window = timedelta(days=rules.warning.window_days)
    now = await _period(work, version, on - window, on)
    before = await _period(work, version, on - 2 * window, on - window)
    return Seen(
        monitoring.warnings(now, before, await _book(work, on, window), card, rules.warning),
        monitoring.moves(now, before, card, rules.warning),
    )


async def _book(work: Work, on: date, window: timedelta) -> Book:
    limits = work.policy.underwriting.limits
    missed = on - timedelta(days=FIRST_PAYMENT_MISSED_AFTER)
    due = (await work.session.execute(_FIRST_DUE, {"after": missed - window, "upto": missed})).one()
    lent = await lending.by_issuer(work)
    limited = {name: (each, limits.issuer if name else limits.portfolio) for name, each in lent.items()}
    return Book(int(due[0]), int(due[1]), limited)


async def _period(work: Work, card: str | None, after: date, upto: date) -> Period:
    found: dict[tuple[str, str], dict[str | None, int]] = defaultdict(dict)
    values = {"card": card, "after": after, "upto": upto, "plain": PLAIN}
    for kind, name, value, n in await work.session.execute(_DECIDED, values):
        found[kind, name][value] = int(n)
    return Period(
        outcomes={str(key): n for key, n in found["outcome", ""].items()},
        reasons={str(key): n for key, n in found["reason", ""].items()},
        scores={int(str(key)): n for key, n in found["score", ""].items()},
        earned={
            (kind.removeprefix("earned:"), name): {int(str(key)): n for key, n in counts.items()}
            for (kind, name), counts in found.items()
            if kind.startswith("earned:")
        },
        facts={name: counts for (kind, name), counts in found.items() if kind == "fact"},
    )


async def warn(work: Work, on: date) -> dict[str, Any]:
    """A step of the close: what is new is told once, as a row, a log line and a message to the operators."""
    found = (await look(work, on)).alerts
    raised = await alert_service.settle(work, on, found, work.policy.underwriting.warning.ends_after_days)
    for each in raised:
        log.warning("early_warning", alert=each.name, on=on.isoformat(), **each.figures)
        work.enqueue(TELL, {"alert": each.id}, dedupe_key=f"{TELL}:{each.id}")
    return {"alerts": [each.name for each in found], "new": len(raised)}
