"""A book of any size, made by the database itself in four statements: borrowers, agreements, loans, plans.

Every loan has twelve installments and its own day of the month; of every second one the first installment is
unpaid, the others have met it.
"""

from __future__ import annotations

from datetime import date

import asyncpg

DAYS = 28
"""The first due dates lie on so many days around the date of the book, as many loans on each."""

BORROWERS = """
    INSERT INTO borrowers (id, phone_index, phone_sealed, locale, time_zone, made_up, version, created_at)
    SELECT 'bor_' || lpad(n::text, 26, '0'), 'phone-' || n, $2, 'zh-CN', 'Asia/Shanghai', true, 1, $3
    FROM generate_series(1, $1::int) n
"""
AGREEMENTS = """
    INSERT INTO agreements (id, borrower_id, offer_id, hash, body, signed_on, signed_at)
    SELECT 'agr_' || lpad(n::text, 26, '0'), 'bor_' || lpad(n::text, 26, '0'), 'off_' || n, repeat('0', 64),
        '{}', $2, $3 FROM generate_series(1, $1::int) n
"""
LOANS = f"""
    INSERT INTO loans (id, borrower_id, agreement_id, product, status, currency, principal, term, method,
        annual_rate, monthly_fee_rate, day_count, rounding, penalty_multiple, penalty_year_days, conventions,
        apr, effective_annual_rate, opened_on, credited_on, first_due_on, unmet_on, policy_version, acts,
        version, created_at, changed_on)
    SELECT 'loan_' || lpad(n::text, 26, '0'), 'bor_' || lpad(n::text, 26, '0'),
        'agr_' || lpad(n::text, 26, '0'), 'card_refinance', 'active', 'CNY', 1200000, 12, 'equal_installment',
        0.12, 0, '30/360', 'half_up', 1.5, 365, '{{}}', 0.12, 0.126825, $2,
        (first - interval '1 month')::date, first,
        CASE WHEN n % 2 = 0 THEN first ELSE (first + interval '1 month')::date END, 'bench', 0, 1, $3, $2
    FROM generate_series(1, $1::int) n,
    LATERAL (SELECT $2::date - {DAYS // 2} + (n / 2) % {DAYS} AS first) AS days
"""
INSTALLMENTS = """
    INSERT INTO installments (loan_id, number, due_on, principal, interest, fee, unpaid, unpaid_principal)
    SELECT l.id, k, d.due_on, 94619, 12000, 0, CASE WHEN d.due_on < l.unmet_on THEN 0 ELSE 106619 END,
        CASE WHEN d.due_on < l.unmet_on THEN 0 ELSE 94619 END
    FROM loans l, generate_series(1, 12) k,
    LATERAL (SELECT (l.first_due_on + make_interval(months => k - 1))::date AS due_on) AS d
"""


async def write(connection: asyncpg.Connection, loans: int, on: date, phone_sealed: str) -> None:
    """Fill an empty database with ``loans`` borrowers of one active loan each, as of ``on``."""
    now = await connection.fetchval("SELECT now()")
    async with connection.transaction():
        await connection.execute(BORROWERS, loans, phone_sealed, now)
        await connection.execute(AGREEMENTS, loans, on, now)
        await connection.execute(LOANS, loans, on, now)
        await connection.execute(INSTALLMENTS)
    await connection.execute("ANALYZE")
