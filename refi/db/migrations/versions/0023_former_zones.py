"""where borrowers lived when they were contacted.

Revision: 0023, after 0022. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """An append-only table that begins empty: who moved before is taken to have always lived where they do."""
    op.create_table(
        "former_zones",
        sa.Column("borrower_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["borrower_id"], ["borrowers.id"], name=op.f("fk_former_zones_borrower_id")),
        sa.PrimaryKeyConstraint("borrower_id", "until", name=op.f("pk_former_zones")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON former_zones"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Former zones are part of the record."""
    raise NotImplementedError("migrations go forward only: restore a backup")
