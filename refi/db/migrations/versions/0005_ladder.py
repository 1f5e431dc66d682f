"""Messages say which version of the ladder, arm and rule planned them, have an order of channels, and may be
parked; what a message is about is unique by (installment, due date, stage, channel) in columns.

Revision: 0005, after 0004.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = (
    *("planned", "claimed", "sent", "skipped", "failed", "unknown", "delivered", "undelivered", "parked"),
)


def upgrade() -> None:
    """The old text key of a subject is taken apart: ``loan:number:due:stage:channel``."""
    op.add_column("messages", sa.Column("fallbacks", sa.String(80), nullable=False, server_default=""))
    op.alter_column("messages", "fallbacks", server_default=None)
    for name in ("ladder", "arm", "rule"):
        op.add_column("messages", sa.Column(name, sa.String(64), nullable=True))
    op.add_column("messages", sa.Column("failures", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("messages", "failures", server_default=None)
    op.drop_constraint(op.f("ck_messages_messagestatus"), "messages", type_="check")
    listed = ", ".join(f"'{state}'" for state in STATES)
    op.create_check_constraint(op.f("ck_messages_messagestatus"), "messages", f"status IN ({listed})")
    op.create_index(
        "ix_messages_parked", "messages", ["id"], unique=False, postgresql_where=sa.text("status = 'parked'")
    )
    op.add_column("message_subjects", sa.Column("stage", sa.String(40), nullable=True))
    op.add_column("message_subjects", sa.Column("channel", sa.String(20), nullable=True))
    op.execute(
        "UPDATE message_subjects SET stage = split_part(key, ':', 4), channel = split_part(key, ':', 5)"
    )
    op.alter_column("message_subjects", "stage", nullable=False)
    op.alter_column("message_subjects", "channel", nullable=False)
    op.drop_constraint(op.f("pk_message_subjects"), "message_subjects", type_="primary")
    op.drop_column("message_subjects", "key")
    op.create_primary_key(
        op.f("pk_message_subjects"),
        "message_subjects",
        ["loan_id", "number", "due_on", "stage", "channel"],
    )


def downgrade() -> None:
    """What was parked has no place in the old table."""
    raise NotImplementedError("migrations go forward only: restore a backup")
