"""The daily close: a cut-off, what each installment still misses, the day a loan changed, snapshots.

Revision: 0008, after 0007.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from refi.ledger.entries import Kind, Split
from refi.loans.acts import ActKind, Happened
from refi.loans.replaying import Moved, account_of
from refi.money import Rounding
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract
from refi.schedules.day_count import DayCount

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHUNK = 1000

UNTOUCHED = (
    "l.acts = 0 AND NOT EXISTS (SELECT FROM movements m WHERE m.loan_id = l.id AND m.kind <> 'disbursement')"
)
NEVER_PAID = f"""
    UPDATE installments i SET unpaid = i.principal + i.interest + i.fee, unpaid_principal = i.principal
    FROM loans l WHERE l.id = i.loan_id AND l.status = 'active' AND {UNTOUCHED}"""  # noqa: S608 - our own text
TOUCHED = f"""
    SELECT l.*,
        (SELECT json_agg(json_build_array(id, kind, source, principal, interest, fee, penalty, suspense,
                         effective_on, mode, reverses) ORDER BY id)
         FROM movements m WHERE m.loan_id = l.id) AS movements,
        (SELECT json_agg(json_build_array(id, kind, effective_on, arguments, undoes) ORDER BY number)
         FROM loan_acts a WHERE a.loan_id = l.id) AS history
    FROM loans l WHERE l.status IN ('active', 'charged_off') AND NOT ({UNTOUCHED}) AND l.id > :after
    ORDER BY l.id LIMIT :chunk"""  # noqa: S608 - our own text
UNPAID = """
    UPDATE installments SET unpaid = :unpaid, unpaid_principal = :principal
    WHERE loan_id = :loan_id AND number = :number"""
CHANGED = """
    UPDATE loans SET changed_on = CASE WHEN credited_on IS NULL THEN opened_on
    ELSE (SELECT business_date FROM business_clock) END"""
"""Every loan that was paid out changed today: so the next close takes its first snapshot."""


def upgrade() -> None:
    """Apply. What is missing on each installment is filled in by the contract function, in chunks."""
    op.add_column("business_clock", sa.Column("closing", sa.Boolean(), nullable=True))
    op.execute("UPDATE business_clock SET closing = false")
    op.alter_column("business_clock", "closing", nullable=False)
    _installments()
    op.add_column("loans", sa.Column("changed_on", sa.Date(), nullable=True))
    op.execute(CHANGED)
    op.alter_column("loans", "changed_on", nullable=False)
    op.create_index("ix_loans_changed_on", "loans", ["changed_on"], unique=False)
    op.create_index(
        "ix_movements_business_date",
        "movements",
        ["business_date"],
        unique=False,
        postgresql_using="brin",
    )
    _snapshots()


def _installments() -> None:
    for name in ("unpaid", "unpaid_principal"):
        op.add_column("installments", sa.Column(name, sa.BigInteger(), nullable=True))
    op.execute("UPDATE installments SET unpaid = 0, unpaid_principal = 0")
    if not op.get_context().as_sql:
        _fill(op.get_bind())
    for name in ("unpaid", "unpaid_principal"):
        op.alter_column("installments", name, nullable=False)
    op.create_check_constraint(
        op.f("ck_installments_unpaid"), "installments", "unpaid >= 0 AND unpaid_principal >= 0"
    )


def _snapshots() -> None:
    op.create_table(
        "loan_snapshots",
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending_disbursement",
                "active",
                "paid_off",
                "charged_off",
                "cancelled",
                name="loanstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("unmet_on", sa.Date(), nullable=True),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.String(length=40), nullable=False),
        sa.Column("asset_class", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("accrues", sa.Boolean(), nullable=False),
        sa.Column("principal", sa.BigInteger(), nullable=False),
        sa.Column("past_due", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("loan_id", "business_date", name=op.f("pk_loan_snapshots")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON loan_snapshots"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _fill(connection: sa.Connection) -> None:
    connection.execute(sa.text(NEVER_PAID))
    today: date = connection.execute(sa.text("SELECT business_date FROM business_clock")).scalar() or date.min
    after = ""
    while rows := connection.execute(sa.text(TOUCHED), {"after": after, "chunk": CHUNK}).mappings().all():
        connection.execute(sa.text(UNPAID), [line for row in rows for line in _left(row, today)])
        after = rows[-1]["id"]


def _left(loan: sa.RowMapping, today: date) -> list[dict[str, Any]]:
    contract = Contract(
        terms=Terms(
            principal=loan["principal"],
            annual_rate=loan["annual_rate"],
            installments=loan["term"],
            method=Method(loan["method"]),
            monthly_fee_rate=loan["monthly_fee_rate"],
            day_count=DayCount(loan["day_count"]),
            rounding=Rounding(loan["rounding"]),
        ),
        disbursed_on=loan["credited_on"],
        first_due_on=loan["first_due_on"],
        penalty_multiple=loan["penalty_multiple"],
        penalty_year_days=loan["penalty_year_days"],
    )
    movements = [
        Moved(key, Kind(kind), str(source), Split(*split), date.fromisoformat(on), mode, reverses, ())
        for key, kind, source, *split, on, mode, reverses in loan["movements"] or ()
    ]
    acts = [
        Happened(key, ActKind(kind), date.fromisoformat(on), arguments, undoes)
        for key, kind, on, arguments, undoes in loan["history"] or ()
    ]
    account = account_of(contract, movements, acts)
    return [
        {
            "loan_id": loan["id"],
            "number": item.number,
            "unpaid": item.unpaid,
            "principal": item.unpaid_principal,
        }
        for item in account.state(max(today, account.last_day)).installments
    ]


def downgrade() -> None:
    """Undo."""
    op.drop_table("loan_snapshots")
    op.drop_index("ix_movements_business_date", table_name="movements")
    op.drop_index("ix_loans_changed_on", table_name="loans")
    op.drop_column("loans", "changed_on")
    op.drop_constraint(op.f("ck_installments_unpaid"), "installments")
    op.drop_column("installments", "unpaid_principal")
    op.drop_column("installments", "unpaid")
    op.drop_column("business_clock", "closing")
