"""messages by e-mail and in the app, and whether they arrived.

Revision: 0003, after 0002. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHANNELS = ("sms", "push", "email", "inbox")
STATUSES = ("planned", "claimed", "sent", "skipped", "failed", "unknown", "delivered", "undelivered")


def upgrade() -> None:
    """Two more channels, two more states, a subject; every row of before stays as it is."""
    op.add_column("messages", sa.Column("subject_sealed", sa.Text(), nullable=True))
    _only("channel", "channel", CHANNELS)
    _only("messagestatus", "status", STATUSES)


def _only(name: str, column: str, values: Sequence[str]) -> None:
    op.drop_constraint(op.f(f"ck_messages_{name}"), "messages", type_="check")
    listed = ", ".join(f"'{value}'" for value in values)
    op.create_check_constraint(op.f(f"ck_messages_{name}"), "messages", f"{column} IN ({listed})")


def downgrade() -> None:
    """A message of a new kind has no place in the old table."""
    raise NotImplementedError("migrations go forward only: restore a backup")
