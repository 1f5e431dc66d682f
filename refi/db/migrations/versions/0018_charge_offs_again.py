"""When a declined proposal is looked at anew; loans late enough before are looked at by the next close.

Revision: 0018, after 0017.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DECLINED = """
    UPDATE approvals SET again_on = greatest((decided_at AT TIME ZONE 'UTC')::date + 30,
        (SELECT max(business_date) FROM business_clock) + 2)
    WHERE kind = 'loan_charge_off' AND status = 'rejected'"""
"""As the policies say since; never a day that the close has passed."""

LATE = """
    UPDATE loans SET changed_on = clock.business_date + clock.closing::int FROM business_clock clock
    WHERE loans.status = 'active' AND loans.unmet_on <= clock.business_date - 120"""
"""Whatever the market's figure is: the close proposes of the loans that its day changed those that are late
enough. It keeps a snapshot of them too, which says what the last one said.
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("approvals", sa.Column("again_on", sa.Date(), nullable=True))
    op.create_index(
        "ix_approvals_again_on",
        "approvals",
        ["again_on", "subject"],
        postgresql_where=sa.text("again_on IS NOT NULL"),
    )
    op.execute(DECLINED)
    op.execute(LATE)


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_approvals_again_on", table_name="approvals")
    op.drop_column("approvals", "again_on")
