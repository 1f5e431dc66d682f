"""Evidence for applications: kept sealed, shown to the borrower and to reviewers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from refi import ids
from refi.applications import service as applications
from refi.applications.states import UNDECIDED, ApplicationStatus
from refi.applications.tables import Document
from refi.db.work import Work
from refi.errors import NotFound
from refi.ids import BorrowerId
from refi.states import InvalidTransition


@dataclass(frozen=True, slots=True)
class Evidence:
    """A document as it came in."""

    kind: str
    name: str
    content_type: str
    content: bytes


async def add_document(
    work: Work, borrower_id: BorrowerId, application_id: str, evidence: Evidence
) -> Document:
    """Keep evidence for an application that is not decided, or that was declined; sealed at rest."""
    application = await applications.lock_own(work, borrower_id, application_id)
    takes = {*UNDECIDED, ApplicationStatus.DECLINED}
    if application.status not in takes:
        raise InvalidTransition(
            f"an application that is {application.status.value} takes no documents", allowed=[]
        )
    row = Document(
        id=ids.new("doc"),
        application_id=application.id,
        kind=evidence.kind,
        content_type=evidence.content_type,
        name_sealed=work.vault.seal(evidence.name),
        content_sealed=work.vault.seal(base64.b64encode(evidence.content).decode()),
        size=len(evidence.content),
        sha256=hashlib.sha256(evidence.content).hexdigest(),
        created_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def documents_of(work: Work, application_id: str) -> Sequence[Document]:
    """Evidence of one application, newest first."""
    rows = await work.session.scalars(
        select(Document).where(Document.application_id == application_id).order_by(Document.id.desc())
    )
    return rows.all()


async def document(work: Work, application_id: str, document_id: str) -> Document:
    """One piece of evidence of that application, or `NotFound`."""
    row = await work.session.get(Document, document_id)
    if row is None or row.application_id != application_id:
        raise NotFound("no such document")
    return row
