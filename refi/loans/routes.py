"""The borrower's loans: account, schedule, payoff quote, history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.ids import BorrowerId, LoanId
from refi.ledger import service as ledger
from refi.loans import service as loans
from refi.loans.answers_routes import AsOf, LoanOut, loan_out, schedule_out
from refi.loans.finding_service import any_loan
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.staff.roles import READ_MONEY, require_any
from refi.web import problems
from refi.web.deps import CurrentPage, Paging, etag
from refi.web.fields import BusinessDate, Instant, Out, Page, known_id
from refi.web.plans import ScheduleOut
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, StaffRoute

router = APIRouter(
    prefix="/v1/loans",
    tags=["loans"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 404, 422, 503),
)

staff_router = APIRouter(
    prefix="/staff/v1/loans",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)


class PayoffOut(Out):
    """What settles the loan on ``on``, minor units: ``total`` is the sum of the four components.

    ``unearned_credit`` is interest and fees paid ahead of time, already taken off ``principal``.
    """

    on: BusinessDate
    principal: int
    accrued_interest: int
    fees: int
    penalties: int
    total: int
    interest_saved: int
    unearned_credit: int
    per_diem: int
    good_through: BusinessDate


class TransactionOut(Out):
    """One movement of the loan's history; ``reverses`` names the one that it takes back."""

    id: str
    kind: str
    amount: int
    principal: int
    interest: int
    fee: int
    penalty: int
    suspense: int
    source: str | None
    reverses: str | None
    allocations: list[dict[str, Any]]
    effective_on: BusinessDate
    posted_on: Annotated[BusinessDate, Field(validation_alias="on")]
    posted_at: Instant


class PayoffDateRefused(Refused):
    """A payoff can be quoted for today or a later day of the term."""


@router.get("")
async def list_loans(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[LoanOut]:
    """The borrower's loans, newest first."""
    rows, has_more = page.cut(
        await loans.loans_of(
            work, BorrowerId(actor.id), limit=page.limit + 1, starting_after=page.starting_after
        )
    )
    return Page(
        data=[loan_out(work, loan, account) for loan, account in await loans.accounts(work, rows)],
        has_more=has_more,
    )


@router.get("/{loan_id}")
async def show(
    loan_id: str, work: CurrentWork, actor: CurrentActor, response: Response, as_of: AsOf = None
) -> LoanOut:
    """The account as of the business date, or as it stood at the end of an earlier day."""
    loan = await _own(work, actor.id, loan_id)
    response.headers["ETag"] = etag(loan.version)
    return loan_out(work, loan, await loans.account(work, loan), as_of)


@router.get("/{loan_id}/schedule")
async def schedule(loan_id: str, work: CurrentWork, actor: CurrentActor, as_of: AsOf = None) -> ScheduleOut:
    """The installments with what was paid on each, today or at the end of an earlier day."""
    loan = await _own(work, actor.id, loan_id)
    return schedule_out(work, loan, await loans.account(work, loan), as_of)


@router.get("/{loan_id}/payoff-quote", responses=problems.responses(409))
async def payoff_quote(
    loan_id: str,
    work: CurrentWork,
    actor: CurrentActor,
    on: Annotated[BusinessDate | None, Query(description="today, if none is named")] = None,
) -> PayoffOut:
    """What settles the loan on a day, today if none is named; good through the end of that day.

    A loan that was written off is still owed: nothing accrues on it any more.
    """
    loan = await _own(work, actor.id, loan_id)
    if loan.status not in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF):
        raise LoanNotActive(f"a loan that is {loan.status.value} has no payoff")
    day = on or work.on
    if day < work.on or (day - work.on).days > 366 * 6:
        raise PayoffDateRefused("name today or a later day", faults=[Fault("/query/on", "out_of_range")])
    account = await loans.account(work, loan)
    found = account.payoff(day)
    if loan.status is LoanStatus.CHARGED_OFF and not found.total:
        raise LoanNotActive("what was written off has been recovered: nothing is owed")
    return PayoffOut(
        on=day,
        principal=found.principal,
        accrued_interest=found.accrued_interest,
        fees=found.fees,
        penalties=found.penalties,
        total=found.total,
        interest_saved=found.interest_saved,
        unearned_credit=found.unearned_credit,
        per_diem=found.per_diem,
        good_through=found.good_through,
    )


@router.get("/{loan_id}/transactions")
async def transactions(
    loan_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[TransactionOut]:
    """Every movement of the loan, oldest first: corrections are new lines."""
    loan = await _own(work, actor.id, loan_id)
    return await _transactions(work, loan.id, page)


@staff_router.get("/{loan_id}/transactions")
async def staff_transactions(
    loan_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[TransactionOut]:
    """Every movement of a loan, oldest first: corrections are new lines."""
    require_any(actor.roles, *READ_MONEY)
    loan = await any_loan(work, loan_id)
    return await _transactions(work, loan.id, page)


async def _transactions(work: Work, loan_id: str, page: Paging) -> Page[TransactionOut]:
    found = await ledger.of_loan(work, loan_id, limit=page.limit + 1, starting_after=page.starting_after)
    rows, has_more = page.cut(found)
    return Page(data=[TransactionOut.model_validate(row) for row in rows], has_more=has_more)


async def _own(work: Work, borrower_id: str, loan_id: str) -> Loan:
    return await loans.own(work, BorrowerId(borrower_id), LoanId(known_id(loan_id, "loan")))
