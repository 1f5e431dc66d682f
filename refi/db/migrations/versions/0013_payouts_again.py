"""A payoff that failed or came back may be sent once more: several payouts a loan, one that is alive.

Revision: 0013, after 0012.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Apply."""
    op.drop_constraint(op.f("uq_payouts_loan_id"), "payouts")
    op.create_index("ix_payouts_loan_id", "payouts", ["loan_id", "id"])
    op.create_index(
        "uq_payouts_live",
        "payouts",
        ["loan_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('planned', 'sent', 'unknown', 'delivered')"),
    )


def downgrade() -> None:
    """Undo; refused by the constraint once a payoff was sent twice."""
    op.drop_index("uq_payouts_live", table_name="payouts")
    op.drop_index("ix_payouts_loan_id", table_name="payouts")
    op.create_unique_constraint(op.f("uq_payouts_loan_id"), "payouts", ["loan_id"])
