"""receipts, what people write back, the app's inbox, and proved e-mail addresses.

Revision: 0009, after 0008. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String(length=40, collation="C")
WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four new tables, and a way to find a message by its provider's name for it."""
    op.create_table(
        "email_addresses",
        sa.Column("borrower_id", ID, nullable=False),
        sa.Column("email_sealed", sa.Text(), nullable=False),
        sa.Column("verified_at", WHEN, nullable=True),
        sa.Column("code_index", sa.Text(), nullable=True),
        sa.Column("code_until", WHEN, nullable=True),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", WHEN, nullable=False),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_email_addresses_borrower_id")
        ),
        sa.PrimaryKeyConstraint("borrower_id", name=op.f("pk_email_addresses")),
    )
    op.create_table(
        "inbox_entries",
        sa.Column("message_id", ID, nullable=False),
        sa.Column("borrower_id", ID, nullable=False),
        sa.Column("delivered_at", WHEN, nullable=False),
        sa.Column("read_at", WHEN, nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_inbox_entries_message_id")),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_inbox_entries_borrower_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_inbox_entries")),
    )
    op.create_table(
        "message_news",
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("raw_sealed", sa.Text(), nullable=False),
        sa.Column("received_at", WHEN, nullable=False),
        sa.Column("handled_at", WHEN, nullable=True),
        sa.Column("message_id", ID, nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_news")),
    )
    op.create_index(
        "ix_message_news_waiting",
        "message_news",
        ["received_at"],
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    op.create_index(
        "ix_message_news_parked",
        "message_news",
        ["received_at", "id"],
        postgresql_where=sa.text("refusal IS NOT NULL"),
    )
    op.create_table(
        "inbound_messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("news_id", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("from_sealed", sa.Text(), nullable=False),
        sa.Column("from_index", sa.Text(), nullable=False),
        sa.Column("borrower_id", ID, nullable=True),
        sa.Column("text_sealed", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("received_at", WHEN, nullable=False),
        sa.CheckConstraint("kind IN ('opt_out', 'text')", name=op.f("ck_inbound_messages_kind")),
        sa.ForeignKeyConstraint(["news_id"], ["message_news.id"], name=op.f("fk_inbound_messages_news_id")),
        sa.ForeignKeyConstraint(
            ["borrower_id"], ["borrowers.id"], name=op.f("fk_inbound_messages_borrower_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_messages")),
        sa.UniqueConstraint("news_id", name=op.f("uq_inbound_messages_news_id")),
    )
    op.create_index("ix_inbound_messages_borrower_id", "inbound_messages", ["borrower_id", "id"])
    op.create_index(
        "ix_messages_provider_id",
        "messages",
        ["provider_id"],
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )


def downgrade() -> None:
    """What people wrote to us is not thrown away."""
    raise NotImplementedError("migrations go forward only: restore a backup")
