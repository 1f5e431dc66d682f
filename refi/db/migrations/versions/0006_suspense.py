"""A queue of money and orders that fit nowhere, and what staff do about them.

Revision: 0006, after 0005.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from refi import ids

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OLD_KINDS = (
    "disbursement", "disbursement_returned", "repayment", "repayment_reversed", "repayment_released",
    "recovery", "recovery_reversed", "recovery_released", "interest_rebate", "interest_rebate_reversed",
    "fee_rebate", "fee_rebate_reversed", "waiver", "waiver_reversed", "charge_off", "charge_off_reversed",
    "unidentified_receipt", "unidentified_returned", "refund",
)  # fmt: skip
KINDS = (*OLD_KINDS[:-1], "receipt_matched", "refund", "suspense_written_off")
OLD_CALLS = ("none", "planned", "calling", "unknown", "accepted", "refused")
CALLS = (*OLD_CALLS, "contradicted")
RULES = (
    ("receipt_matched", "suspense", "suspense", "cash_at_provider"),
    ("suspense_written_off", "suspense", "operating_losses", "suspense"),
)

WAITING_MONEY = """
    SELECT 'transfer:' || provider_id AS key, 'unmatched' AS kind, amount, currency, effective_on, provider_id,
        reference, NULL AS payment_id, NULL AS loan_id, NULL AS said, effective_on AS opened_on,
        received_at AS created_at
    FROM unmatched_receipts
    UNION ALL
    SELECT 'refund:' || r.id, 'refund_failed', r.amount, r.currency, r.ordered_on, r.of,
        NULL, p.id, p.loan_id, r.reason, r.ordered_on, r.created_at
    FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.status = 'failed' AND p.status <> 'reversed'
    UNION ALL
    SELECT 'returned:' || r.id, 'refunded_and_returned', r.amount, r.currency,
        coalesce(p.returned_on, r.ordered_on), p.provider_id, NULL, p.id, p.loan_id, p.reason,
        coalesce(p.returned_on, r.ordered_on), r.created_at
    FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.status = 'done' AND p.status = 'reversed'
    ORDER BY created_at"""


def upgrade() -> None:
    """Apply; money that waits already gets its place in the queue."""
    op.create_table(
        "suspense_items",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("provider_id", sa.String(length=100), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("payment_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("order_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("news_id", sa.String(length=100), nullable=True),
        sa.Column("approval_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("said", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_suspense_items_amount")),
        sa.CheckConstraint(
            "kind IN ('unmatched', 'refund_failed', 'refunded_and_returned', 'order_contradicted', 'news_refused')",
            name=op.f("ck_suspense_items_suspensekind"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'awaiting_second', 'refunding', 'matched', 'refunded', 'settled')",
            name=op.f("ck_suspense_items_suspensestatus"),
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.id"], name=op.f("fk_suspense_items_approval_id")
        ),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_suspense_items_loan_id")),
        sa.ForeignKeyConstraint(["news_id"], ["provider_news.id"], name=op.f("fk_suspense_items_news_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_suspense_items_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspense_items")),
        sa.UniqueConstraint("key", name=op.f("uq_suspense_items_key")),
    )
    op.create_index(
        "ix_suspense_items_waiting",
        "suspense_items",
        ["id"],
        postgresql_where=sa.text("status IN ('open', 'awaiting_second', 'refunding')"),
    )
    op.create_index("ix_suspense_items_payment_id", "suspense_items", ["payment_id"])
    op.add_column("refunds", sa.Column("suspense_id", sa.String(length=40, collation="C"), nullable=True))
    op.create_foreign_key(
        op.f("fk_refunds_suspense_id"), "refunds", "suspense_items", ["suspense_id"], ["id"]
    )
    op.alter_column("refunds", "payment_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_refunds_of_what"), "refunds", "payment_id IS NOT NULL OR suspense_id IS NOT NULL"
    )
    for table in ("movements", "posting_rules"):
        _allow(table, "kind", KINDS)
    for table in ("payments", "payouts", "refunds"):
        _allow(table, "call", CALLS)
    rules = sa.table("posting_rules", *(sa.column(name) for name in ("kind", "component", "debit", "credit")))
    op.bulk_insert(
        rules, [dict(zip(("kind", "component", "debit", "credit"), row, strict=True)) for row in RULES]
    )
    if not op.get_context().as_sql:
        _fill(op.get_bind())


def _allow(table: str, column: str, values: tuple[str, ...]) -> None:
    """Let the column have these values and no others."""
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({listed})")


def _fill(connection: sa.Connection) -> None:
    found = connection.execute(sa.text(WAITING_MONEY)).mappings().all()
    if found:
        columns = (*found[0], "id", "status", "version")
        connection.execute(
            sa.insert(sa.table("suspense_items", *(sa.column(name) for name in columns))),
            [{**row, "id": ids.new("susp"), "status": "open", "version": 1} for row in found],
        )


def downgrade() -> None:
    """Undo; refused by the constraints once staff have matched, settled or parked anything."""
    op.execute("ALTER TABLE posting_rules DISABLE TRIGGER append_only")
    op.execute("DELETE FROM posting_rules WHERE kind IN ('receipt_matched', 'suspense_written_off')")
    op.execute("ALTER TABLE posting_rules ENABLE TRIGGER append_only")
    for table in ("movements", "posting_rules"):
        _allow(table, "kind", OLD_KINDS)
    for table in ("payments", "payouts", "refunds"):
        _allow(table, "call", OLD_CALLS)
    op.drop_constraint(op.f("ck_refunds_of_what"), "refunds")
    op.alter_column("refunds", "payment_id", nullable=False)
    op.drop_column("refunds", "suspense_id")
    op.drop_table("suspense_items")
