"""Incomes that staff read in evidence.

Revision: 0022, after 0021.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """A table that begins empty."""
    op.create_table(
        "income_verifications",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("monthly_income", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("documents", postgresql.JSONB(), nullable=False),
        sa.Column("verified_by", sa.Text(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "monthly_income BETWEEN 0 AND 1000000000000000",
            name=op.f("ck_income_verifications_monthly_income"),
        ),
        sa.CheckConstraint("as_of <= verified_on", name=op.f("ck_income_verifications_as_of")),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_income_verifications_borrower_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_income_verifications")),
    )
    op.create_index("ix_income_verifications_borrower_id", "income_verifications", ["borrower_id", "id"])
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON income_verifications"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """What was verified is part of the record."""
    raise NotImplementedError("migrations go forward only: restore a backup")
