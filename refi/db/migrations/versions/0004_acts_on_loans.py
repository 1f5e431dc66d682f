"""What people do to loans is stored; installments follow the contract; money lost and recovered has accounts.

Revision: 0004, after 0003.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from refi.money import Rounding
from refi.schedules import contract as contracts
from refi.schedules.amortization import Method, Terms
from refi.schedules.contract import Contract, Mode, Receipt, State
from refi.schedules.day_count import DayCount

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

CHUNK = 1000
OLD_KINDS = (
    "disbursement", "disbursement_returned", "repayment", "repayment_reversed", "repayment_released",
    "interest_rebate", "interest_rebate_reversed", "unidentified_receipt", "unidentified_returned", "refund",
)  # fmt: skip
NEW_KINDS = (
    "disbursement", "disbursement_returned", "repayment", "repayment_reversed", "repayment_released",
    "recovery", "recovery_reversed", "recovery_released", "interest_rebate", "interest_rebate_reversed",
    "fee_rebate", "fee_rebate_reversed", "waiver", "waiver_reversed", "charge_off", "charge_off_reversed",
    "unidentified_receipt", "unidentified_returned", "refund",
)  # fmt: skip
NEW_RULES = [
    # kind, component, debit, credit
    ("recovery", "principal", "cash_at_provider", "recoveries"),
    ("recovery", "interest", "cash_at_provider", "recoveries"),
    ("recovery", "fee", "cash_at_provider", "recoveries"),
    ("recovery", "penalty", "cash_at_provider", "recoveries"),
    ("recovery", "suspense", "cash_at_provider", "suspense"),
    ("recovery_reversed", "principal", "recoveries", "cash_at_provider"),
    ("recovery_reversed", "interest", "recoveries", "cash_at_provider"),
    ("recovery_reversed", "fee", "recoveries", "cash_at_provider"),
    ("recovery_reversed", "penalty", "recoveries", "cash_at_provider"),
    ("recovery_reversed", "suspense", "suspense", "cash_at_provider"),
    ("recovery_released", "principal", "recoveries", "suspense"),
    ("recovery_released", "interest", "recoveries", "suspense"),
    ("recovery_released", "fee", "recoveries", "suspense"),
    ("recovery_released", "penalty", "recoveries", "suspense"),
    ("interest_rebate", "fee", "interest_income", "fee_income"),
    ("interest_rebate", "penalty", "interest_income", "penalty_income"),
    ("interest_rebate_reversed", "fee", "fee_income", "interest_income"),
    ("interest_rebate_reversed", "penalty", "penalty_income", "interest_income"),
    ("fee_rebate", "principal", "fee_income", "loans_principal"),
    ("fee_rebate", "interest", "fee_income", "interest_income"),
    ("fee_rebate", "penalty", "fee_income", "penalty_income"),
    ("fee_rebate_reversed", "principal", "loans_principal", "fee_income"),
    ("fee_rebate_reversed", "interest", "interest_income", "fee_income"),
    ("fee_rebate_reversed", "penalty", "penalty_income", "fee_income"),
    ("waiver", "principal", "waivers", "loans_principal"),
    ("waiver", "interest", "waivers", "interest_income"),
    ("waiver", "fee", "waivers", "fee_income"),
    ("waiver", "penalty", "waivers", "penalty_income"),
    ("waiver_reversed", "principal", "loans_principal", "waivers"),
    ("waiver_reversed", "interest", "interest_income", "waivers"),
    ("waiver_reversed", "fee", "fee_income", "waivers"),
    ("waiver_reversed", "penalty", "penalty_income", "waivers"),
    ("charge_off", "principal", "credit_losses", "loans_principal"),
    ("charge_off_reversed", "principal", "loans_principal", "credit_losses"),
]
REPLANNED = """
    SELECT l.* FROM loans l WHERE l.status IN ('active', 'paid_off') AND l.id > :after
    AND EXISTS (SELECT FROM movements m WHERE m.loan_id = l.id AND m.kind = 'repayment'
                AND (l.status = 'paid_off' OR m.mode <> 'due'))
    ORDER BY l.id LIMIT :chunk"""
RECEIPTS = """
    SELECT m.loan_id, m.source, m.effective_on, m.amount, m.mode FROM movements m
    WHERE m.loan_id = ANY(:ids) AND m.kind = 'repayment'
    AND NOT EXISTS (SELECT FROM movements r WHERE r.reverses = m.id)
    ORDER BY m.loan_id, m.effective_on, m.source"""


def upgrade() -> None:
    """Apply; installments of loans that were prepaid or paid off become what the contract now says."""
    for table in ("movements", "posting_rules"):
        _allow_kinds(table, NEW_KINDS)
    rules = sa.table("posting_rules", *(sa.column(name) for name in ("kind", "component", "debit", "credit")))
    op.bulk_insert(
        rules,
        [dict(zip(("kind", "component", "debit", "credit"), row, strict=True)) for row in NEW_RULES],
    )
    op.drop_constraint(op.f("fk_approvals_maker"), "approvals")
    op.drop_constraint(op.f("uq_installments_loan_id_due_on"), "installments")
    op.add_column("loans", sa.Column("acts", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("loans", "acts", server_default=None)
    _create_acts()
    if not op.get_context().as_sql:
        _replan(op.get_bind())


def _allow_kinds(table: str, kinds: Sequence[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f(f"ck_{table}_kind"), table)
    op.create_check_constraint(op.f(f"ck_{table}_kind"), table, f"kind IN ({listed})")


def _create_acts() -> None:
    op.create_table(
        "loan_acts",
        sa.Column("id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("loan_id", sa.String(length=40, collation="C"), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "defer", "due_date_change", "re_age", "extend", "waive", "charge_off", "reversal",
                "payment_reversal", "cancellation",
                name="actkind", native_enum=False, create_constraint=True, length=40,
            ),
            nullable=False,
        ),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("undoes", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approval_id", sa.String(length=40, collation="C"), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_loan_acts_number")),
        sa.CheckConstraint("(kind = 'reversal') = (undoes IS NOT NULL)", name=op.f("ck_loan_acts_undoes")),
        sa.ForeignKeyConstraint(["loan_id"], ["loans.id"], name=op.f("fk_loan_acts_loan_id")),
        sa.ForeignKeyConstraint(["undoes"], ["loan_acts.id"], name=op.f("fk_loan_acts_undoes")),
        sa.ForeignKeyConstraint(["approval_id"], ["approvals.id"], name=op.f("fk_loan_acts_approval_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_acts")),
        sa.UniqueConstraint("loan_id", "number", name=op.f("uq_loan_acts_loan_id_number")),
        sa.UniqueConstraint("undoes", name=op.f("uq_loan_acts_undoes")),
    )  # fmt: skip
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON loan_acts"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _replan(connection: sa.Connection) -> None:
    after = ""
    while rows := connection.execute(sa.text(REPLANNED), {"after": after, "chunk": CHUNK}).mappings().all():
        found = connection.execute(sa.text(RECEIPTS), {"ids": [row["id"] for row in rows]}).all()
        receipts = {
            key: [Receipt(r.source, r.effective_on, r.amount, Mode(r.mode)) for r in those]
            for key, those in groupby(found, lambda receipt: receipt.loan_id)
        }
        for row in rows:
            if row["id"] in receipts:
                _store_plan(connection, row["id"], _state(row, receipts[row["id"]]))
        after = rows[-1]["id"]


def _state(loan: sa.RowMapping, receipts: Sequence[Receipt]) -> State:
    terms = Terms(
        principal=loan["principal"],
        annual_rate=loan["annual_rate"],
        installments=loan["term"],
        method=Method(loan["method"]),
        monthly_fee_rate=loan["monthly_fee_rate"],
        day_count=DayCount(loan["day_count"]),
        rounding=Rounding(loan["rounding"]),
    )
    contract = Contract(
        terms=terms,
        disbursed_on=loan["credited_on"],
        first_due_on=loan["first_due_on"],
        penalty_multiple=loan["penalty_multiple"],
        penalty_year_days=loan["penalty_year_days"],
    )
    return contracts.replay(contract, receipts, max(receipt.on for receipt in receipts))


def _store_plan(connection: sa.Connection, loan_id: str, state: State) -> None:
    connection.execute(sa.text("DELETE FROM installments WHERE loan_id = :id"), {"id": loan_id})
    connection.execute(
        sa.text(
            "INSERT INTO installments (loan_id, number, due_on, principal, interest, fee)"
            " VALUES (:id, :number, :due_on, :principal, :interest, :fee)"
        ),
        [
            {
                "id": loan_id,
                "number": row.number,
                "due_on": row.due_date,
                "principal": row.principal,
                "interest": row.interest,
                "fee": row.fee,
            }
            for row in state.installments
        ],
    )


def downgrade() -> None:
    """Undo; refused by the constraints once an act was done or booked."""
    op.drop_table("loan_acts")
    op.drop_column("loans", "acts")
    op.create_unique_constraint(op.f("uq_installments_loan_id_due_on"), "installments", ["loan_id", "due_on"])
    op.create_foreign_key(op.f("fk_approvals_maker"), "approvals", "staff_members", ["maker"], ["id"])
    op.execute("ALTER TABLE posting_rules DISABLE TRIGGER append_only")
    for kind, component, *_ in NEW_RULES:
        op.execute(
            sa.text("DELETE FROM posting_rules WHERE kind = :kind AND component = :component").bindparams(
                kind=kind, component=component
            )
        )
    op.execute("ALTER TABLE posting_rules ENABLE TRIGGER append_only")
    for table in ("movements", "posting_rules"):
        _allow_kinds(table, OLD_KINDS)
