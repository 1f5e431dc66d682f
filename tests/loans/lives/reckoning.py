"""What random lives came to: what happened how often, and a digest of the books."""

from __future__ import annotations

import hashlib
from collections import Counter

from tests.loans.lives.bank import Bank

ANSWERS = """
    SELECT convert_from(body, 'UTF8') AS did, count(*) AS n FROM stored_answers
    WHERE scope = 'lives' GROUP BY 1"""
LIVED = {
    "loan": """
        SELECT n.lane, rank() OVER (PARTITION BY n.lane ORDER BY l.id) AS number, l.status, l.principal,
            l.opened_on, l.credited_on, l.unmet_on, l.closed_on, l.acts, l.version,
            (SELECT json_agg(json_build_array(number, due_on, principal, interest, fee, unpaid)
             ORDER BY number) FROM installments WHERE loan_id = l.id) AS plan,
            (SELECT json_agg(json_build_array(kind, effective_on, version) ORDER BY number)
             FROM loan_acts WHERE loan_id = l.id) AS acts_done,
            (SELECT json_agg(json_build_array(debit, credit, sum) ORDER BY debit, credit) FROM (
                SELECT debit, credit, sum(amount)::bigint FROM transfers WHERE loan_id = l.id
                GROUP BY debit, credit) AS books) AS books,
            (SELECT json_agg(json_build_array(amount, source_type, mode, status, effective_on, returned_on)
             ORDER BY id) FROM payments WHERE loan_id = l.id) AS payments,
            (SELECT json_agg(json_build_array(r.amount, r.status) ORDER BY r.amount, r.status) FROM refunds r
             JOIN payments p ON p.id = r.payment_id WHERE p.loan_id = l.id) AS refunds
        FROM bank.lanes n JOIN loans l ON l.borrower_id = n.borrower WHERE NOT n.shared
        ORDER BY n.lane, l.id""",
    "answers": """
        SELECT key, convert_from(body, 'UTF8') FROM stored_answers a JOIN bank.lanes n
        ON n.lane = split_part(a.key, ':', 1)::int AND NOT n.shared
        WHERE scope = 'lives' AND a.key ~ '^[0-9]+:' ORDER BY n.lane, split_part(a.key, ':', 2)::int""",
}


async def answers(bank: Bank) -> Counter[str]:
    """What came of the events, by name, from the answers under their keys."""
    return Counter({row["did"]: row["n"] for row in await bank.pool.fetch(ANSWERS, timeout=600)})


async def digest(bank: Bank) -> str:
    """The books of the lanes that one process lives at a time, without ids and instants."""
    told = hashlib.sha256()
    for query in LIVED.values():
        async with bank.pool.acquire() as connection, connection.transaction():
            async for row in connection.cursor(query):
                told.update(repr([str(value) for value in row.values()]).encode())
    return told.hexdigest()
