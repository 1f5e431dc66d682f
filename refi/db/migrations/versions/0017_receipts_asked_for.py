"""receipts of pushes that have to be asked for.

Revision: 0017, after 0016. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """How often the receipt of a push was asked for: never yet. The constant default rewrites no row."""
    op.add_column(
        "messages",
        sa.Column("receipts_asked", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.create_index(
        "ix_messages_receipts",
        "messages",
        ["receipts_asked", "sent_at"],
        postgresql_where=sa.text("status = 'sent' AND channel = 'push'"),
    )


def downgrade() -> None:
    """Nothing is taken back."""
    raise NotImplementedError("migrations go forward only: restore a backup")
