"""A payoff that did not arrive, or that nobody wants any more: call it off, or send it once more.

When a payout fails or comes back the loan is cancelled at once and the borrower made whole, so that nobody
owes for money that is not there. For some days after it may begin again under the same agreement: the
borrower names another card (or the same), or staff send it to the same payee, by two people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from refi import events
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.db.work import Work
from refi.errors import Conflict, Fault, NotFound, Refused
from refi.ids import BorrowerId, CardId, LoanId
from refi.loans import reissue_service as reissue
from refi.loans import service as loans
from refi.loans.states import LoanStatus
from refi.loans.tables import Loan, Product
from refi.payments import service as payments
from refi.payments.states import PAYOUT_MOVES, Call, PayoutStatus
from refi.payments.tables import Destination, Payout
from refi.staff import service as staff
from refi.staff.approvals import ReasonRequired
from refi.staff.roles import Permission
from refi.staff.tables import Approval
from refi.states import move
from refi.web.deps import StaleVersion, check_version, etag

ACT = "payout_again"
"""The kind of proposal that a second person answers; ``refi.runtime`` maps it to `act`."""
CALLED_OFF = ("cancelled", "withdrawn")


class PayoutUnderWay(Conflict):
    """The payout was ordered already: it can fail or come back, but not be called off."""


class NotSentAgain(Conflict):
    """This loan's payoff is not sent again; ``why`` says why. The borrower may apply anew."""


class PayeeRefused(Conflict):
    """The provider does not confirm that money can be sent there."""

    code = "card_not_payable"


class PayeeUnfit(Refused):
    """A payoff goes to a card, a micro-loan to a bank account: name that one."""


async def payouts_of(work: Work, loan_id: str) -> Sequence[Payout]:
    """The payouts of a loan, newest first."""
    rows = await work.session.scalars(
        select(Payout).where(Payout.loan_id == loan_id).order_by(Payout.id.desc())
    )
    return rows.all()


