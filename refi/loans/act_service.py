"""Acts on loans: look at what one would do, do it, or propose it to a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from refi import events, ids
from refi.db.work import SYSTEM, Work
from refi.errors import Conflict, NotFound
from refi.ids import LoanId
from refi.ledger import service as ledger
from refi.loans import modifications
from refi.loans import service as loans
from refi.loans.acts import MODIFICATIONS, ActKind, AlreadyUndone, Happened, event_of
from refi.loans.books_service import account_of, acts_of, bring_in_line, happened
from refi.loans.modifications import Outlook
from refi.loans.states import LoanNotActive, LoanStatus
from refi.loans.tables import Loan, LoanAct
from refi.staff import service as staff
from refi.staff.approvals import ReasonRequired
from refi.staff.roles import Permission, ScopeMissing
from refi.staff.tables import Approval
from refi.web.deps import StaleVersion, etag

PROPOSALS = "loan_"
"""The kind of a proposal is this and the kind of the act."""


class ProposalWaits(Conflict):
    """The same act on this loan waits for a second person already."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants done: the act, its arguments (plain JSON values), and why."""

    kind: ActKind
    arguments: dict[str, Any]
    reason: str
    undoes: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the act, or the proposal that waits for a second person."""

    seen: Outlook
    act: LoanAct | None = None
    approval: Approval | None = None


async def look(work: Work, loan: Loan, wanted: Wanted, act_id: str | None = None) -> Outlook:
    """What the act would do to the loan today; raises what refuses it. Nothing is stored."""
    history = await acts_of(work, loan)
    _require_state(loan, wanted, history)
    act = Happened(act_id or ids.new("lact"), wanted.kind, work.on, wanted.arguments, wanted.undoes)
    event = event_of(act)
    if event is None:
        raise NotFound(f"{wanted.kind.value} is not done this way")
    account = account_of(loan, await ledger.of_loan(work, loan.id), history)
    seen = modifications.outlook(account, event, work.on)
    if wanted.kind in MODIFICATIONS:
        rules = work.policy.changes
        months = int(wanted.arguments.get("months", 0))
        modifications.check_limits(wanted.kind, months, happened(history), rules, work.on)
        modifications.check_bounds(wanted.kind, seen, rules)
        modifications.check_cap(seen, work.policy.price.all_in_cap)
    return seen


def _require_state(loan: Loan, wanted: Wanted, history: Sequence[LoanAct]) -> None:
    open_to = {LoanStatus.ACTIVE}
    if wanted.kind is ActKind.REVERSAL:
        open_to |= {LoanStatus.PAID_OFF, LoanStatus.CHARGED_OFF}
    if loan.status not in open_to:
        raise LoanNotActive(f"a loan that is {loan.status.value} takes no {wanted.kind.value}")
    if wanted.kind is not ActKind.REVERSAL:
        return
    target = next((act for act in history if act.id == wanted.undoes), None)
    if target is None:
        raise NotFound("no such act on this loan")
    if target.kind in (ActKind.REVERSAL, ActKind.PAYMENT_REVERSAL, ActKind.CANCELLATION):
        raise AlreadyUndone("what takes something back is not taken back: do it anew")
    if any(act.undoes == target.id for act in history):
        raise AlreadyUndone("the act was taken back before")


async def do(work: Work, loan: Loan, wanted: Wanted) -> Done:
    """Do it to a locked loan, or propose it where a second person must agree.

    Raises `ReasonRequired`, `LoanNotActive`, `NothingToChange`, `LimitReached`, `CapExceeded`, `OutOfBounds`,
    `AlreadyUndone` or `ProposalWaits`.
    """
    if not wanted.reason.strip():
        raise ReasonRequired("say why")
    seen = await look(work, loan, wanted)
    if not modifications.needs_second(
        wanted.kind,
        interest_free=bool(wanted.arguments.get("interest_free")),
        given_up=seen.given_up,
        alone=work.policy.changes.alone(work.actor.roles),
        rules=work.policy.changes,
    ):
        act = await perform(work, loan, wanted, by=str(work.actor))
        await staff.record(work, f"loan_{act.kind.value}", loan.id, {"act": act.id, "reason": act.reason})
        return Done(seen, act=act)
    return Done(seen, approval=await propose(work, loan, wanted, seen.given_up))


async def propose(work: Work, loan: Loan, wanted: Wanted, given_up: int) -> Approval:
    """Write the act down for a second person; `ProposalWaits` when the same is written down already."""
    kind = PROPOSALS + wanted.kind.value
    if await staff.pending(work, kind, loan.id) is not None:
        raise ProposalWaits(f"{wanted.kind.value} waits for a second person already")
    changes_terms = wanted.kind in MODIFICATIONS
    return await staff.propose(
        work,
        kind,
        loan.id,
        {
            "kind": wanted.kind.value,
            "arguments": wanted.arguments,
            "reason": wanted.reason,
            "undoes": wanted.undoes,
        },
        version_seen=loan.version,
        permission=Permission.SECOND_CHANGES if changes_terms else Permission.SECOND_MONEY,
        amount=given_up or None,
    )


async def perform(
    work: Work, loan: Loan, wanted: Wanted, *, by: str, approval: Approval | None = None
) -> LoanAct:
    """Carry the act out on a locked loan: fact, movements, schedule, status, event."""
    act_id = ids.new("lact")
    seen = await look(work, loan, wanted, act_id)
    act = Happened(act_id, wanted.kind, work.on, wanted.arguments, wanted.undoes)
    movements = await ledger.of_loan(work, loan.id)
    before = account_of(loan, movements, await acts_of(work, loan))
    event = event_of(act)
    if event is None:
        raise NotFound(f"{wanted.kind.value} is not done this way")
    settled = await bring_in_line(work, loan, movements, before, before.with_event(event))
    for payment, amount in settled.surplus.items():
        work.announce(events.MoneySetAside(loan.id, loan.borrower_id, payment, amount))
    row = await write(work, loan, act, wanted.reason, by=by, approval=approval)
    _announce(work, loan, row, seen)
    return row


async def write(
    work: Work, loan: Loan, act: Happened, reason: str, *, by: str, approval: Approval | None = None
) -> LoanAct:
    """Append the fact to the loan's acts; the loan is locked and its version is the one after the act."""
    loan.acts += 1
    row = LoanAct(
        id=act.id,
        loan_id=loan.id,
        number=loan.acts,
        kind=act.kind,
        arguments=dict(act.arguments),
        undoes=act.undoes,
        reason=reason,
        effective_on=act.on,
        at=work.now,
        actor=by,
        approved_by=None if approval is None else str(work.actor),
        approval_id=None if approval is None else approval.id,
        version=loan.version,
        policy_version=work.policy.version,
    )
    work.session.add(row)
    await work.session.flush()
    return row


