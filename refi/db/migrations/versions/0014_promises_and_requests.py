"""Promises, requests for help, complaints, and who was asked to allow push.

Revision: 0014, after 0013.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "push_prompts",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("experiment", sa.String(length=40), nullable=False),
        sa.Column("arm", sa.String(length=40), nullable=False),
        sa.Column("moment", sa.String(length=40), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=20), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "answer IN ('granted', 'denied', 'dismissed')", name=op.f("ck_push_prompts_answer")
        ),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)", name=op.f("ck_push_prompts_answered_at")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_push_prompts_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_prompts")),
    )
    op.create_index("ix_push_prompts_asked_on", "push_prompts", ["asked_on"], unique=False)
    op.create_index("ix_push_prompts_borrower_id", "push_prompts", ["borrower_id", "id"], unique=False)
    op.create_table(
        "complaints",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("text_sealed", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                name="complaintstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("answer_sealed", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'open') = (answered_at IS NULL)", name=op.f("ck_complaints_answered_at")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_complaints_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_complaints_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index("ix_complaints_borrower_id", "complaints", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_complaints_open", "complaints", ["id"], unique=False, postgresql_where=sa.text("status = 'open'")
    )
    op.create_table(
        "help_requests",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("reason_sealed", sa.Text(), nullable=False),
        sa.Column("proposal_sealed", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "agreed",
                "refused",
                name="helpstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("answer_sealed", sa.Text(), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status = 'requested') = (answered_at IS NULL)", name=op.f("ck_help_requests_answered_at")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_help_requests_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_help_requests_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_help_requests")),
    )
    op.create_index("ix_help_requests_loan_id", "help_requests", ["loan_id", "id"], unique=False)
    op.create_index(
        "uq_help_requests_open",
        "help_requests",
        ["loan_id"],
        unique=True,
        postgresql_where=sa.text("status = 'requested'"),
    )
    op.create_table(
        "promises",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("tolerance", sa.BigInteger(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "kept",
                "broken",
                "cancelled",
                name="promisestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("stops_contact", sa.Boolean(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(status = 'pending') = (settled_on IS NULL)", name=op.f("ck_promises_settled_on")
        ),
        sa.CheckConstraint("amount > 0 AND tolerance >= 0", name=op.f("ck_promises_amount")),
        sa.CheckConstraint("promised_on >= made_on", name=op.f("ck_promises_promised_on")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_promises_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_promises_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
    )
    op.create_index(op.f("ix_promises_borrower_id"), "promises", ["borrower_id"], unique=False)
    op.create_index("ix_promises_loan_id", "promises", ["loan_id", "id"], unique=False)
    op.create_index(
        "ix_promises_promised_on",
        "promises",
        ["promised_on"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_promises_pending",
        "promises",
        ["loan_id"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    """What was promised, asked and answered has to be kept."""
    raise NotImplementedError("promises and complaints are not thrown away: go back with a backup")
