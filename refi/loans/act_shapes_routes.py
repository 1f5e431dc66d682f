"""What staff say and read about acts on loans: request and answer bodies."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from refi.errors import Fault, Refused
from refi.loans.acts import ActKind
from refi.loans.answers_routes import LoanOut
from refi.loans.modifications import Outlook
from refi.loans.showing_service import plan_out
from refi.loans.tables import Loan
from refi.schedules.allocation import Component
from refi.web.fields import Amount, Body, BusinessDate, Instant, Out, Rate, storable
from refi.web.plans import InstallmentOut, PlanOut

Months = Annotated[int, Field(strict=True, ge=1, le=12, description="how many months later")]
Count = Annotated[int, Field(strict=True, ge=1, le=60, description="how many coming installments")]
Reason = Annotated[
    str,
    Field(strict=True, max_length=4000, description="why, in words; needed unless it is a preview"),
    AfterValidator(storable),
]


class ActIn(Body):
    """What every act on a loan says. With ``preview`` the answer says what would be; nothing is stored."""

    reason: Reason = ""
    preview: bool = False


class ArgumentsRefused(Refused):
    """The kind of modification lacks an argument, or does not have one that was given."""


class ModificationIn(ActIn):
    """Terms agreed anew.

    ``defer`` needs ``months`` (and may be ``interest_free``), ``due_date_change`` the ``first_due_date`` of
    the next installment, ``extend`` a larger number of coming ``installments`` (or the same number at another
    ``annual_rate``);
    ``re_age`` may name both, and needs them once no installment is left to come.
    """

    type: Literal["defer", "due_date_change", "re_age", "extend"]
    months: Months | None = None
    interest_free: bool = False
    first_due_date: BusinessDate | None = None
    installments: Count | None = None
    annual_rate: Rate | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments as they are stored: plain JSON values. Raises `ArgumentsRefused`."""
        said = {name: getattr(self, name) for name in FIELDS}
        given = {name: _plain(value) for name, value in said.items() if value not in (None, False)}
        needed, allowed = SAID[self.type]
        missing, strange = sorted(needed - given.keys()), sorted(given.keys() - needed - allowed)
        if missing or strange:
            told = [f"{self.type} needs {', '.join(missing)}"] if missing else []
            told += [f"{self.type} has no {', '.join(strange)}"] if strange else []
            faults = [Fault(f"/{name}", "missing") for name in missing]
            faults += [Fault(f"/{name}", "not_allowed") for name in strange]
            raise ArgumentsRefused("; ".join(told), faults=faults)
        return given


FIELDS = ("months", "interest_free", "first_due_date", "installments", "annual_rate")
SAID: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "defer": (frozenset({"months"}), frozenset({"interest_free"})),
    "due_date_change": (frozenset({"first_due_date"}), frozenset()),
    "re_age": (frozenset(), frozenset({"installments", "first_due_date"})),
    "extend": (frozenset({"installments"}), frozenset({"annual_rate"})),
}
"""What each type of modification must say, and what it may say beside it."""


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value


class WaiverIn(ActIn):
    """A debt is given up: up to ``amount`` of one component, oldest first, or of one installment."""

    amount: Amount
    component: Annotated[Component, Field(strict=False)] = Component.PENALTY
    installment: (
        Annotated[int, Field(strict=True, ge=1, le=999, description="its number; all without it")] | None
    ) = None


class ActOut(Out):
    """An act as it is stored."""

    id: str
    number: int
    kind: ActKind
    arguments: dict[str, Any]
    undoes: str | None
    reason: str
    effective_on: BusinessDate
    at: Instant
    actor: str
    approved_by: str | None
    version: int


class ActAnswer(Out):
    """What an act did, would do (``preview``), or will do once a second person agrees (``approval``).

    ``given_up`` is what is waived or written off, minor units. ``version`` is the loan's; send it as
    If-Match to confirm what a preview showed.
    """

    status: Literal["preview", "done", "awaiting_second"]
    loan: str
    version: int
    act: ActOut | None
    approval: str | None
    given_up: int
    before: PlanOut
    after: PlanOut


class EntryOut(Out):
    """A line of the history: the day it counts from, when it was entered, by whom, in words, and why."""

    on: BusinessDate
    at: Instant
    by: str
    kind: str
    text: str
    source: str
    amount: int | None
    reason: str | None
    approved_by: str | None


class StaffLoanOut(LoanOut):
    """A loan as staff see it: whose it is, its schedule, its acts and its whole history, oldest first."""

    borrower: str
    unmet_on: BusinessDate | None
    schedule: list[InstallmentOut]
    acts: list[ActOut]
    history: list[EntryOut]


def plans(loan: Loan, seen: Outlook) -> dict[str, PlanOut]:
    """``before`` and ``after`` of an act."""
    return {
        "before": plan_out(loan.principal, seen.before, seen.rate_before),
        "after": plan_out(loan.principal, seen.after, seen.rate_after),
    }