def _announce(work: Work, loan: Loan, act: LoanAct, seen: Outlook) -> None:
    if act.kind in MODIFICATIONS:
        work.announce(
            events.LoanModified(loan.id, loan.borrower_id, act.id, act.kind.value, work.on, loan.version)
        )
    elif act.kind is ActKind.WAIVE:
        component = str(act.arguments["component"])
        work.announce(
            events.DebtWaived(
                loan.id, loan.borrower_id, act.id, component, seen.given_up, work.on, loan.version
            )
        )
    elif act.kind is ActKind.REVERSAL:
        undone = str(act.undoes)
        work.announce(
            events.LoanActReversed(loan.id, loan.borrower_id, act.id, undone, work.on, loan.version)
        )


async def lock_subject(work: Work, approval: Approval) -> None:
    """The loan is locked before the proposal about it."""
    await loans.lock(work, LoanId(approval.subject))


async def carry_out(work: Work, approval: Approval) -> None:
    """The second person agrees: the act happens now, unless the loan has changed since it was proposed."""
    loan = await loans.lock(work, LoanId(approval.subject))
    if loan.version != approval.version_seen:
        raise StaleVersion("the loan has changed since it was proposed", current=etag(loan.version))
    limit = work.policy.changes.second(work.actor.roles)
    if approval.amount is not None and approval.amount > limit:
        raise ScopeMissing("the amount is above your authority", limit=limit)
    said = approval.arguments
    wanted = Wanted(ActKind(said["kind"]), said["arguments"], said["reason"], said["undoes"])
    by = str(SYSTEM) if approval.maker == SYSTEM.id else f"staff:{approval.maker}"
    await perform(work, loan, wanted, by=by, approval=approval)


async def lay_down(work: Work, approval: Approval) -> None:
    """The second person disagrees: the loan stays as it is; the answer is in the record of acts.

    A charge-off that was declined is looked at anew after the days of the policy.
    """
    if approval.kind == PROPOSALS + ActKind.CHARGE_OFF.value:
        approval.again_on = work.on + timedelta(days=work.policy.delinquency.charge_off_again_days)
    await staff.record(work, "loan_act_declined", approval.subject, {"approval": approval.id})


act = staff.Act(lock_subject, carry_out, lay_down)
ACTS = {
    PROPOSALS + kind.value: act
    for kind in (*MODIFICATIONS, ActKind.WAIVE, ActKind.CHARGE_OFF, ActKind.REVERSAL)
}
"""What happens to a proposal of each kind; ``refi.runtime`` maps them."""
