"""The events of a life, each one transaction of the service's own functions, under its key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from refi import events
from refi.db.tables import EventRow
from refi.db.work import SYSTEM, Actor, Database, Work
from refi.ids import BorrowerId, CardId, LoanId, PaymentId
from refi.loans import act_service, hold_service
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.act_service import Wanted
from refi.loans.acts import ActKind
from refi.loans.holds import HoldKind
from refi.loans.tables import Product
from refi.payments import (
    autopay_jobs,
    autopay_service,
    correction_service,
    handlers,
    jobs,
    news_service,
    payout_service,
    suspense_act_service,
    suspense_service,
)
from refi.payments import service as payments
from refi.payments.provider_events import ProviderEvent
from refi.payments.suspense import Remedy
from refi.payments.tables import Destination, SourceType
from refi.runtime import ACTS
from refi.schedules.amortization import schedule
from refi.schedules.contract import Mode
from refi.staff import service as staff
from refi.staff.approvals import ApprovalStatus
from refi.web.deps import etag
from tests.loans.lives.bank import Bank
from tests.loans.lives.choosing import Choice
from tests.loans.lives.looking import Look

KINDS = sorted(ACTS)
WHY = "by chance"
AT_ONCE = timedelta(0)
PROVIDER = Actor("provider", "payments")


@dataclass(frozen=True)
class Lane:
    """A borrower whose loans are lived one after the other."""

    number: int
    borrower: BorrowerId
    account: str
    card: str
    card_token: str


@dataclass(frozen=True)
class Doing:
    """One event under way: its lane, the loan as it was seen, what was chosen, and the bank's news."""

    lane: Lane
    key: str
    seen: Look | None
    said: dict[str, Any]
    news: ProviderEvent | None

    @property
    def loan(self) -> LoanId:
        """The loan that it is about."""
        assert self.seen is not None
        return LoanId(self.seen.stored.id)


@dataclass(frozen=True)
class People:
    """Two leads: what one proposes the other may agree to."""

    lead: Actor
    other: Actor


def actor_of(choice: Choice, people: People, lane: Lane) -> Actor:
    """Who does it."""
    if choice.name in ("act", "reverse", "cancel", "propose_again", "hold", "lift", "mend"):
        return people.lead
    if choice.name == "answer":
        return people.other
    if choice.name in ("debit", "announce", "withdraw", "send_again", "mandate", "revoke"):
        return Actor("borrower", lane.borrower)
    return PROVIDER if choice.bank else SYSTEM


async def _sign(work: Work, it: Doing) -> str:
    said = it.said
    terms = terms_of(
        work.policy.product,
        principal=said["principal"],
        term=said["term"],
        annual_rate=Decimal(said["rate"]),
        monthly_fee_rate=Decimal(said["fee"]),
    )
    signed = loans.Signed(f"off_{it.key}", "0" * 64, {})
    plan = schedule(terms, work.on)
    loan = await loans.open_loan(work, it.lane.borrower, Product.CARD_REFINANCE, plan, signed)
    await payments.order_payout(work, loan, Destination.CARD, it.lane.card_token)
    if said["autopay"] is not None:
        await autopay_service.set_mandate(
            work, it.lane.borrower, LoanId(loan.id), it.lane.account, said["autopay"]
        )
    return "signed"


async def _news(work: Work, it: Doing) -> str:
    assert it.news is not None
    await news_service.book_news(work, it.news)
    return it.news.type.value


async def _debit(work: Work, it: Doing) -> str:
    mode = Mode(it.said["mode"])
    await payments.start(
        work, it.lane.borrower, it.loan, it.said["amount"], SourceType.BANK_DEBIT, mode, it.lane.account
    )
    return f"debit ordered ({mode.value})"


async def _announce(work: Work, it: Doing) -> str:
    await payments.start(
        work, it.lane.borrower, it.loan, it.said["amount"], SourceType.TRANSFER, Mode(it.said["mode"])
    )
    return "transfer announced"


async def _act(work: Work, it: Doing) -> str:
    loan = await loans.lock(work, it.loan)
    wanted = Wanted(ActKind(it.said["kind"]), it.said["arguments"], WHY, undoes=it.said.get("undoes"))
    done = await act_service.do(work, loan, wanted)
    return it.said["kind"] + (" proposed" if done.approval is not None else "")


