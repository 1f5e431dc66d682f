"""An alert stands while it lasts, and is seen by a person; messages by webhook.

Revision: 0021, after 0020.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHANNELS = "channel IN ('sms', 'push', 'email', 'inbox', 'webhook')"


def upgrade() -> None:
    """Until now an alert was a row a day: each was seen on its day, and those of before are over."""
    op.execute("DROP TRIGGER append_only ON alerts")
    op.drop_constraint("uq_alerts_raised_on_name", "alerts", type_="unique")
    op.add_column("alerts", sa.Column("last_seen_on", sa.Date(), nullable=True))
    op.add_column("alerts", sa.Column("ended_on", sa.Date(), nullable=True))
    op.add_column("alerts", sa.Column("acknowledged_by", sa.Text(), nullable=True))
    op.add_column("alerts", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("alerts", sa.Column("note", sa.Text(), nullable=True))
    op.execute("UPDATE alerts SET last_seen_on = raised_on, ended_on = raised_on")
    op.alter_column("alerts", "last_seen_on", nullable=False)
    op.create_check_constraint(
        op.f("ck_alerts_acknowledged"), "alerts", "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)"
    )
    op.create_index(
        "uq_alerts_standing", "alerts", ["name"], unique=True, postgresql_where=sa.text("ended_on IS NULL")
    )
    op.drop_constraint(op.f("ck_messages_channel"), "messages", type_="check")
    op.create_check_constraint(op.f("ck_messages_channel"), "messages", CHANNELS)


def downgrade() -> None:
    """Who saw what would be lost."""
    raise NotImplementedError("migrations go forward only: restore a backup")
