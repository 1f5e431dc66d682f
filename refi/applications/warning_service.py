"""Early warning once a day: an alert row, a line in the log, a figure for the metrics."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import structlog
from prometheus_client import Gauge
from sqlalchemy import text

from refi.applications import lending_service as lending
from refi.db.work import Work
from refi.underwriting import alert_service, monitoring, shipped_service
from refi.underwriting.monitoring import Alert, Book, Period

FIRST_PAYMENT_MISSED_AFTER = 30
ALERTS = Gauge("refi_underwriting_alerts", "Alerts raised when the last business day was closed.")
log = structlog.get_logger("refi.underwriting")

_DECIDED = text("""
    SELECT outcome, (record->'scored'->>'score')::int, reasons FROM decisions
    WHERE decided_by = 'engine' AND decided_on > :after AND decided_on <= :upto
""")
_FIRST_DUE = text("""
    SELECT count(*), count(*) FILTER (WHERE unmet_on = first_due_on)
    FROM loans WHERE first_due_on > :after AND first_due_on <= :upto
      AND status IN ('active', 'paid_off', 'charged_off')
""")


async def look(work: Work, on: date) -> list[Alert]:
    """What is beyond the thresholds as of ``on``; writes nothing."""
    rules = work.policy.underwriting
    window = timedelta(days=rules.warning.window_days)
    now = await _period(work, on - window, on)
    before = await _period(work, on - 2 * window, on - window)
    missed = on - timedelta(days=FIRST_PAYMENT_MISSED_AFTER)
    due = (await work.session.execute(_FIRST_DUE, {"after": missed - window, "upto": missed})).one()
    lent = await lending.lent(work, None)
    book = Book(int(due[0]), int(due[1]), lent.portfolio, rules.limits.portfolio)
    card = shipped_service.strategy_of(work.policy).card
    return monitoring.warnings(now, before, book, card, rules.warning)


async def _period(work: Work, after: date, upto: date) -> Period:
    scores: list[int] = []
    outcomes: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for outcome, score, given in await work.session.execute(_DECIDED, {"after": after, "upto": upto}):
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if score is not None:
            scores.append(score)
        for each in given:
            reasons[each["code"]] = reasons.get(each["code"], 0) + 1
    return Period(scores, outcomes, reasons)


async def warn(work: Work, on: date) -> dict[str, Any]:
    """A step of the close: each alert once a day, as a row, a log line and a figure."""
    found = await look(work, on)
    await alert_service.keep(work, on, found)
    for each in found:
        log.warning("early_warning", alert=each.name, on=on.isoformat(), **each.figures)
    ALERTS.set(len(found))
    return {"alerts": [each.name for each in found]}
