"""Holds, the log of what people did, preferences, and the log's end of life.

Revision: 0007, after 0006.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHECKS = {
    "machine_or_human": "(message_id IS NULL) = (actor IS NOT NULL)",
    "human_outcome": "message_id IS NOT NULL OR outcome IN ('made', 'refused')",
}
LET_GO = """
CREATE FUNCTION refuse_change_in_retention() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM retention_runs r
        WHERE r.id = current_setting('refi.retention_run', true)
        AND r.xmin = pg_current_xact_id()::xid AND OLD.at < r.before
    ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION refuse_to_forget_alone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM contact_log c WHERE c.id = OLD.contact_id) THEN
        RAISE EXCEPTION '% goes with its contact', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
"""


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "retention_runs",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("years", sa.SmallInteger(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "before <= at - make_interval(years => years)", name=op.f("ck_retention_runs_old_enough")
        ),
        sa.CheckConstraint("years BETWEEN 1 AND 30", name=op.f("ck_retention_runs_years")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_runs")),
    )
    op.create_table(
        "contact_preferences",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("channels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opted_out", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=True),
        sa.Column("quiet_until", sa.Time(), nullable=True),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL)", name=op.f("ck_contact_preferences_quiet_hours")
        ),
        sa.CheckConstraint("quiet_from <> quiet_until", name=op.f("ck_contact_preferences_quiet_hours_end")),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_contact_preferences_borrower_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_preferences")),
    )
    op.create_index(
        "ix_contact_preferences_borrower_id", "contact_preferences", ["borrower_id", "id"], unique=False
    )
    op.create_table(
        "contact_notes",
        sa.Column("contact_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("note_sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact_log.id"], name=op.f("fk_contact_notes_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_contact_notes")),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "dispute",
                "hardship",
                "deceased",
                "legal",
                "complaint",
                "asked_to_stop",
                name="holdkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason_sealed", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("lifted_on", sa.Date(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_because", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(lifted_on IS NULL) = (lifted_by IS NULL) AND (lifted_on IS NULL) = (lifted_because IS NULL)",
            name=op.f("ck_holds_lifted"),
        ),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_holds_until_on")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_holds_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_holds_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index(
        "ix_holds_live",
        "holds",
        ["borrower_id", "id"],
        unique=False,
        postgresql_where=sa.text("lifted_on IS NULL"),
    )
    op.create_index(
        "ix_holds_source", "holds", ["source"], unique=False, postgresql_where=sa.text("source IS NOT NULL")
    )
    op.add_column("contact_log", sa.Column("actor", sa.Text(), nullable=True))
    op.add_column("contact_log", sa.Column("case_id", sa.String(length=40, collation="C"), nullable=True))
    op.add_column("contact_log", sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True))
    op.add_column(
        "contact_log",
        sa.Column(
            "direction",
            sa.Enum("out", "in", name="direction", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
    )
    op.add_column(
        "contact_log",
        sa.Column(
            "person",
            sa.Enum(
                "borrower",
                "authorized",
                "third_party",
                name="person",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "contact_log",
        sa.Column(
            "action",
            sa.Enum(
                "CALL",
                "WRITE",
                "PASS_MESSAGE",
                name="action",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "contact_log",
        sa.Column(
            "result",
            sa.Enum(
                "NOANS",
                "RPC",
                "WRONG",
                "PTP",
                "PAID",
                "DISP",
                "HARD",
                "STOP",
                "MSG",
                "SENT",
                name="result",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("contact_log", sa.Column("connected", sa.Boolean(), nullable=True))
    op.add_column("contact_log", sa.Column("talked", sa.Boolean(), nullable=True))
    op.add_column("contact_log", sa.Column("agency", sa.Text(), nullable=True))
    op.add_column("contact_log", sa.Column("number_index", sa.Text(), nullable=True))
    op.add_column("contact_log", sa.Column("recording", sa.Text(), nullable=True))
    op.add_column("contact_log", sa.Column("note_digest", sa.Text(), nullable=True))
    op.add_column("contact_log", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column(
        "contact_log", "message_id", existing_type=sa.VARCHAR(length=40, collation="C"), nullable=True
    )
    op.create_index("ix_contact_log_at", "contact_log", ["at"], unique=False)
    op.create_index(
        "ix_contact_log_case_id",
        "contact_log",
        ["case_id", "id"],
        unique=False,
        postgresql_where=sa.text("case_id IS NOT NULL"),
    )
    for name, condition in CHECKS.items():
        op.create_check_constraint(name, "contact_log", condition)
    for function in LET_GO.split("\n\n"):
        op.execute(function)
    op.execute("DROP TRIGGER append_only ON contact_log")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON contact_log"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change_in_retention()"
    )
    for table in ("contact_preferences", "retention_runs"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE DELETE ON contact_notes"
        " FOR EACH ROW EXECUTE FUNCTION refuse_to_forget_alone()"
    )


def downgrade() -> None:
    """What people logged has to be kept."""
    raise NotImplementedError("a contact log is not thrown away: go back with a backup")
