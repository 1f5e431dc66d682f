"""Staff: a loan with its history, and what may be done to it: terms anew, waivers, charge-off, undoing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, Response

from refi.db.work import Work
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.loans import act_service, history
from refi.loans import service as loans
from refi.loans.act_service import Done, Wanted
from refi.loans.act_shapes_routes import (
    ActAnswer,
    ActIn,
    ActOut,
    EntryOut,
    ModificationIn,
    StaffLoanOut,
    WaiverIn,
    plans,
)
from refi.loans.acts import ActKind
from refi.loans.answers_routes import AsOf, loan_out, schedule_out
from refi.loans.books_service import acts_of, moved
from refi.loans.finding_service import any_loan
from refi.loans.history import ActNoted, Noted
from refi.loans.tables import Loan, LoanAct
from refi.staff.roles import READ_MONEY, Permission, require, require_any
from refi.web import problems
from refi.web.deps import MaybeSeen, VersionMissing, check_version, etag
from refi.web.fields import known_id
from refi.web.plans import ScheduleOut
from refi.web.route import CurrentActor, CurrentWork, StaffRoute, previews

router = APIRouter(
    prefix="/staff/v1/loans",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)
CHANGES = problems.responses(400, 409, 412, 413, 415, 428)


@router.get("/{loan_id}")
async def show(
    loan_id: str, work: CurrentWork, actor: CurrentActor, response: Response, as_of: AsOf = None
) -> StaffLoanOut:
    """A loan with its history; with ``as_of``, its balances and schedule at the end of that day."""
    require_any(actor.roles, *READ_MONEY, Permission.CHANGE_LOANS)
    loan = await any_loan(work, loan_id)
    response.headers["ETag"] = etag(loan.version)
    account = await loans.account(work, loan)
    shown = loan_out(work, loan, account, as_of)
    acts = await acts_of(work, loan)
    return StaffLoanOut(
        **shown.model_dump(),
        borrower=loan.borrower_id,
        unmet_on=loan.unmet_on,
        schedule=schedule_out(work, loan, account, as_of).data,
        acts=[ActOut.model_validate(row) for row in acts],
        history=[EntryOut.model_validate(entry) for entry in await _history(work, loan, acts)],
    )


@router.get("/{loan_id}/schedule")
async def schedule(loan_id: str, work: CurrentWork, actor: CurrentActor, as_of: AsOf = None) -> ScheduleOut:
    """The installments with what was paid on each, today or at the end of an earlier day."""
    require_any(actor.roles, *READ_MONEY, Permission.CHANGE_LOANS)
    loan = await any_loan(work, loan_id)
    return schedule_out(work, loan, await loans.account(work, loan), as_of)


@router.post("/{loan_id}/modifications", responses=CHANGES)
@previews
async def modify(
    loan_id: str,
    body: ModificationIn,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
    seen: MaybeSeen = None,
) -> ActAnswer:
    """Change the terms: defer, move the due day, re-age, extend. Confirm a preview with its version."""
    require(actor.roles, Permission.CHANGE_LOANS)
    wanted = Wanted(ActKind(body.type), body.arguments(), body.reason)
    return await _answer(work, seen, response, loan_id, body, wanted)


@router.post("/{loan_id}/waive", responses=CHANGES)
@previews
async def waive(
    loan_id: str,
    body: WaiverIn,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
    seen: MaybeSeen = None,
) -> ActAnswer:
    """Give up a debt; above the maker's limit a second person must agree."""
    require(actor.roles, Permission.CORRECT_MONEY)
    arguments = {"amount": body.amount, "component": body.component.value}
    if body.installment is not None:
        arguments["installment"] = body.installment
    wanted = Wanted(ActKind.WAIVE, arguments, body.reason)
    return await _answer(work, seen, response, loan_id, body, wanted)


@router.post("/{loan_id}/charge-off", responses=CHANGES)
@previews
async def charge_off(
    loan_id: str,
    body: ActIn,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
    seen: MaybeSeen = None,
) -> ActAnswer:
    """Write the loan off; always agreed to by a second person."""
    require(actor.roles, Permission.CORRECT_MONEY)
    wanted = Wanted(ActKind.CHARGE_OFF, {}, body.reason)
    return await _answer(work, seen, response, loan_id, body, wanted)


@router.post("/{loan_id}/acts/{act_id}/reverse", responses=CHANGES)
@previews
async def reverse(
    loan_id: str,
    act_id: str,
    body: ActIn,
    work: CurrentWork,
    actor: CurrentActor,
    response: Response,
    seen: MaybeSeen = None,
) -> ActAnswer:
    """Take an act back: seen from today it never happened. What takes back is not itself taken back."""
    require_any(actor.roles, Permission.CORRECT_MONEY, Permission.CHANGE_LOANS)
    wanted = Wanted(ActKind.REVERSAL, {}, body.reason, undoes=known_id(act_id, "lact"))
    return await _answer(work, seen, response, loan_id, body, wanted)


async def _answer(
    work: Work, seen: str | None, response: Response, loan_id: str, body: ActIn, wanted: Wanted
) -> ActAnswer:
    """Preview, or check the version that was seen and do it."""
    if body.preview:
        loan = await any_loan(work, loan_id)
        done = Done(await act_service.look(work, loan, wanted))
    else:
        if not seen:
            raise VersionMissing("send If-Match with the ETag that you saw")
        loan = await loans.lock(work, LoanId(known_id(loan_id, "loan")))
        check_version(seen, loan.version)
        done = await act_service.do(work, loan, wanted)
    response.headers["ETag"] = etag(loan.version)
    status: Literal["preview", "done", "awaiting_second"] = "preview" if body.preview else "done"
    return ActAnswer(
        status="awaiting_second" if done.approval is not None else status,
        loan=loan.id,
        version=loan.version,
        act=None if done.act is None else ActOut.model_validate(done.act),
        approval=None if done.approval is None else done.approval.id,
        given_up=done.seen.given_up,
        **plans(loan, done.seen),
    )


async def _history(work: Work, loan: Loan, acts: Sequence[LoanAct]) -> list[history.Entry]:
    rows = await ledger.of_loan(work, loan.id)
    noted = [
        Noted(v.id, v.kind, v.source, v.split, v.reverses, v.effective_on, row.posted_at, row.actor)
        for v, row in zip(map(moved, rows), rows, strict=True)
    ]
    done = [
        ActNoted(
            row.id, row.kind, row.arguments, row.reason, row.undoes, row.effective_on, row.at, row.actor,
            row.approved_by,
        )
        for row in acts
    ]  # fmt: skip
    return history.tell(noted, done)
