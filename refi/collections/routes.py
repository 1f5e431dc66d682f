"""The borrower's side of collections: promises, requests for help, complaints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from refi.collections import complaint_service as complaints
from refi.collections import help_service, promise_service
from refi.collections.cases import case_of
from refi.collections.promises import PromiseStatus
from refi.collections.requests import ComplaintStatus, HelpStatus
from refi.collections.tables import Complaint, HelpRequest, Promise
from refi.db.work import Work
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.tables import Loan
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Amount, Body, BusinessDate, Instant, LongText, Out, Page, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork

router = APIRouter(
    prefix="/v1",
    tags=["care"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)


class PromiseIn(Body):
    """How much by the end of which day; the policy says how far away it may be."""

    amount: Amount
    on: Annotated[BusinessDate, Field(description="the last day", examples=["2026-11-25"])]


class PromiseOut(Out):
    """A promise. It is kept if ``amount`` less ``tolerance`` arrives by the end of ``on``.

    ``received`` is what came, known once its day is over. ``stops_contact`` is false after too many broken.
    """

    id: str
    loan: str
    amount: int
    tolerance: int
    on: BusinessDate
    status: PromiseStatus
    stops_contact: bool
    received: int | None
    made_on: BusinessDate
    settled_on: BusinessDate | None


class HelpIn(Body):
    """Why it is hard, and what would help."""

    reason: Annotated[LongText, Field(examples=["I lost my job"])]
    proposal: Annotated[LongText, Field(examples=["half the installment until March"])] | None = None


class HelpOut(Out):
    """A request for help. Nobody collects until it is answered; ``answer`` is what we wrote back."""

    id: str
    case: str
    loan: str
    status: HelpStatus
    reason: str
    proposal: str | None
    answer: str | None
    asked_on: BusinessDate
    answered_at: Instant | None


class ComplaintIn(Body):
    """What is wrong, and which loan it is about, if any."""

    text: Annotated[LongText, Field(examples=["your agent called my neighbor"])]
    loan: Annotated[str, Field(max_length=60, examples=["loan_01m8…"])] | None = None


class ComplaintOut(Out):
    """A complaint. Nobody collects until it is answered; ``answer`` is what we wrote back."""

    id: str
    loan: str | None
    text: str
    status: ComplaintStatus
    answer: str | None
    filed_on: BusinessDate
    answered_at: Instant | None


def promise_out(row: Promise) -> PromiseOut:
    """A promise as everybody sees it."""
    return PromiseOut(
        id=row.id,
        loan=row.loan_id,
        amount=row.amount,
        tolerance=row.tolerance,
        on=row.on,
        status=row.status,
        stops_contact=row.stops_contact,
        received=row.received,
        made_on=row.made_on,
        settled_on=row.settled_on,
    )


def help_out(work: Work, row: HelpRequest) -> HelpOut:
    """A request for help, opened."""
    return HelpOut(
        id=row.id,
        case=case_of(row.loan_id),
        loan=row.loan_id,
        status=row.status,
        reason=work.vault.open(row.reason_sealed),
        proposal=work.vault.open(row.proposal_sealed) if row.proposal_sealed else None,
        answer=work.vault.open(row.answer_sealed) if row.answer_sealed else None,
        asked_on=row.asked_on,
        answered_at=row.answered_at,
    )


def complaint_out(work: Work, row: Complaint) -> ComplaintOut:
    """A complaint, opened."""
    return ComplaintOut(
        id=row.id,
        loan=row.loan_id,
        text=work.vault.open(row.text_sealed),
        status=row.status,
        answer=work.vault.open(row.answer_sealed) if row.answer_sealed else None,
        filed_on=row.filed_on,
        answered_at=row.answered_at,
    )


async def _own(work: Work, borrower_id: str, loan_id: str) -> Loan:
    return await loans.own(work, BorrowerId(borrower_id), LoanId(known_id(loan_id, "loan")))


@router.post("/loans/{loan_id}/promises", status_code=201)
async def promise(loan_id: str, body: PromiseIn, work: CurrentWork, actor: CurrentActor) -> PromiseOut:
    """Promise to pay by a day. Until it is over, nobody reminds or collects for this loan."""
    loan = await _own(work, actor.id, loan_id)
    return promise_out(await promise_service.make(work, LoanId(loan.id), body.amount, body.on))


@router.get("/loans/{loan_id}/promises")
async def list_promises(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[PromiseOut]:
    """The loan's promises, newest first."""
    loan = await _own(work, actor.id, loan_id)
    rows = await promise_service.of_loan(work, loan.id)
    return Page(data=[promise_out(row) for row in rows], has_more=False)


@router.post("/loans/{loan_id}/promises/{promise_id}/cancel")
async def cancel_promise(loan_id: str, promise_id: str, work: CurrentWork, actor: CurrentActor) -> PromiseOut:
    """Take a promise back before its day."""
    loan = await _own(work, actor.id, loan_id)
    return promise_out(await promise_service.cancel(work, LoanId(loan.id), known_id(promise_id, "prom")))


@router.post("/loans/{loan_id}/hardship", status_code=201)
async def ask_for_help(loan_id: str, body: HelpIn, work: CurrentWork, actor: CurrentActor) -> HelpOut:
    """Ask for help. A person answers; until then nobody reminds or collects."""
    loan = await _own(work, actor.id, loan_id)
    return help_out(work, await help_service.ask(work, LoanId(loan.id), body.reason, body.proposal))


@router.get("/loans/{loan_id}/hardship")
async def list_help(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[HelpOut]:
    """What was asked for and answered, newest first."""
    loan = await _own(work, actor.id, loan_id)
    rows = await help_service.of_loan(work, loan.id)
    return Page(data=[help_out(work, row) for row in rows], has_more=False)


@router.post("/complaints", status_code=201)
async def complain(body: ComplaintIn, work: CurrentWork, actor: CurrentActor) -> ComplaintOut:
    """Complain. A person answers; until then nobody collects."""
    loan_id = None if body.loan is None else (await _own(work, actor.id, body.loan)).id
    return complaint_out(work, await complaints.file(work, BorrowerId(actor.id), body.text, loan_id))


@router.get("/complaints")
async def list_complaints(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[ComplaintOut]:
    """The borrower's complaints with our answers, newest first."""
    rows, has_more = page.cut(
        await complaints.of_borrower(work, actor.id, limit=page.limit + 1, starting_after=page.starting_after)
    )
    return Page(data=[complaint_out(work, row) for row in rows], has_more=has_more)