async def lock_last(work: Work, loan_id: str) -> tuple[Payout | None, Loan]:
    """The newest payout of a loan, then the loan, locked in the order in which the provider's news does."""
    payout: Payout | None = await work.session.scalar(
        select(Payout)
        .where(Payout.loan_id == loan_id)
        .order_by(Payout.id.desc())
        .limit(1)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return payout, await loans.lock(work, LoanId(loan_id))


def call_off(payout: Payout | None, loan: Loan, reason: str) -> None:
    """Stop a payout that the provider does not know yet. Raises `PayoutUnderWay` when it may know it."""
    if loan.status is LoanStatus.PENDING_DISBURSEMENT and payout is not None:
        if payout.call is not Call.PLANNED or payout.attempts:
            raise PayoutUnderWay("the payout was ordered already", allowed=[])
        payout.status = move(PAYOUT_MOVES, payout.status, PayoutStatus.FAILED)
        payout.call, payout.reason = Call.REFUSED, reason


async def withdraw(work: Work, borrower_id: BorrowerId, loan_id: LoanId) -> Loan:
    """The borrower takes the signature back before anything was paid out; nothing is owed.

    Raises `PayoutUnderWay`, and `LoanNotActive` for a loan that was paid out or cancelled.
    """
    await loans.own(work, borrower_id, loan_id)
    payout, loan = await lock_last(work, loan_id)
    call_off(payout, loan, "withdrawn")
    await loans.cancel(work, loan, "withdrawn")
    return loan


async def send_to(
    work: Work, borrower_id: BorrowerId, loan_id: LoanId, card: str | None, account: str | None
) -> Payout:
    """The borrower names where the payoff shall go that failed or came back: another card, or the same again.

    Raises `NotSentAgain`, `PayeeUnfit`, `PayeeRefused`, `NotFound`.
    """
    await borrowers.lock(work, borrower_id)
    await loans.own(work, borrower_id, loan_id)
    last, loan = await lock_last(work, loan_id)
    destination, token = await _payee(work, borrower_id, loan.product, card, account)
    return await _send_again(work, last, loan, destination, token)


async def _payee(
    work: Work, borrower_id: BorrowerId, product: Product, card: str | None, account: str | None
) -> tuple[Destination, str]:
    if product is Product.CARD_REFINANCE:
        if card is None or account is not None:
            raise PayeeUnfit("a payoff goes to a card", faults=[Fault("/card", "missing")])
        chosen = await cards.own_card(work, borrower_id, CardId(card))
        if not chosen.payable:
            raise PayeeRefused("the provider does not confirm that this card can be paid")
        return Destination.CARD, chosen.token
    if account is None or card is not None:
        raise PayeeUnfit("this loan goes to a bank account", faults=[Fault("/bank_account", "missing")])
    owned = await borrowers.bank_account(work, borrower_id, account)
    if not owned.verified:
        raise PayeeRefused("the provider does not confirm that this account is yours")
    return Destination.BANK_ACCOUNT, owned.token


async def _send_again(
    work: Work, last: Payout | None, loan: Loan, destination: Destination, token: str
) -> Payout:
    await _require_again(work, last, loan)
    await reissue.begin_again(work, loan)
    payout = await payments.order_payout(work, loan, destination, token)
    work.announce(events.PayoutOrderedAgain(payout.id, loan.borrower_id, loan.id))
    return payout


async def _require_again(work: Work, last: Payout | None, loan: Loan) -> None:
    """`NotSentAgain` unless the loan was cancelled by its payout, lately, and nothing came in its place."""
    if why := await _why_not(work, last, loan):
        raise NotSentAgain("this payoff is not sent again", why=why, allowed=[])


async def _why_not(work: Work, last: Payout | None, loan: Loan) -> str | None:
    failed = last is not None and last.status in (PayoutStatus.FAILED, PayoutStatus.RETURNED)
    if loan.status is not LoanStatus.CANCELLED or last is None or not failed:
        return "payout_not_failed"
    if last.reason in CALLED_OFF and last.status is PayoutStatus.FAILED:
        return "called_off"
    if work.on > last_day(loan.closed_on or work.on, work.policy.payments.payout_again_days):
        return "too_late"
    if loan.acts:
        return "changed_since"
    if await reissue.replaced(work, loan):
        return "replaced"
    owed = await loans.exposure(work, BorrowerId(loan.borrower_id))
    return "exposure_limit" if owed + loan.principal > work.policy.underwriting.exposure_limit else None


def last_day(closed_on: date, days: int) -> date:
    """The last day on which a payoff that did not arrive may be sent once more."""
    return closed_on + timedelta(days=days)


async def propose_again(work: Work, loan_id: str, reason: str, seen: str) -> Approval:
    """Staff want the payoff sent once more to the same payee; a second person has to agree."""
    if not reason.strip():
        raise ReasonRequired("say why", faults=[Fault("/reason", "blank")])
    borrower_id = await _borrower_of(work, loan_id)
    await borrowers.lock(work, borrower_id)
    last, loan = await lock_last(work, loan_id)
    check_version(seen, loan.version)
    await _require_again(work, last, loan)
    if await staff.pending(work, ACT, loan.id) is not None:
        raise NotSentAgain("a second person is asked already", why="proposed", allowed=[])
    said: dict[str, Any] = {"reason": reason}
    return await staff.propose(
        work,
        ACT,
        loan.id,
        said,
        version_seen=loan.version,
        permission=Permission.SECOND_MONEY,
        amount=loan.principal,
    )


async def _borrower_of(work: Work, loan_id: str) -> BorrowerId:
    loan = await work.session.get(Loan, loan_id)
    if loan is None:
        raise NotFound("no such loan")
    return BorrowerId(loan.borrower_id)


async def lock_subject(work: Work, approval: Approval) -> None:
    """Borrower, payout and loan are locked before the proposal about them."""
    await borrowers.lock(work, await _borrower_of(work, approval.subject))
    await lock_last(work, approval.subject)


async def carry_out(work: Work, approval: Approval) -> None:
    """The second person agrees: the payoff goes to where it went before."""
    last, loan = await lock_last(work, approval.subject)
    if last is None or loan.version != approval.version_seen:
        raise StaleVersion("the loan has changed since it was proposed", current=etag(loan.version))
    await _send_again(work, last, loan, last.destination, last.token)


async def lay_down(work: Work, approval: Approval) -> None:
    """The second person disagrees: the loan stays cancelled; the answer is in the record of acts."""
    await staff.record(work, "payout_again_declined", approval.subject, {"approval": approval.id})


act = staff.Act(lock_subject, carry_out, lay_down)
