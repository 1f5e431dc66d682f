"""Staff: the worklist of late loans, one case, and what is done in it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from refi.collections import case_service, complaint_service, help_service, promise_service
from refi.collections.case_answers_routes import (
    AnswerIn,
    CaseOut,
    ContactIn,
    ContactOut,
    FullCaseOut,
    HelpAnswerIn,
    HoldIn,
    HoldOut,
    LiftIn,
    case_out,
    contact_out,
    full_case_out,
    hold_out,
)
from refi.collections.cases import case_of
from refi.collections.requests import HelpStatus
from refi.collections.routes import (
    ComplaintOut,
    HelpIn,
    HelpOut,
    PromiseIn,
    PromiseOut,
    complaint_out,
    help_out,
    promise_out,
)
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId, LoanId
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.loans.tables import Loan
from refi.notifications import contact_service
from refi.staff import service as staff
from refi.staff.roles import Permission, require
from refi.web import problems
from refi.web.deps import CurrentPage
from refi.web.fields import Page, known_id
from refi.web.route import CurrentActor, CurrentWork, StaffRoute, writes

router = APIRouter(
    prefix="/staff/v1",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)
CHANGES = problems.responses(400, 409, 413, 415)


@router.get("/worklist")
async def worklist(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[CaseOut]:
    """Late loans, the latest first, each with whether its borrower may be contacted now."""
    require(actor.roles, Permission.READ_CASES)
    after = known_id(page.starting_after, "case") if page.starting_after else None
    rows, has_more = page.cut(await case_service.worklist(work, limit=page.limit + 1, after=after))
    return Page(data=[case_out(work, row) for row in rows], has_more=has_more)


@router.get("/cases/{case_id}")
@writes
async def show(case_id: str, work: CurrentWork, actor: CurrentActor) -> FullCaseOut:
    """Everything about a case: debt, promises, holds, requests, contacts. The look is recorded."""
    require(actor.roles, Permission.READ_CASES)
    loan = await _loan(work, case_id)
    await staff.record(work, "case_viewed", case_of(loan.id), {"borrower": loan.borrower_id})
    return await full_case_out(work, await case_service.get(work, loan))


@router.get("/cases/{case_id}/contacts")
async def contacts(
    case_id: str, work: CurrentWork, actor: CurrentActor, page: CurrentPage
) -> Page[ContactOut]:
    """What was done in a case, and what was refused, newest first."""
    require(actor.roles, Permission.READ_CASES)
    loan = await _loan(work, case_id)
    after = known_id(page.starting_after, "ctc") if page.starting_after else None
    rows, has_more = page.cut(
        await contact_service.log_of_case(work, case_of(loan.id), limit=page.limit + 1, starting_after=after)
    )
    return Page(data=[contact_out(*row) for row in rows], has_more=has_more)


@router.post("/cases/{case_id}/contacts", status_code=201, responses=CHANGES, response_model=ContactOut)
async def log_contact(
    case_id: str, body: ContactIn, request: Request, work: CurrentWork, actor: CurrentActor
) -> ContactOut | Response:
    """Log a contact. One that policy forbids is refused and logged so: 403 with `rule` and `retry_at`."""
    require(actor.roles, Permission.WORK_CASES)
    loan = await _loan(work, case_id)
    asked_for = body.answers is not None and await _asked(work, loan, body.answers)
    logged = await case_service.log_contact(work, loan, body.made(work.policy, asked_for=asked_for))
    verdict = logged.verdict
    if verdict.allowed:
        return contact_out(logged.entry, body.note, logged.hold)
    retry = None if verdict.retry_at is None else verdict.retry_at.isoformat().replace("+00:00", "Z")
    facts = {
        "rule": verdict.rules[0],
        "rules": list(verdict.rules),
        "retry_at": retry,
        "policy_version": verdict.policy_version,
        "contact": logged.entry.id,
    }
    # answered, not raised: the refusal stands in the log, so the transaction commits
    return problems.problem(
        request, 403, "contact_blocked", f"policy forbids it: {', '.join(verdict.rules)}", facts=facts
    )


async def _asked(work: Work, loan: Loan, asked: str) -> bool:
    """Whether ``asked`` is something that this borrower asked and that waits for an answer."""
    if asked.startswith("hard_"):
        waiting = await help_service.waiting(work, loan.id)
        if waiting is not None and waiting.id == asked:
            return True
    elif asked.startswith("cmp_"):
        row = await complaint_service.get(work, known_id(asked, "cmp"))
        if row.borrower_id == loan.borrower_id and row.answered_at is None:
            return True
    raise NotFound("the borrower asked nothing of that name, or it is answered")


@router.post("/cases/{case_id}/promises", status_code=201, responses=CHANGES)
async def promise(case_id: str, body: PromiseIn, work: CurrentWork, actor: CurrentActor) -> PromiseOut:
    """Write down what the borrower promised."""
    require(actor.roles, Permission.WORK_CASES)
    loan = await _loan(work, case_id)
    row = await promise_service.make(work, LoanId(loan.id), body.amount, body.on)
    await staff.record(work, "promise_taken", row.id, {"loan": loan.id, "amount": row.amount})
    return promise_out(row)


@router.post("/cases/{case_id}/hardship", status_code=201, responses=CHANGES)
async def ask_for_help(case_id: str, body: HelpIn, work: CurrentWork, actor: CurrentActor) -> HelpOut:
    """Write down that the borrower asks for help; contact stands still until it is answered."""
    require(actor.roles, Permission.WORK_CASES)
    loan = await _loan(work, case_id)
    row = await help_service.ask(work, LoanId(loan.id), body.reason, body.proposal)
    await staff.record(work, "help_asked", row.id, {"loan": loan.id})
    return help_out(work, row)


@router.post("/cases/{case_id}/hardship/answer", responses=CHANGES)
async def answer_help(case_id: str, body: HelpAnswerIn, work: CurrentWork, actor: CurrentActor) -> HelpOut:
    """Answer the request that waits: agreed or refused; the borrower reads the words, and the hold ends."""
    require(actor.roles, Permission.CHANGE_LOANS)
    loan = await _loan(work, case_id)
    waiting = await help_service.waiting(work, loan.id)
    if waiting is None:
        raise NotFound("no request for help waits in this case")
    return help_out(work, await help_service.answer(work, waiting.id, HelpStatus(body.outcome), body.text))


@router.post("/cases/{case_id}/hold", status_code=201, responses=CHANGES)
async def hold(case_id: str, body: HoldIn, work: CurrentWork, actor: CurrentActor) -> HoldOut:
    """Stop contact: at once for as long as one person may decide, the rest waits for a second."""
    require(actor.roles, Permission.WORK_CASES)
    loan = await _loan(work, case_id)
    placed = await hold_service.place_by_staff(
        work,
        BorrowerId(loan.borrower_id),
        HoldKind(body.kind),
        body.reason,
        loan_id=loan.id,
        until=body.until,
    )
    return hold_out(work, placed.hold, placed.approval_id)


@router.post("/cases/{case_id}/holds/{hold_id}/lift", responses=CHANGES)
async def lift(case_id: str, hold_id: str, body: LiftIn, work: CurrentWork, actor: CurrentActor) -> HoldOut:
    """End a hold before its day, with a reason; a lead does."""
    require(actor.roles, Permission.CHANGE_LOANS)
    loan = await _loan(work, case_id)
    row = await hold_service.get(work, known_id(hold_id, "hold"))
    if row.borrower_id != loan.borrower_id or row.loan_id not in (None, loan.id):
        raise NotFound("no such hold")
    lifted = await hold_service.lift(work, row.id, body.reason)
    await staff.record(work, "hold_lifted", row.id, {"kind": row.kind.value, "reason": body.reason})
    return hold_out(work, lifted)


@router.get("/complaints")
async def complaints(work: CurrentWork, actor: CurrentActor, page: CurrentPage) -> Page[ComplaintOut]:
    """Complaints that wait for an answer, oldest first."""
    require(actor.roles, Permission.READ_CASES)
    after = known_id(page.starting_after, "cmp") if page.starting_after else None
    rows, has_more = page.cut(
        await complaint_service.unanswered(work, limit=page.limit + 1, starting_after=after)
    )
    return Page(data=[complaint_out(work, row) for row in rows], has_more=has_more)


@router.post("/complaints/{complaint_id}/answer", responses=CHANGES)
async def answer_complaint(
    complaint_id: str, body: AnswerIn, work: CurrentWork, actor: CurrentActor
) -> ComplaintOut:
    """Answer a complaint: the borrower reads the words, and its hold ends. A lead does."""
    require(actor.roles, Permission.CHANGE_LOANS)
    row = await complaint_service.answer(work, known_id(complaint_id, "cmp"), body.text)
    return complaint_out(work, row)


async def _loan(work: Work, case_id: str) -> Loan:
    return await case_service.find(work, known_id(case_id, "case"))
