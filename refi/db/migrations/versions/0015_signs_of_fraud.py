"""who shares a device, a card or an account; alerts of the monitoring.

Revision: 0015, after 0014. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Indices to find by, and a table that begins empty."""
    op.create_index("ix_devices_token_index", "devices", ["token_index"])
    op.create_index("ix_bank_accounts_token", "bank_accounts", ["token"])
    op.create_index("ix_cards_token", "cards", ["token"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("raised_on", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("raised_on", "name", name=op.f("uq_alerts_raised_on_name")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alerts"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Alerts are part of the record."""
    raise NotImplementedError("migrations go forward only: restore a backup")
