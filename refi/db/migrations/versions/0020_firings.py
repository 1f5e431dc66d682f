"""when the scheduler last ran each line of its page.

Revision: 0020, after 0019. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """One table that begins empty."""
    op.create_table(
        "firings",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_firings")),
    )


def downgrade() -> None:
    """Nothing is taken back."""
    raise NotImplementedError("migrations go forward only: restore a backup")
