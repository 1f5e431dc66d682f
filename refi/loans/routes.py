"""The borrower's loans: account, schedule, payoff quote, history."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.ids import BorrowerId, LoanId
from refi.ledger import service as ledger
from refi.loans import service as loans
from refi.loans.account import Account
from refi.loans.finding_service import any_loan
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan
from refi.staff.roles import READ_MONEY, require_any
from refi.web import problems
from refi.web.deps import CurrentPage, Paging
from refi.web.fields import BusinessDate, Instant, Out, Page, RateOut, known_id
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


class BalancesOut(Out):
    """What is owed today, minor units; interest is what has accrued and is unpaid."""

    principal: int
    interest: int
    fees: int
    penalties: int
    total: int
    past_due: int


class LoanOut(Out):
    """A loan as of the business date."""

    id: str
    status: LoanStatus
    product: str
    currency: str
    principal: int
    term: int
    method: str
    apr: RateOut
    effective_annual_rate: RateOut
    agreement: str
    disbursed_on: BusinessDate | None
    closed_on: BusinessDate | None
    balances: BalancesOut
    next_due_date: BusinessDate | None
    next_due_amount: int | None
    days_past_due: int
    bucket: str
    version: int
    created_at: Instant


class InstallmentOut(Out):
    """One installment, minor units; ``status`` is derived for the business date."""

    number: int
    due_date: BusinessDate
    principal: int
    interest: int
    fee: int
    penalty: int
    amount: int
    paid: int
    outstanding: int
    balance_after: int
    status: str


class ScheduleOut(Out):
    """The installments. Before the payoff arrives the dates are those of a payoff that arrives today."""

    data: list[InstallmentOut]
    dates_fixed: bool


class PayoffOut(Out):
    """What settles the loan on ``on``: the components less ``unearned_credit`` (paid ahead of time)."""

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
        data=[_loan(work, loan, account) for loan, account in await loans.accounts(work, rows)],
        has_more=has_more,
    )


@router.get("/{loan_id}")
async def show(loan_id: str, work: CurrentWork, actor: CurrentActor) -> LoanOut:
    """The account as of the business date."""
    loan = await _own(work, actor.id, loan_id)
    return _loan(work, loan, await loans.account(work, loan))


@router.get("/{loan_id}/schedule")
async def schedule(loan_id: str, work: CurrentWork, actor: CurrentActor) -> ScheduleOut:
    """The installments with what was paid on each."""
    loan = await _own(work, actor.id, loan_id)
    state = (await loans.account(work, loan)).state(_as_of(work, loan))
    return ScheduleOut(
        data=[InstallmentOut.model_validate(item) for item in state.installments],
        dates_fixed=loan.credited_on is not None,
    )


@router.get("/{loan_id}/payoff-quote", responses=problems.responses(409))
async def payoff_quote(
    loan_id: str,
    work: CurrentWork,
    actor: CurrentActor,
    on: Annotated[BusinessDate | None, Query(description="today, if none is named")] = None,
) -> PayoffOut:
    """What settles the loan on a day, today if none is named; good through the end of that day."""
    loan = await _own(work, actor.id, loan_id)
    if loan.status is not LoanStatus.ACTIVE:
        raise LoanNotActive(f"a loan that is {loan.status.value} has no payoff")
    day = on or work.on
    if day < work.on or (day - work.on).days > 366 * 6:
        raise PayoffDateRefused("name today or a later day", faults=[Fault("/on", "out_of_range")])
    account = await loans.account(work, loan)
    found, owed = account.payoff(day), account.owed(day)
    return PayoffOut(
        on=day,
        principal=owed.principal,
        accrued_interest=owed.interest,
        fees=owed.fees,
        penalties=owed.penalties,
        total=found.total,
        interest_saved=found.interest_saved,
        unearned_credit=owed.total - found.total,
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


def _as_of(work: Work, loan: Loan) -> BusinessDate:
    return max(work.on, loan.credited_on or loan.opened_on)


def _loan(work: Work, loan: Loan, account: Account) -> LoanOut:
    state = account.state(_as_of(work, loan))
    owed = loan.status in (LoanStatus.ACTIVE, LoanStatus.CHARGED_OFF)
    balances = (
        BalancesOut.model_validate(account.owed(_as_of(work, loan)))
        if owed
        else BalancesOut(principal=0, interest=0, fees=0, penalties=0, total=0, past_due=0)
    )
    return LoanOut(
        id=loan.id,
        status=loan.status,
        product=loan.product.value,
        currency=loan.currency,
        principal=loan.principal,
        term=loan.term,
        method=loan.method,
        apr=loan.apr,
        effective_annual_rate=loan.effective_annual_rate,
        agreement=loan.agreement_id,
        disbursed_on=loan.credited_on,
        closed_on=loan.closed_on,
        balances=balances,
        next_due_date=state.next_due_date if owed else None,
        next_due_amount=state.next_due_amount if owed else None,
        days_past_due=state.days_past_due if owed else 0,
        bucket=work.policy.delinquency.bucket(state.days_past_due if owed else 0),
        version=loan.version,
        created_at=loan.created_at,
    )
