"""Staff reads evidence: an income is verified, and the engine looks again."""

from __future__ import annotations

from refi.applications import document_service as documents
from refi.applications import reviews
from refi.applications import service as applications
from refi.applications.tables import Application, Review
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.staff import service as staff
from refi.underwriting import income_service
from refi.underwriting.income_service import Evidence
from refi.underwriting.tables import IncomeVerification


async def verify_income(
    work: Work, review: Review, application: Application, seen: Evidence
) -> IncomeVerification:
    """Keep the income that the evidence of a locked review's application shows; the engine decides anew.

    Whoever verifies holds the review. Raises `InvalidTransition`, `ClaimedByOther`, `EvidenceRefused`, and
    `NotFound` for a document that did not come with this application.
    """
    reviews.require_open(review.status)
    reviews.require_free(review.claimed_by, review.lease_until, work.actor.id, work.now)
    for each in seen.documents:
        await documents.document(work, application.id, each)
    row = await income_service.verify(work, BorrowerId(application.borrower_id), seen)
    await applications.look_again(work, application)
    review.claimed_by = work.actor.id
    review.lease_until = reviews.lease(work.policy.underwriting.review, work.now)
    details = {"verification": row.id, "as_of": row.as_of.isoformat(), "documents": row.documents}
    await staff.record(work, "income_verified", review.id, details)
    await work.session.flush()
    return row
