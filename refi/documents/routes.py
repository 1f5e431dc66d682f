"""The documents of a loan as PDF, for the borrower and for staff."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from refi.db.work import Work
from refi.documents import pdf_service as pdf
from refi.documents import service as documents
from refi.documents.layout import DocumentKind
from refi.ids import BorrowerId, LoanId
from refi.loans import service as loans
from refi.loans.finding_service import any_loan
from refi.loans.tables import Loan
from refi.staff import service as staff
from refi.staff.roles import READ_MONEY, require_any
from refi.web import problems
from refi.web.fields import BusinessDate, Out, Page, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, StaffRoute, writes

router = APIRouter(
    prefix="/v1/loans/{loan_id}/documents",
    tags=["loans"],
    route_class=BorrowerRoute,
    responses=problems.responses(401, 404, 409, 422, 503),
)
staff_router = APIRouter(
    prefix="/staff/v1/loans/{loan_id}/documents",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 409, 422, 503),
)

Kind = Annotated[DocumentKind, Path(description="which document")]
Tongue = Annotated[Literal["zh-CN", "en"] | None, Query(description="the borrower's own, if none is named")]
AsOf = Annotated[
    BusinessDate | None,
    Query(description="a statement as it was booked by the end of that day; today, if none is named"),
]
AS_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}


class DocumentOut(Out):
    """A document of the loan; ``ready`` when it can be fetched at ``url``, ``dated`` of which day it is."""

    kind: DocumentKind
    ready: bool
    dated: BusinessDate | None
    url: str


@router.get("")
async def list_documents(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[DocumentOut]:
    """The documents of the loan, and which of them there are by now."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    return _listed(work, loan, "/v1")


@router.get("/{kind}", response_class=Response, responses=AS_PDF)
async def show(
    loan_id: str,
    kind: Kind,
    work: CurrentWork,
    actor: CurrentActor,
    locale: Tongue = None,
    as_of: AsOf = None,
) -> Response:
    """A document as PDF: the same record makes the same bytes."""
    loan = await loans.own(work, BorrowerId(actor.id), LoanId(known_id(loan_id, "loan")))
    return await _drawn(work, loan, kind, locale, as_of)


@staff_router.get("")
async def staff_list(loan_id: str, work: CurrentWork, actor: CurrentActor) -> Page[DocumentOut]:
    """The documents of a loan, and which of them there are by now."""
    require_any(actor.roles, *READ_MONEY)
    return _listed(work, await any_loan(work, loan_id), "/staff/v1")


@staff_router.get("/{kind}", response_class=Response, responses=AS_PDF)
@writes
async def staff_show(
    loan_id: str,
    kind: Kind,
    work: CurrentWork,
    actor: CurrentActor,
    locale: Tongue = None,
    as_of: AsOf = None,
) -> Response:
    """A document as PDF; that somebody looked is recorded."""
    require_any(actor.roles, *READ_MONEY)
    loan = await any_loan(work, loan_id)
    await staff.record(work, "document_viewed", loan.id, {"kind": kind.value})
    return await _drawn(work, loan, kind, locale, as_of)


def _listed(work: Work, loan: Loan, base: str) -> Page[DocumentOut]:
    return Page(
        data=[
            DocumentOut(
                kind=each.kind,
                ready=each.ready,
                dated=each.dated,
                url=f"{base}/loans/{loan.id}/documents/{each.kind.value}",
            )
            for each in documents.available(work, loan)
        ],
        has_more=False,
    )


async def _drawn(
    work: Work, loan: Loan, kind: DocumentKind, locale: str | None, as_of: BusinessDate | None
) -> Response:
    composed = await documents.compose(work, loan, kind, locale, as_of)
    content = await asyncio.to_thread(pdf.draw, composed)
    name = f"{kind.value}-{loan.id}-{composed.dated.isoformat()}.pdf"
    return Response(
        content, media_type="application/pdf", headers={"Content-Disposition": f'inline; filename="{name}"'}
    )
