"""Was any contact made while a hold or a promise stood? The statement that needs loans, and all of them.

A message about several loans was stopped only if something stopped each of them (`standing.spoken_of`). What
was placed, or ended, at about the time of the contact says nothing about it.
"""

from __future__ import annotations

from refi.db.work import Work
from refi.notifications import lawful_service
from refi.notifications.lawful_service import AT_ONCE, CONTACTS

HELD = f"""
    WITH {CONTACTS}, stops AS (
        SELECT unnest(CAST(:stopping_gates AS text[])) AS gate, unnest(CAST(:stopping AS text[])) AS name
    ), about AS MATERIALIZED (
        SELECT DISTINCT j.id, j.borrower_id, j.gate, j.at, j.on,
            coalesce(s.loan_id, j.loan_id) AS loan_id
        FROM judged j LEFT JOIN message_subjects s ON s.message_id = j.message_id
    ), stopped AS (
        SELECT a.id, a.loan_id, h.kind AS name FROM about a
        JOIN holds h ON h.borrower_id = a.borrower_id AND (h.loan_id IS NULL OR a.loan_id IS NULL
            OR h.loan_id = a.loan_id)
        JOIN stops s ON s.gate = a.gate AND s.name = h.kind
        WHERE h.created_at < a.at - {AT_ONCE} AND h.from_on <= a.on
            AND (h.until_on IS NULL OR h.until_on >= a.on) AND (h.lifted_on IS NULL OR h.lifted_on > a.on)
        UNION ALL
        SELECT a.id, a.loan_id, 'promise' FROM about a JOIN promises p ON p.loan_id = a.loan_id
        JOIN stops s ON s.gate = a.gate AND s.name = 'promise'
        WHERE p.stops_contact AND p.made_at < a.at - {AT_ONCE} AND p.promised_on >= a.on
            AND (p.settled_on IS NULL OR p.settled_on > a.on)
    )
    SELECT a.id, string_agg(DISTINCT a.gate || '_stopped_' || s.name, ', ') AS what
    FROM about a LEFT JOIN stopped s ON s.id = a.id AND s.loan_id IS NOT DISTINCT FROM a.loan_id
    GROUP BY a.id HAVING bool_and(s.name IS NOT NULL) ORDER BY a.id"""  # noqa: S608 - our own text

CHECKS = {**lawful_service.CHECKS, "contacts_not_held": HELD}


async def judge(work: Work) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    """How many contacts were looked at, and those that a rule forbade: check → (id, what)."""
    return await lawful_service.judge(work, CHECKS)