async def _answer(work: Work, it: Doing) -> str:
    to = ApprovalStatus.APPROVED if it.said["yes"] else ApprovalStatus.REJECTED
    row = await staff.answer(work, it.said["approval"], to, WHY, ACTS[it.said["kind"]])
    return f"{row.kind} {to.value}"


async def _reverse(work: Work, it: Doing) -> str:
    done = await correction_service.reverse(work, PaymentId(it.said["payment"]), WHY, None)
    return "payment reversal" + (" proposed" if done.approval is not None else "")


async def _cancel(work: Work, it: Doing) -> str:
    assert it.seen is not None
    await correction_service.cancel(work, it.loan, WHY, etag(it.seen.version))
    return "cancelled by staff"


async def _withdraw(work: Work, it: Doing) -> str:
    await payout_service.withdraw(work, it.lane.borrower, it.loan)
    return "withdrawn by the borrower"


async def _send_again(work: Work, it: Doing) -> str:
    await payout_service.send_to(work, it.lane.borrower, it.loan, CardId(it.lane.card), None)
    return "payoff sent again"


async def _propose_again(work: Work, it: Doing) -> str:
    assert it.seen is not None
    await payout_service.propose_again(work, it.loan, WHY, etag(it.seen.version))
    return "payout_again proposed"


async def _hold(work: Work, it: Doing) -> str:
    until = date.fromisoformat(it.said["until"])
    kind = HoldKind(it.said["kind"])
    await hold_service.place_by_staff(work, it.lane.borrower, kind, WHY, loan_id=it.loan, until=until)
    return "hold placed"


async def _lift(work: Work, it: Doing) -> str:
    await hold_service.lift(work, it.said["hold"], WHY)
    return "hold lifted"


async def _mandate(work: Work, it: Doing) -> str:
    await autopay_service.set_mandate(work, it.lane.borrower, it.loan, it.lane.account, it.said["offset"])
    return "autopay agreed"


async def _revoke(work: Work, it: Doing) -> str:
    await autopay_service.revoke(work, it.lane.borrower, it.loan)
    return "autopay revoked"


async def _mend(work: Work, it: Doing) -> str:
    row = await suspense_service.lock(work, it.said["item"])
    remedy = Remedy(it.said["remedy"])
    matched = it.loan if remedy is Remedy.MATCH else None
    row = await suspense_act_service.mend(work, row, suspense_act_service.Said(remedy, WHY, matched))
    return f"suspense {remedy.value}: {row.status.value}"


async def _errands(work: Work, it: Doing) -> str:
    return "errands"


DO: dict[str, Callable[[Work, Doing], Awaitable[str]]] = {
    "sign": _sign,
    "news": _news,
    "transfer": _news,
    "debit": _debit,
    "announce": _announce,
    "act": _act,
    "answer": _answer,
    "reverse": _reverse,
    "cancel": _cancel,
    "withdraw": _withdraw,
    "send_again": _send_again,
    "propose_again": _propose_again,
    "hold": _hold,
    "lift": _lift,
    "mandate": _mandate,
    "revoke": _revoke,
    "mend": _mend,
    "errands": _errands,
}


async def send(database: Database, bank: Bank, order_id: str, seen: Look) -> None:
    """What a worker does about an order that is not sent, or whose answer is missing."""
    calls = {row.id: row.call for row in (*seen.payouts, *seen.payments, *seen.refunds)}
    if calls[order_id] == "planned":
        await jobs.send_order(database, bank, order_id)
    else:
        await jobs.resolve_order(database, bank, order_id, AT_ONCE)


async def order_debits(database: Database, seen: Look) -> None:
    """What a worker does on a morning on which autopay is due."""
    await autopay_jobs.order_debits(database, seen.on, seen.stored.id, seen.stored.id)


async def set_aside(database: Database, seen: Look) -> None:
    """What a worker does when it hears that a loan has set money aside: the event may come twice."""
    async with database.work(SYSTEM) as work:
        raw = await work.raw()
        rows = await raw.fetch(
            "SELECT id FROM events WHERE subject = $1 AND type = 'MoneySetAside' ORDER BY id", seen.stored.id
        )
        for each in rows:
            row = await work.session.get_one(EventRow, each["id"])
            await handlers.money_set_aside(work, events.load(row.type, row.body))
