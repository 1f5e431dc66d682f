"""movements of a business date are found by a tree.

Revision: 0024, after 0023. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """A block range index knows nothing of what was written since the last vacuum, and the close of a day asks
    for just that: it read the whole book."""
    op.drop_index("ix_movements_business_date", table_name="movements")
    op.create_index("ix_movements_business_date", "movements", ["business_date"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_movements_business_date", table_name="movements")
    op.create_index("ix_movements_business_date", "movements", ["business_date"], postgresql_using="brin")
