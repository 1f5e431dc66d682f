"""Loans know the oldest due date that is not met, so that a day's events are found by index.

Revision: 0002, after 0001.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from refi.money import Rounding
from refi.schedules import contract as contracts
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract, Mode, Receipt
from refi.schedules.day_count import DayCount

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHUNK = 1000

NEVER_PAID = """
    UPDATE loans l SET unmet_on = first.due_on FROM (
        SELECT loan_id, min(due_on) AS due_on FROM installments
        WHERE principal + interest + fee > 0 GROUP BY loan_id
    ) AS first
    WHERE first.loan_id = l.id AND l.status = 'active'
    AND NOT EXISTS (SELECT FROM movements m WHERE m.loan_id = l.id AND m.kind = 'repayment')"""

PAID = """
    SELECT l.* FROM loans l WHERE l.status = 'active' AND l.id > :after
    AND EXISTS (SELECT FROM movements m WHERE m.loan_id = l.id AND m.kind = 'repayment')
    ORDER BY l.id LIMIT :chunk"""

RECEIPTS = """
    SELECT m.loan_id, m.source, m.effective_on, m.amount, m.mode FROM movements m
    WHERE m.loan_id = ANY(:ids) AND m.kind = 'repayment'
    AND NOT EXISTS (SELECT FROM movements r WHERE r.reverses = m.id)
    ORDER BY m.loan_id, m.effective_on, m.source"""


def upgrade() -> None:
    """Apply; the copy is filled by the contract function, in chunks, for loans that money has come for."""
    op.add_column("loans", sa.Column("unmet_on", sa.Date(), nullable=True))
    if not op.get_context().as_sql:
        _fill(op.get_bind())
    op.create_check_constraint(
        op.f("ck_loans_unmet_on"), "loans", "unmet_on IS NULL OR status IN ('active', 'charged_off')"
    )
    op.create_index(
        "ix_loans_unmet_on",
        "loans",
        ["unmet_on", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )


def _fill(connection: sa.Connection) -> None:
    connection.execute(sa.text(NEVER_PAID))
    today = connection.execute(sa.text("SELECT business_date FROM business_clock")).scalar() or date.min
    after = ""
    while rows := connection.execute(sa.text(PAID), {"after": after, "chunk": CHUNK}).mappings().all():
        found = connection.execute(sa.text(RECEIPTS), {"ids": [row["id"] for row in rows]}).all()
        receipts = {key: list(those) for key, those in groupby(found, lambda receipt: receipt.loan_id)}
        unmet = [{"id": row["id"], "on": _unmet_on(row, receipts.get(row["id"], []), today)} for row in rows]
        connection.execute(sa.text("UPDATE loans SET unmet_on = :on WHERE id = :id"), unmet)
        after = rows[-1]["id"]


def _unmet_on(loan: sa.RowMapping, rows: Sequence[Any], today: date) -> date | None:
    contract = Contract(
        terms=Terms(
            principal=loan["principal"],
            annual_rate=loan["annual_rate"],
            installments=loan["term"],
            method=Method(loan["method"]),
            monthly_fee_rate=loan["monthly_fee_rate"],
            day_count=DayCount(loan["day_count"]),
            rounding=Rounding(loan["rounding"]),
        ),
        disbursed_on=loan["credited_on"],
        first_due_on=loan["first_due_on"],
        penalty_multiple=loan["penalty_multiple"],
        penalty_year_days=loan["penalty_year_days"],
    )
    receipts = [Receipt(row.source, row.effective_on, row.amount, Mode(row.mode)) for row in rows]
    last = max((receipt.on for receipt in receipts), default=contract.disbursed_on)
    return contracts.replay(contract, receipts, max(today, last)).unmet_on


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_loans_unmet_on", table_name="loans")
    op.drop_constraint(op.f("ck_loans_unmet_on"), "loans")
    op.drop_column("loans", "unmet_on")
