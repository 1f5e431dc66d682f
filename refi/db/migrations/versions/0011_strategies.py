"""strategies kept whole, shadow decisions, what is lent by issuer.

Revision: 0011, after 0010. Created 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String(length=40, collation="C")
COUNT_WHAT_IS_LENT = """
    INSERT INTO lent_snapshots (id, taken_on, issuer, principal, upto)
    SELECT 'lent_' || coalesce(issuer, 'all'), business_date - 1, coalesce(issuer, ''), principal,
           max(upto) OVER ()
    FROM business_clock, (
        SELECT coalesce(cards.issuer, '-') AS issuer, sum(loans.principal)::bigint AS principal,
               max(loans.id) AS upto
        FROM loans JOIN offers ON offers.loan_id = loans.id JOIN applications ON applications.id = application_id
        LEFT JOIN cards ON cards.id = card_id
        WHERE loans.status IN ('pending_disbursement', 'active')
        GROUP BY GROUPING SETS ((coalesce(cards.issuer, '-')), ())
    ) AS lent
    WHERE upto IS NOT NULL
"""


def upgrade() -> None:
    """Decisions of before have no strategy: what decided then was not kept."""
    op.create_table(
        "strategies",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_strategies")),
    )
    op.add_column("decisions", sa.Column("strategy", sa.String(length=64), nullable=True))
    op.create_foreign_key(
        op.f("fk_decisions_strategy"), "decisions", "strategies", ["strategy"], ["fingerprint"]
    )
    op.create_index("ix_decisions_decided_on", "decisions", ["decided_on", "id"])
    op.create_table(
        "shadow_decisions",
        sa.Column("id", ID, nullable=False),
        sa.Column("decision_id", ID, nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("reasons", postgresql.JSONB(), nullable=False),
        sa.Column("record", postgresql.JSONB(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('approved', 'referred', 'declined')", name=op.f("ck_shadow_decisions_outcome")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shadow_decisions")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decisions.id"], name=op.f("fk_shadow_decisions_decision_id")
        ),
        sa.ForeignKeyConstraint(
            ["strategy"], ["strategies.fingerprint"], name=op.f("fk_shadow_decisions_strategy")
        ),
    )
    op.create_index(op.f("ix_shadow_decisions_decision_id"), "shadow_decisions", ["decision_id"])
    op.create_index("ix_shadow_decisions_decided_on", "shadow_decisions", ["decided_on", "arm"])
    op.create_table(
        "lent_snapshots",
        sa.Column("id", ID, nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("upto", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lent_snapshots")),
        sa.UniqueConstraint("taken_on", "issuer", name=op.f("uq_lent_snapshots_taken_on_issuer")),
    )
    op.execute(COUNT_WHAT_IS_LENT)
    for table in ("strategies", "shadow_decisions"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Decisions would lose what made them."""
    raise NotImplementedError("migrations go forward only: restore a backup")
