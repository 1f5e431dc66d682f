"""Autopay: mandates, and the debits planned under them.

Revision: 0010, after 0009.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "autopay_mandates",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("bank_account_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("day_offset", sa.SmallInteger(), nullable=False),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("day_offset >= 0", name=op.f("ck_autopay_mandates_day_offset")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_autopay_mandates_bank_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_autopay_mandates_borrower_id")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_autopay_mandates_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_autopay_mandates")),
    )
    op.create_index(
        "uq_autopay_mandates_in_force",
        "autopay_mandates",
        ["loan_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_autopay_mandates_loan_id", "autopay_mandates", ["loan_id", "id"])
    op.create_table(
        "autopay_tries",
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("planned_for", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("payment_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('planned', 'ordered', 'skipped')", name=op.f("ck_autopay_tries_trystatus")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_autopay_tries_loan_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_autopay_tries_payment_id")),
        sa.PrimaryKeyConstraint("loan_id", "due_on", "attempt", name=op.f("pk_autopay_tries")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_autopay_tries_payment_id")),
    )
    op.create_index(
        "ix_autopay_tries_planned",
        "autopay_tries",
        ["planned_for", "loan_id"],
        postgresql_where=sa.text("status = 'planned'"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("autopay_tries")
    op.drop_table("autopay_mandates")
