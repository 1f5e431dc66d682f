"""questions to the bureau and the identity register, and what came of them.

Revision: 0012, after 0011. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String(length=40, collation="C")


def upgrade() -> None:
    """Nothing was asked before."""
    op.create_table(
        "bureau_queries",
        sa.Column("id", ID, nullable=False),
        sa.Column("borrower_id", ID, nullable=False),
        sa.Column("consent_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("answer_sealed", sa.Text(), nullable=True),
        sa.Column("usable_until", sa.Date(), nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'answered') = (answer_sealed IS NOT NULL)", name=op.f("ck_bureau_queries_answer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bureau_queries")),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_bureau_queries_borrower_id")
        ),
        sa.ForeignKeyConstraint(["consent_id"], ["consents.id"], name=op.f("fk_bureau_queries_consent_id")),
    )
    op.create_index("ix_bureau_queries_borrower_id", "bureau_queries", ["borrower_id", "kind", "id"])


def downgrade() -> None:
    """The record of questions would be lost."""
    raise NotImplementedError("migrations go forward only: restore a backup")
