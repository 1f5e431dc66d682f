"""the main road.

Revision: 0001, after . Created 2026-11-22 05:27:10.696281.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


POSTING_RULES = [
    # kind, component, debit, credit
    ("disbursement", "principal", "loans_principal", "cash_at_provider"),
    ("disbursement_returned", "principal", "cash_at_provider", "loans_principal"),
    ("repayment", "principal", "cash_at_provider", "loans_principal"),
    ("repayment", "interest", "cash_at_provider", "interest_income"),
    ("repayment", "fee", "cash_at_provider", "fee_income"),
    ("repayment", "penalty", "cash_at_provider", "penalty_income"),
    ("repayment", "suspense", "cash_at_provider", "suspense"),
    ("repayment_reversed", "principal", "loans_principal", "cash_at_provider"),
    ("repayment_reversed", "interest", "interest_income", "cash_at_provider"),
    ("repayment_reversed", "fee", "fee_income", "cash_at_provider"),
    ("repayment_reversed", "penalty", "penalty_income", "cash_at_provider"),
    ("repayment_reversed", "suspense", "suspense", "cash_at_provider"),
    ("repayment_released", "principal", "loans_principal", "suspense"),
    ("repayment_released", "interest", "interest_income", "suspense"),
    ("repayment_released", "fee", "fee_income", "suspense"),
    ("repayment_released", "penalty", "penalty_income", "suspense"),
    ("interest_rebate", "principal", "interest_income", "loans_principal"),
    ("interest_rebate_reversed", "principal", "loans_principal", "interest_income"),
    ("unidentified_receipt", "suspense", "cash_at_provider", "suspense"),
    ("unidentified_returned", "suspense", "suspense", "cash_at_provider"),
    ("refund", "suspense", "suspense", "cash_at_provider"),
]
APPEND_ONLY = [
    "movements",
    "posting_rules",
    "consents",
    "events",
    "agreements",
    "contact_log",
    "decisions",
    "staff_acts",
]
HERE = Path(__file__).parent.parent


def _statements(name: str) -> list[str]:
    """The statements of a SQL file: each begins with CREATE or ALTER after a blank line."""
    return re.split(r";\s*\n\n(?=CREATE |ALTER )", (HERE / name).read_text().strip())


def _run_files() -> None:
    for name in ("queue_0001.sql", "views_0001.sql"):
        for statement in _statements(name):
            op.execute(statement)
    rules = sa.table("posting_rules", *(sa.column(name) for name in ("kind", "component", "debit", "credit")))
    op.bulk_insert(
        rules,
        [dict(zip(("kind", "component", "debit", "credit"), row, strict=True)) for row in POSTING_RULES],
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "borrowers",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("phone_index", sa.Text(), nullable=False),
        sa.Column("phone_sealed", sa.Text(), nullable=False),
        sa.Column("name_sealed", sa.Text(), nullable=True),
        sa.Column("national_id_index", sa.Text(), nullable=True),
        sa.Column("national_id_sealed", sa.Text(), nullable=True),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column("monthly_income", sa.BigInteger(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("made_up", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "monthly_income BETWEEN 0 AND 1000000000000000", name=op.f("ck_borrowers_monthly_income")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_borrowers")),
        sa.UniqueConstraint("phone_index", name=op.f("uq_borrowers_phone_index")),
    )
    op.create_index("ix_borrowers_national_id_index", "borrowers", ["national_id_index"], unique=False)
    op.create_table(
        "business_clock",
        sa.Column("singleton", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("shift", sa.Interval(), nullable=False),
        sa.CheckConstraint("singleton = 1", name=op.f("ck_business_clock_one_row")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_business_clock")),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_subject", "events", ["subject", "id"], unique=False)
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("job", "business_date", name=op.f("pk_job_runs")),
    )
    op.create_table(
        "movements",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "disbursement",
                "disbursement_returned",
                "repayment",
                "repayment_reversed",
                "repayment_released",
                "interest_rebate",
                "interest_rebate_reversed",
                "unidentified_receipt",
                "unidentified_returned",
                "refund",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("penalty", sa.BigInteger(), nullable=False),
        sa.Column("suspense", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("mode", sa.String(length=40), nullable=True),
        sa.Column("reverses", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("allocations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "amount = principal + interest + fee + penalty + suspense", name=op.f("ck_movements_split")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_movements_amount")),
        sa.CheckConstraint(
            "principal >= 0 AND interest >= 0 AND fee >= 0 AND penalty >= 0 AND suspense >= 0",
            name=op.f("ck_movements_parts"),
        ),
        sa.ForeignKeyConstraint(["reverses"], ["movements.id"], name=op.f("fk_movements_reverses")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movements")),
        sa.UniqueConstraint("cause", name=op.f("uq_movements_cause")),
        sa.UniqueConstraint("reverses", name=op.f("uq_movements_reverses")),
    )
    op.create_index("ix_movements_loan_id", "movements", ["loan_id", "id"], unique=False)
    op.create_index("ix_movements_source", "movements", ["source"], unique=False)
    op.create_table(
        "one_time_codes",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("phone_index", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_codes")),
    )
    op.create_index(
        "ix_one_time_codes_phone_index_created_at",
        "one_time_codes",
        ["phone_index", "created_at"],
        unique=False,
    )
    op.create_table(
        "posting_rules",
        sa.Column(
            "kind",
            sa.Enum(
                "disbursement",
                "disbursement_returned",
                "repayment",
                "repayment_reversed",
                "repayment_released",
                "interest_rebate",
                "interest_rebate_reversed",
                "unidentified_receipt",
                "unidentified_returned",
                "refund",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "component",
            sa.Enum(
                "principal",
                "interest",
                "fee",
                "penalty",
                "suspense",
                name="component",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("debit", sa.String(length=40), nullable=False),
        sa.Column("credit", sa.String(length=40), nullable=False),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_posting_rules_two_accounts")),
        sa.PrimaryKeyConstraint("kind", "component", name=op.f("pk_posting_rules")),
    )
    op.create_table(
        "provider_news",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_news")),
    )
    op.create_index(
        "ix_provider_news_waiting",
        "provider_news",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_table(
        "staff_acts",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_staff_acts")),
        sa.UniqueConstraint("id", name=op.f("uq_staff_acts_id")),
    )
    op.create_index(op.f("ix_staff_acts_subject"), "staff_acts", ["subject"], unique=False)
    op.create_table(
        "staff_members",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("roles", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("totp_sealed", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_members")),
        sa.UniqueConstraint("username", name=op.f("uq_staff_members_username")),
    )
    op.create_table(
        "staff_sign_in_tries",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("last_failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_staff_sign_in_tries")),
    )
    op.create_table(
        "stored_answers",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_stored_answers")),
    )
    op.create_table(
        "unmatched_receipts",
        sa.Column("provider_id", sa.String(length=100), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_unmatched_receipts_amount")),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_unmatched_receipts")),
    )
    op.create_table(
        "agreements",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("offer_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_agreements_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
        sa.UniqueConstraint("offer_id", name=op.f("uq_agreements_offer_id")),
    )
    op.create_index(op.f("ix_agreements_borrower_id"), "agreements", ["borrower_id"], unique=False)
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version_seen", sa.BigInteger(), nullable=False),
        sa.Column(
            "permission",
            sa.Enum(
                "read_reviews",
                "decide_reviews",
                "second_reviews",
                "read_cases",
                "work_cases",
                "change_loans",
                "second_changes",
                "correct_money",
                "second_money",
                "run_campaigns",
                "second_campaigns",
                "run_operations",
                "read_reports",
                "read_audit",
                "manage_staff",
                name="permission",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "approved",
                "rejected",
                "withdrawn",
                name="approvalstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("maker", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("checker", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["checker"], ["staff_members.id"], name=op.f("fk_approvals_checker")),
        sa.ForeignKeyConstraint(["maker"], ["staff_members.id"], name=op.f("fk_approvals_maker")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(
        "ix_approvals_pending",
        "approvals",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "uq_approvals_pending_subject",
        "approvals",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_bank_accounts_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
        sa.UniqueConstraint("borrower_id", "token", name=op.f("uq_bank_accounts_borrower_id_token")),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("credit_limit", sa.BigInteger(), nullable=True),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("payable", sa.Boolean(), nullable=False),
        sa.Column("not_payable_reason", sa.Text(), nullable=True),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("apr >= 0 AND apr <= 10", name=op.f("ck_cards_apr")),
        sa.CheckConstraint("credit_limit BETWEEN 0 AND 1000000000000000", name=op.f("ck_cards_credit_limit")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_cards_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("borrower_id", "token", name=op.f("uq_cards_borrower_id_token")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "bureau_query",
                "statement_read",
                "marketing",
                "contact",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_consents_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(
        "ix_consents_borrower_id_purpose", "consents", ["borrower_id", "purpose", "id"], unique=False
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("subject", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "approved",
                "referred",
                "declined",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("replaces", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_decisions_borrower_id")),
        sa.ForeignKeyConstraint(["replaces"], ["decisions.id"], name=op.f("fk_decisions_replaces")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("replaces", name=op.f("uq_decisions_replaces")),
    )
    op.create_index("ix_decisions_subject", "decisions", ["subject", "id"], unique=False)
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("token_sealed", sa.Text(), nullable=False),
        sa.Column("token_index", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "platform IN ('ios', 'android', 'harmony', 'web')", name=op.f("ck_devices_platform")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_devices_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("borrower_id", "token_index", name=op.f("uq_devices_borrower_id_token_index")),
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("plan_key", sa.String(length=200), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=40), nullable=True),
        sa.Column(
            "gate",
            sa.Enum(
                "reminder",
                "collection",
                "marketing",
                "one_time_code",
                "receipt",
                "requested_notice",
                name="gate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("template_version", sa.SmallInteger(), nullable=False),
        sa.Column("locale", sa.String(length=20), nullable=False),
        sa.Column("to_sealed", sa.Text(), nullable=True),
        sa.Column("text_sealed", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "claimed",
                "sent",
                "skipped",
                "failed",
                "unknown",
                name="messagestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_on", sa.Date(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("contacted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'push')", name=op.f("ck_messages_channel")),
        sa.CheckConstraint(
            "status <> 'sent' OR (sent_at IS NOT NULL AND provider_id IS NOT NULL)",
            name=op.f("ck_messages_sent"),
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_messages_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("plan_key", name=op.f("uq_messages_plan_key")),
    )
    op.create_index(
        "ix_messages_ask_at",
        "messages",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    op.create_index("ix_messages_borrower_id", "messages", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_messages_borrower_id_contacted_at", "messages", ["borrower_id", "contacted_at"], unique=False
    )
    op.create_index(
        "ix_messages_planned",
        "messages",
        ["not_before"],
        unique=False,
        postgresql_where=sa.text("status = 'planned'"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("family", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_refresh_tokens_borrower_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
    )
    op.create_index(op.f("ix_refresh_tokens_borrower_id"), "refresh_tokens", ["borrower_id"], unique=False)
    op.create_index(op.f("ix_refresh_tokens_family"), "refresh_tokens", ["family"], unique=False)
    op.create_table(
        "contact_log",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("message_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column(
            "gate",
            sa.Enum(
                "reminder",
                "collection",
                "marketing",
                "one_time_code",
                "receipt",
                "requested_notice",
                name="gate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("rules", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_contact_log_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_log")),
    )
    op.create_index("ix_contact_log_borrower_id", "contact_log", ["borrower_id", "at"], unique=False)
    op.create_index(op.f("ix_contact_log_message_id"), "contact_log", ["message_id"], unique=False)
    op.create_table(
        "loans",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("agreement_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "product",
            sa.Enum(
                "card_refinance",
                "micro_loan",
                name="product",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending_disbursement",
                "active",
                "paid_off",
                "charged_off",
                "cancelled",
                name="loanstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("annual_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("monthly_fee_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("day_count", sa.String(length=20), nullable=False),
        sa.Column("rounding", sa.String(length=20), nullable=False),
        sa.Column("penalty_multiple", sa.Numeric(precision=6, scale=3), nullable=False),
        sa.Column("penalty_year_days", sa.SmallInteger(), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("effective_annual_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("credited_on", sa.Date(), nullable=True),
        sa.Column("first_due_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(status IN ('pending_disbursement')) = (credited_on IS NULL) OR status = 'cancelled'",
            name=op.f("ck_loans_credited_on"),
        ),
        sa.CheckConstraint(
            "(credited_on IS NULL) = (first_due_on IS NULL)", name=op.f("ck_loans_first_due_on")
        ),
        sa.CheckConstraint("annual_rate >= 0 AND annual_rate <= 10", name=op.f("ck_loans_annual_rate")),
        sa.CheckConstraint(
            "monthly_fee_rate >= 0 AND monthly_fee_rate <= 1", name=op.f("ck_loans_monthly_fee_rate")
        ),
        sa.CheckConstraint("principal BETWEEN 1 AND 1000000000000000", name=op.f("ck_loans_principal")),
        sa.CheckConstraint("term BETWEEN 1 AND 60", name=op.f("ck_loans_term")),
        sa.ForeignKeyConstraint(["agreement_id"], ["agreements.id"], name=op.f("fk_loans_agreement_id")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_loans_borrower_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loans")),
        sa.UniqueConstraint("agreement_id", name=op.f("uq_loans_agreement_id")),
    )
    op.create_index("ix_loans_borrower_id", "loans", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_loans_open", "loans", ["id"], unique=False, postgresql_where=sa.text("status = 'active'")
    )
    op.create_table(
        "message_subjects",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("message_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_subjects_message_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_message_subjects")),
    )
    op.create_index("ix_message_subjects_message_id", "message_subjects", ["message_id"], unique=False)
    op.create_table(
        "statements",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("card_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("statement_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("statement_balance", sa.BigInteger(), nullable=False),
        sa.Column("minimum_payment", sa.BigInteger(), nullable=False),
        sa.Column("purchases", sa.BigInteger(), nullable=True),
        sa.Column("payments_since_last", sa.BigInteger(), nullable=True),
        sa.Column("last_payment_amount", sa.BigInteger(), nullable=True),
        sa.Column("is_overdue", sa.Boolean(), nullable=False),
        sa.Column("aprs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "abs(statement_balance) <= 1000000000000000", name=op.f("ck_statements_statement_balance")
        ),
        sa.CheckConstraint("due_date > statement_date", name=op.f("ck_statements_due_date")),
        sa.CheckConstraint(
            "minimum_payment BETWEEN 0 AND 1000000000000000", name=op.f("ck_statements_minimum_payment")
        ),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_statements_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
        sa.UniqueConstraint("card_id", "statement_date", name=op.f("uq_statements_card_id_statement_date")),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "product",
            sa.Enum(
                "card_refinance",
                "micro_loan",
                name="product",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "submitted",
                "referred",
                "info_requested",
                "approved",
                "declined",
                "accepted",
                "withdrawn",
                "expired",
                name="applicationstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("statement_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("card_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("bank_account_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("suggestion_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("monthly_income", sa.BigInteger(), nullable=True),
        sa.Column("decision_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("information_requested", sa.Text(), nullable=True),
        sa.Column("submitted_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(product = 'card_refinance') = (statement_id IS NOT NULL)",
            name=op.f("ck_applications_statement"),
        ),
        sa.CheckConstraint(
            "(product = 'micro_loan') = (bank_account_id IS NOT NULL)",
            name=op.f("ck_applications_bank_account"),
        ),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("ck_applications_amount")),
        sa.CheckConstraint("term BETWEEN 1 AND 60", name=op.f("ck_applications_term")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_applications_bank_account_id")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_applications_borrower_id")),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_applications_card_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_applications_decision_id")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name=op.f("fk_applications_statement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sa.UniqueConstraint("suggestion_id", name=op.f("uq_applications_suggestion_id")),
    )
    op.create_index("ix_applications_borrower_id", "applications", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_applications_running",
        "applications",
        ["expires_on", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('submitted', 'referred', 'info_requested', 'approved')"),
    )
    op.create_index("ix_applications_statement_id", "applications", ["statement_id"], unique=False)
    op.create_table(
        "installments",
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("interest", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "principal >= 0 AND interest >= 0 AND fee >= 0", name=op.f("ck_installments_parts")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_installments_loan_id")),
        sa.PrimaryKeyConstraint("loan_id", "number", name=op.f("pk_installments")),
        sa.UniqueConstraint("loan_id", "due_on", name=op.f("uq_installments_loan_id_due_on")),
    )
    op.create_index("ix_installments_due_on_loan_id", "installments", ["due_on", "loan_id"], unique=False)
    op.create_table(
        "payments",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "source_type",
            sa.Enum(
                "bank_debit",
                "transfer",
                name="sourcetype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("bank_account_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "posted",
                "failed",
                "reversed",
                name="paymentstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "call",
            sa.Enum(
                "none",
                "planned",
                "calling",
                "unknown",
                "accepted",
                "refused",
                name="call",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount")),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_payments_bank_account_id")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_payments_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_payments_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_loan_id", "payments", ["loan_id", "id"], unique=False)
    op.create_index(
        "ix_payments_unfinished",
        "payments",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "call IN ('planned', 'calling', 'unknown') OR (call = 'accepted' AND status IN ('pending', 'sent'))"
        ),
    )
    op.create_index(
        "uq_payments_transfer",
        "payments",
        ["provider_id"],
        unique=True,
        postgresql_where=sa.text("source_type = 'transfer'"),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "destination",
            sa.Enum(
                "card",
                "bank_account",
                name="destination",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "sent",
                "unknown",
                "delivered",
                "failed",
                "returned",
                name="payoutstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "call",
            sa.Enum(
                "none",
                "planned",
                "calling",
                "unknown",
                "accepted",
                "refused",
                name="call",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payouts_amount")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_payouts_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("loan_id", name=op.f("uq_payouts_loan_id")),
    )
    op.create_index(
        "ix_payouts_unfinished",
        "payouts",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "call IN ('planned', 'calling', 'unknown') OR (call = 'accepted' AND status IN ('pending', 'sent'))"
        ),
    )
    op.create_table(
        "suggestions",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("product", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("installment_amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "accepted",
                "dismissed",
                "expired",
                name="suggestionstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("application_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("suggested_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0 AND installment_amount > 0", name=op.f("ck_suggestions_amount")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_suggestions_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_suggestions_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suggestions")),
        sa.UniqueConstraint("loan_id", "product", name=op.f("uq_suggestions_loan_id_product")),
    )
    op.create_index("ix_suggestions_borrower_id", "suggestions", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_suggestions_expires_on",
        "suggestions",
        ["expires_on"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "uq_suggestions_open",
        "suggestions",
        ["borrower_id", "product"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "application_documents",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("application_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("content_type", sa.String(length=100), nullable=False),
        sa.Column("name_sealed", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_documents_application_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_documents")),
    )
    op.create_index(
        "ix_application_documents_application_id",
        "application_documents",
        ["application_id", "id"],
        unique=False,
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("application_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "accepted",
                "expired",
                "withdrawn",
                name="offerstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("annual_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("monthly_fee_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("apr", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("effective_annual_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("installment_amount", sa.BigInteger(), nullable=False),
        sa.Column("total_interest", sa.BigInteger(), nullable=False),
        sa.Column("total_fees", sa.BigInteger(), nullable=False),
        sa.Column("saving_same_payment", sa.BigInteger(), nullable=True),
        sa.Column("agreement", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("agreement_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'accepted') = (loan_id IS NOT NULL)", name=op.f("ck_offers_loan")),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("ck_offers_amount")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_offers_application_id")
        ),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_offers_borrower_id")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_offers_loan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("loan_id", name=op.f("uq_offers_loan_id")),
    )
    op.create_index("ix_offers_application_id", "offers", ["application_id", "id"], unique=False)
    op.create_index("ix_offers_borrower_id", "offers", ["borrower_id", "id"], unique=False)
    op.create_index(
        "ix_offers_open",
        "offers",
        ["expires_on", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "refunds",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("payment_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("of", sa.String(length=100), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "planned",
                "done",
                "failed",
                name="refundstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "call",
            sa.Enum(
                "none",
                "planned",
                "calling",
                "unknown",
                "accepted",
                "refused",
                name="call",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
    )
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)
    op.create_index(
        "ix_refunds_unfinished",
        "refunds",
        ["id"],
        unique=False,
        postgresql_where=sa.text(
            "call IN ('planned', 'calling', 'unknown') OR (call = 'accepted' AND status IN ('pending', 'sent'))"
        ),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("application_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "info_requested",
                "awaiting_second",
                "decided",
                "closed",
                name="reviewstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposal", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("approval_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_reviews_application_id")
        ),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_reviews_approval_id")),
        sa.ForeignKeyConstraint(["claimed_by"], ["staff_members.id"], name=op.f("fk_reviews_claimed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index(
        "ix_reviews_open",
        "reviews",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "uq_reviews_unfinished",
        "reviews",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'info_requested', 'awaiting_second')"),
    )
    _run_files()


def downgrade() -> None:
    """There is nothing before the first revision."""
    raise NotImplementedError("the first revision is not undone: drop the database")
