"""Each loan keeps the conventions that it was signed under.

Revision: 0016, after 0015.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNTIL_NOW = '{"order": "fee_penalty_interest_principal", "across": "installments", "ahead": "next"}'
"""What every loan was held to before conventions had names, whatever its policy said."""


def upgrade() -> None:
    """Loans of before keep what they were held to; a loan that names nothing has the first choices."""
    op.add_column("loans", sa.Column("conventions", postgresql.JSONB(), nullable=True))
    op.execute(f"UPDATE loans SET conventions = '{UNTIL_NOW}'")  # noqa: S608 - a constant
    op.alter_column("loans", "conventions", nullable=False)


def downgrade() -> None:
    """Undo."""
    op.drop_column("loans", "conventions")
