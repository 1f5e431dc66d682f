"""A book of active 12-installment loans, made in bulk by SQL, one day before the close that is measured.

Loans were paid out evenly over the last 330 days. One in 33 is late, by up to six installments. Of what falls
due on the day, nine in ten paid on the day and one in twenty ahead. ``quiet`` loans have nothing to do on any
day that the close or the reminder ladder looks at.
"""

from __future__ import annotations

from datetime import date, timedelta

import asyncpg

ON = date(2027, 6, 15)
DAY = timedelta(days=1)
QUIET_DUE_IN = 10
"""Days from ``ON`` to the next due date of a quiet loan: no stage of the ladder, no boundary of a bucket."""

PLAN = """
    CREATE UNLOGGED TABLE plan AS
    SELECT n, b.credited_on, k AS number, (b.credited_on + make_interval(months => k))::date AS due_on,
        CASE WHEN NOT b.quiet AND n / 330 % 33 = 0 THEN 1 + n % 6 ELSE 0 END AS behind
    FROM (
        SELECT n, $3::boolean AS quiet, CASE WHEN $3
            THEN ($4::date + $5::int - make_interval(months => 1 + n % 11))::date
            ELSE $4::date - (n % 330) END AS credited_on
        FROM generate_series($1::int, $2::int) AS n
    ) AS b CROSS JOIN generate_series(1, 12) AS k"""

LEFT = """
    CREATE UNLOGGED TABLE made AS
    SELECT n, credited_on, number, due_on, CASE
        WHEN due_on < $1::date AND passed - behind < number THEN 105000
        WHEN due_on < $1::date THEN 0
        WHEN due_on = $1::date AND behind = 0 AND n / 330 % 20 <> 7 THEN 0
        ELSE 105000 END AS unpaid
    FROM (SELECT *, count(*) FILTER (WHERE due_on < $1::date) OVER (PARTITION BY n) AS passed
        FROM plan) AS p"""

LOANS = """
    INSERT INTO loans (id, borrower_id, agreement_id, product, status, currency, principal, term, method,
        annual_rate, monthly_fee_rate, day_count, rounding, penalty_multiple, penalty_year_days, conventions,
        apr, effective_annual_rate, opened_on, credited_on, first_due_on, unmet_on, changed_on,
        policy_version, acts, version, created_at)
    SELECT 'loan_' || lpad(n::text, 26, '0'), 'bor_' || lpad(n::text, 26, '0'),
        'agr_' || lpad(n::text, 26, '0'), 'card_refinance', 'active', 'CNY', 1200000, 12,
        'equal_installment', 0.12, 0, '30/360', 'half_up', 1.5, 365, '{}', 0.12, 0.1268,
        credited_on, credited_on, min(due_on), min(due_on) FILTER (WHERE unpaid > 0),
        CASE WHEN bool_or(due_on = $1::date AND unpaid = 0 AND n / 330 % 20 <> 8) THEN $1::date
             ELSE $1::date - 1 - (n % 25)::int END,
        'cn', 0, 2, now()
    FROM made GROUP BY n, credited_on ORDER BY n"""

BORROWERS = """
    INSERT INTO borrowers (id, phone_index, phone_sealed, locale, time_zone, made_up, version, created_at)
    SELECT 'bor_' || lpad(n::text, 26, '0'), 'phone' || n, '', 'en', 'Asia/Shanghai', true, 1, now()
    FROM generate_series($1::int, $2::int) AS n"""

INSTALLMENTS = """
    INSERT INTO installments (loan_id, number, due_on, principal, interest, fee, unpaid, unpaid_principal)
    SELECT 'loan_' || lpad(n::text, 26, '0'), number, due_on, 100000, 5000, 0, unpaid,
        unpaid / 105000 * 100000
    FROM made ORDER BY n, number"""

MOVEMENTS = """
    INSERT INTO movements (id, loan_id, kind, amount, principal, interest, fee, penalty, suspense, currency,
        cause, allocations, effective_on, business_date, posted_at, actor)
    SELECT 'mov_' || lpad((2 * n)::text, 26, '0'), id, 'disbursement', 1200000, 1200000, 0, 0, 0, 0, 'CNY',
        'out' || n, '[]', credited_on, credited_on, now(), 'provider:payments'
    FROM (SELECT id, credited_on, right(id, 26)::int AS n FROM loans
          WHERE right(id, 26)::int BETWEEN $1 AND $2) AS l ORDER BY credited_on, n"""

RECEIPTS = """
    INSERT INTO movements (id, loan_id, kind, amount, principal, interest, fee, penalty, suspense, currency,
        cause, source, mode, allocations, effective_on, business_date, posted_at, actor)
    SELECT 'mov_' || lpad((2 * n + 1)::text, 26, '0'), id, 'repayment', 105000, 100000, 5000, 0, 0, 0, 'CNY',
        'in' || n, 'pay' || n, 'due', '[]', $1, $1, now(), 'provider:payments'
    FROM (SELECT id, right(id, 26)::int AS n FROM loans WHERE changed_on = $1
          AND right(id, 26)::int BETWEEN $2 AND $3) AS l ORDER BY n"""

KEPT = {
    "alembic_version",
    "agreements",
    "borrowers",
    "business_clock",
    "installments",
    "loans",
    "movements",
    "posting_rules",
}
"""What a close leaves as it is, or begin_again sets back; every other table is emptied."""


async def add(connection: asyncpg.Connection, first: int, last: int, *, quiet: bool = False) -> None:
    """Add the loans ``first`` to ``last``, open on `ON`."""
    await connection.execute("SET session_replication_role = replica; DROP TABLE IF EXISTS plan, made")
    await _run(connection, PLAN, first, last, quiet, ON, QUIET_DUE_IN)
    await _run(connection, LEFT, ON)
    await connection.execute(BORROWERS, first, last)
    await connection.execute(LOANS, ON)
    await connection.execute(INSTALLMENTS)
    await connection.execute(MOVEMENTS, first, last)
    await connection.execute(RECEIPTS, ON, first, last)
    await connection.execute("SET session_replication_role = DEFAULT; DROP TABLE plan, made")
    await connection.execute("VACUUM ANALYZE")


async def _run(connection: asyncpg.Connection, statement: str, *values: object) -> None:
    """A statement that cannot take parameters, with its own values written in."""
    for place, value in enumerate(values, start=1):
        text = f"'{value}'" if isinstance(value, date) else str(value)
        statement = statement.replace(f"${place}", text)
    await connection.execute(statement)


async def begin_again(connection: asyncpg.Connection) -> None:
    """Undo a close of `ON`: what it wrote is gone, and the day is open."""
    tables = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name, tablename FROM pg_tables"
        " WHERE schemaname IN ('public', 'queue')"
    )
    emptied = [row["name"] for row in tables if row["tablename"] not in KEPT]
    await connection.execute(f"TRUNCATE {', '.join(emptied)}")
    await connection.execute("UPDATE business_clock SET business_date = $1, closing = false", ON)
    await connection.execute("CHECKPOINT")
