"""First due dates are found by index: the early warning asks every day who missed the first payment.

Revision: 0019, after 0018.
"""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """The close read all loans for it before."""
    op.create_index(
        "ix_loans_first_due_on", "loans", ["first_due_on"], postgresql_include=["status", "unmet_on"]
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_loans_first_due_on", table_name="loans")
