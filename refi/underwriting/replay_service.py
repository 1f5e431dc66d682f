"""Make decisions again: from their record, or about the same facts under another strategy."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from refi import ids
from refi.db.work import Work
from refi.errors import NotFound
from refi.underwriting import decision, strategy
from refi.underwriting.decision import Decision
from refi.underwriting.facts import Facts, aged
from refi.underwriting.strategy import Strategy
from refi.underwriting.tables import DecisionRecord, ShadowDecision, StrategyRow

ENGINE = "engine"
PAGE = 500


async def keep(work: Work, used: Strategy) -> None:
    """Keep the whole strategy the first time that it decides."""
    known = await work.session.scalar(
        select(StrategyRow.fingerprint).where(StrategyRow.fingerprint == used.fingerprint)
    )
    if known is None:
        await work.session.execute(
            insert(StrategyRow)
            .values(
                fingerprint=used.fingerprint,
                version=used.version,
                effective_on=used.policy.effective_on,
                body=used.body,
                first_used_at=work.now,
            )
            .on_conflict_do_nothing()
        )


async def kept(work: Work, fingerprint: str) -> Strategy:
    """The strategy that was kept under that fingerprint, or `NotFound`."""
    row = await work.session.get(StrategyRow, fingerprint)
    if row is None:
        raise NotFound("no such strategy")
    return strategy.read(row.body, fingerprint, work.policy)


async def record_shadow(work: Work, row: DecisionRecord, arm: str, other: Strategy, facts: Facts) -> None:
    """Let a shadow decide about the same facts, and keep what it says."""
    made = decision.decide(facts, other, arm)
    await keep(work, other)
    work.session.add(
        ShadowDecision(
            id=ids.new("shdw"),
            decision_id=row.id,
            arm=arm,
            strategy=other.fingerprint,
            outcome=made.outcome,
            reasons=[{"code": reason.code, "rank": reason.rank} for reason in made.reasons],
            record=made.record(),
            decided_on=work.on,
        )
    )
    await work.session.flush()


@dataclass(frozen=True, slots=True)
class Change:
    """An application that another strategy would decide or price differently."""

    decision_id: str
    application: str
    was: str
    would_be: str
    band_was: str | None
    band_would_be: str | None


@dataclass(slots=True)
class Replayed:
    """A period decided again.

    ``moves`` counts outcomes before and after. Without another strategy ``differing`` must be empty: a record
    gives the identical record. ``unreplayable`` are of before strategies were kept.
    """

    decisions: int = 0
    changes: list[Change] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unreplayable: list[str] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)


async def replay(work: Work, first: date, last: date, other: Strategy | None = None) -> Replayed:
    """Decide the engine's decisions of a period again, by what decided then or by ``other``."""
    found, known = Replayed(), dict[str, Strategy]()
    async for row in _decisions(work, first, last):
        if row.strategy is None:
            found.unreplayable.append(row.id)
            continue
        made = decision.read(row.record)
        found.decisions += 1
        if other is None:
            if row.strategy not in known:
                known[row.strategy] = await kept(work, row.strategy)
            # compared as values: a record of before a fact existed says nothing of it, and neither did we
            if decision.decide(made.facts, known[row.strategy], made.arm) != made:
                found.differing.append(row.id)
        else:
            _compare(found, row, made, decision.decide(made.facts, other, made.arm))
    return found


def _compare(found: Replayed, row: DecisionRecord, was: Decision, now: Decision) -> None:
    found.moves[f"{was.outcome} -> {now.outcome}"] += 1
    bands = [None if each.priced is None else each.priced.band for each in (was, now)]
    if was.outcome is not now.outcome or _offered(was) != _offered(now):
        found.changes.append(Change(row.id, row.subject, was.outcome, now.outcome, bands[0], bands[1]))


def _offered(made: Decision) -> tuple[object, ...] | None:
    """What the borrower would be offered; nothing where nothing is."""
    if made.priced is None or made.outcome is not decision.Outcome.APPROVED:
        return None
    return made.priced.amount, made.priced.term, made.priced.annual_rate, made.priced.monthly_fee_rate


async def _decisions(work: Work, first: date, last: date) -> AsyncIterator[DecisionRecord]:
    """The engine's decisions of a period by id, a page at a time."""
    after = ""
    while True:
        rows = (
            await work.session.scalars(
                select(DecisionRecord)
                .where(DecisionRecord.decided_on.between(first, last), DecisionRecord.id > after)
                .where(DecisionRecord.decided_by == ENGINE)
                .order_by(DecisionRecord.id)
                .limit(PAGE)
            )
        ).all()
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        after = rows[-1].id


def explained(row: DecisionRecord) -> dict[str, Any]:
    """A decision as staff reads it: everything that made it."""
    made = decision.read(row.record)
    return {
        "id": row.id,
        "application": row.subject,
        "decided_on": row.decided_on.isoformat(),
        "outcome": made.outcome.value,
        "counter_offer": made.counter,
        "policy_version": row.policy_version,
        "model_version": row.model_version,
        "strategy": row.strategy,
        "arm": made.arm,
        "reasons": row.reasons,
        "shown": [{"code": each.code, "rank": each.rank} for each in made.shown],
        "scored": row.record.get("scored"),
        "priced": row.record["priced"],
        "findings": row.record["findings"],
        "facts": aged(row.record["facts"], row.decided_on),
    }
