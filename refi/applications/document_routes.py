"""Evidence that comes with an application: sent by the borrower, sealed, and every look of staff recorded."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from refi.applications import document_service as documents
from refi.applications import review_service
from refi.applications import service as applications
from refi.applications.tables import Document
from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.ids import BorrowerId
from refi.staff import service as staff
from refi.staff.roles import Permission, require
from refi.web import problems
from refi.web.fields import Body, Instant, Out, Page, Text, known_id
from refi.web.route import BorrowerRoute, CurrentActor, CurrentWork, StaffRoute, writes

router = APIRouter(
    prefix="/v1/applications",
    tags=["applications"],
    route_class=BorrowerRoute,
    responses=problems.responses(400, 401, 404, 409, 413, 415, 422, 503),
)
staff_router = APIRouter(
    prefix="/staff/v1/reviews",
    tags=["staff"],
    route_class=StaffRoute,
    responses=problems.responses(401, 403, 404, 422, 503),
)

LARGEST_DOCUMENT = 700_000
"""Bytes: base64 of it, with its names, stays under the megabyte that a body may have."""


class DocumentIn(Body):
    """Evidence: its bytes in base64."""

    kind: Literal["payslip", "bank_statement", "identity", "card_statement", "other"]
    name: Text
    content_type: Literal["application/pdf", "image/jpeg", "image/png"]
    content: Annotated[
        str,
        Field(min_length=4, max_length=950_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$", examples=["JVBERi0xLjQK"]),
    ]


class DocumentOut(Out):
    """Evidence as it was kept; its content is sealed."""

    id: str
    kind: str
    name: str
    content_type: str
    size: int
    sha256: str
    created_at: Instant


class DocumentRefused(Refused):
    """The content is not base64, is not what it says, or is too large."""


MAGIC = {"application/pdf": b"%PDF-", "image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}


class DocumentWithContent(DocumentOut):
    """The document with its bytes in base64."""

    content: str


@router.post("/{application_id}/documents", status_code=201)
async def add_document(
    application_id: str, body: DocumentIn, work: CurrentWork, actor: CurrentActor
) -> DocumentOut:
    """Send evidence; it is sealed at rest and every look at it is recorded."""
    evidence = documents.Evidence(body.kind, body.name, body.content_type, _content(body))
    row = await documents.add_document(work, BorrowerId(actor.id), known_id(application_id, "app"), evidence)
    return document_out(work, row)


@router.get("/{application_id}/documents")
async def list_documents(application_id: str, work: CurrentWork, actor: CurrentActor) -> Page[DocumentOut]:
    """What was sent, newest first."""
    row = await applications.own(work, BorrowerId(actor.id), known_id(application_id, "app"))
    found = await documents.documents_of(work, row.id)
    return Page(data=[document_out(work, each) for each in found], has_more=False)


def _content(body: DocumentIn) -> bytes:
    try:
        content = base64.b64decode(body.content, validate=True)
    except binascii.Error:
        raise DocumentRefused("not base64", faults=[Fault("/content", "not_base64")]) from None
    if len(content) > LARGEST_DOCUMENT:
        raise DocumentRefused("too large", faults=[Fault("/content", "too_large")], largest=LARGEST_DOCUMENT)
    if not content.startswith(MAGIC[body.content_type]):
        raise DocumentRefused("not what it says", faults=[Fault("/content_type", "mismatch")])
    return content


def document_out(work: Work, row: Document) -> DocumentOut:
    """A document as its owner and reviewers see it listed."""
    name = work.vault.open(row.name_sealed)
    fields = {each: getattr(row, each) for each in DocumentOut.model_fields if each != "name"}
    return DocumentOut.model_validate({**fields, "name": name})


@staff_router.get("/{review_id}/documents/{document_id}")
@writes
async def view(
    review_id: str, document_id: str, work: CurrentWork, actor: CurrentActor
) -> DocumentWithContent:
    """Look at a document; that somebody looked is recorded."""
    require(actor.roles, Permission.READ_REVIEWS)
    review = await review_service.get(work, known_id(review_id, "rev"))
    row = await documents.document(work, review.application_id, known_id(document_id, "doc"))
    await staff.record(work, "document_viewed", row.id, {"review": review.id})
    return DocumentWithContent(
        **document_out(work, row).model_dump(), content=work.vault.open(row.content_sealed)
    )
