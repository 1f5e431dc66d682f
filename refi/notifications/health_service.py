"""How the messages are doing, for an operator: what is late, and how each channel answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from refi.db.work import Work

WAITING = text("""
    SELECT count(*) FILTER (WHERE not_before < :late) AS late,
        min(not_before) FILTER (WHERE not_before < :late) AS since
    FROM messages WHERE status = 'planned' AND not_before < :late
        AND (lapses_on IS NULL OR lapses_on > :on) AND (expires_at IS NULL OR expires_at > :wall)
""")
ANSWERS = text("""
    SELECT channel, count(*) FILTER (WHERE outcome = 'sent') AS sent,
        count(*) FILTER (WHERE outcome = 'failed') AS refused,
        count(*) FILTER (WHERE outcome = 'unknown') AS unknown,
        max(at) FILTER (WHERE outcome = 'sent') AS last_sent
    FROM contact_log WHERE at > CAST(:now AS timestamptz) - interval '24 hours' AND message_id IS NOT NULL
    GROUP BY channel
""")
CIRCUITS = text("""
    SELECT channel, count(*) AS waiting FROM messages
    WHERE status = 'planned' AND reason = 'circuit_open' GROUP BY channel
""")


@dataclass(frozen=True, slots=True)
class Answers:
    """How a channel answered in the last 24 hours, and how many messages wait because its circuit is open."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0
    last_sent: datetime | None = None
    behind_open_circuit: int = 0


async def overdue(work: Work, late: datetime) -> tuple[int, datetime | None]:
    """How many messages should have been sent before ``late`` (business time) and wait; since when."""
    row = (await work.session.execute(WAITING, {"late": late, "on": work.on, "wall": work.wall})).one()
    return int(row.late), row.since


async def answers(work: Work) -> dict[str, Answers]:
    """The last day of each channel that sent anything, by name."""
    told = (await work.session.execute(ANSWERS, {"now": work.now})).all()
    waiting = {row.channel: int(row.waiting) for row in await work.session.execute(CIRCUITS)}
    found = {
        row.channel: Answers(row.sent, row.refused, row.unknown, row.last_sent, waiting.pop(row.channel, 0))
        for row in told
    }
    return found | {channel: Answers(behind_open_circuit=count) for channel, count in waiting.items()}
