"""Bodies of the staff's case operations, and how rows become answers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from refi.borrowers import identity
from refi.collections import complaint_service, help_service, promise_service
from refi.collections.case_service import Case
from refi.collections.routes import (
    ComplaintOut,
    HelpOut,
    PromiseOut,
    complaint_out,
    help_out,
    promise_out,
)
from refi.db.work import Work
from refi.errors import Fault
from refi.loans import hold_service
from refi.loans.holds import HoldKind
from refi.loans.states import LoanStatus
from refi.loans.tables import Hold
from refi.notifications import contact_service
from refi.notifications.contact_policy import Verdict
from refi.notifications.contact_service import Made
from refi.notifications.contacts import (
    OF_CALLS,
    OF_WRITING,
    Action,
    Direction,
    Medium,
    Outcome,
    Person,
    Result,
)
from refi.notifications.tables import ContactEntry
from refi.policies import Policy
from refi.web.fields import Body, BusinessDate, Instant, LongText, Out, Text


class ContactIn(Body):
    """A contact and how it ended. ``number`` only if it is not the borrower's own.

    ``answers`` names a request for help or a complaint of the borrower that waits: answering it is no
    collection. A third party may only be asked to pass a message (``PASS_MESSAGE``, ``MSG``).
    """

    channel: Annotated[Medium, Field(strict=False)]
    result: Annotated[Result, Field(strict=False)]
    direction: Annotated[Direction, Field(strict=False)] = Direction.OUT
    person: Annotated[Person, Field(strict=False)] = Person.BORROWER
    action: Annotated[Action, Field(strict=False)] | None = None
    number: Annotated[str, Field(pattern=r"^\+?[0-9]{5,20}$", examples=["13800138000"])] | None = None
    agency: Text | None = None
    recording: Text | None = None
    note: LongText | None = None
    answers: Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9_]+$", examples=["hard_01m8…"])] | None = (
        None
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fitting = OF_CALLS if self.channel is Medium.PHONE else OF_WRITING | (OF_CALLS - {Result.NO_ANSWER})
        if self.result not in fitting:
            raise ValueError(f"{self.result.value} is no result of {self.channel.value}")
        return self

    def made(self, policy: Policy, *, asked_for: bool) -> Made:
        """As the log wants it; a number is read as one of the market's region."""
        written = Action.CALL if self.channel is Medium.PHONE else Action.WRITE
        return Made(
            channel=self.channel,
            result=self.result,
            direction=self.direction,
            person=self.person,
            action=self.action or written,
            number=self._number(policy.market.phone_region),
            agency=self.agency,
            recording=self.recording,
            note=self.note,
            asked_for=asked_for,
        )

    def _number(self, region: str) -> str | None:
        """The number in E.164, if one is named."""
        try:
            return None if self.number is None else identity.phone_number(self.number, region)
        except identity.PhoneRefused as error:
            raise identity.PhoneRefused(error.detail, faults=[Fault("/number", "phone_invalid")]) from None


class HoldIn(Body):
    """Why contact stands still, and until when; without ``until``, until it is lifted."""

    kind: Annotated[HoldKind, Field(strict=False)]
    reason: LongText
    until: BusinessDate | None = None


class LiftIn(Body):
    """Why the hold ends."""

    reason: LongText


class AnswerIn(Body):
    """What the borrower will read."""

    text: LongText


class HelpAnswerIn(AnswerIn):
    """The answer, and what the borrower will read."""

    outcome: Literal["agreed", "refused"]


class GateOut(Out):
    """Whether a contact is lawful now; ``rules`` says why not, ``retry_at`` when it would be."""

    allowed: bool
    rules: list[str]
    retry_at: Instant | None
    policy_version: str


class HoldOut(Out):
    """A hold; ``loan`` is empty when it is about the borrower. ``approval`` waits for a second person."""

    id: str
    kind: HoldKind
    loan: str | None
    reason: str
    from_on: BusinessDate
    until: BusinessDate | None
    placed_by: str
    lifted_on: BusinessDate | None
    approval: str | None = None


class ContactOut(Out):
    """A line of the contact log; ``hold`` is what it started."""

    id: str
    case: str | None
    loan: str | None
    channel: str
    direction: Direction | None
    person: Person | None
    action: Action | None
    result: Result | None
    outcome: Outcome
    rules: list[str]
    retry_at: Instant | None
    policy_version: str
    agency: str | None
    recording: str | None
    note: str | None
    actor: str | None
    at: Instant
    hold: str | None = None


class CaseOut(Out):
    """A line of the worklist. ``stops`` names what stops contact, with its last day."""

    id: str
    loan: str
    loan_status: LoanStatus
    borrower: str
    name: str | None
    phone: str
    currency: str
    days_past_due: int
    bucket: str
    past_due: int
    balance: int
    penalties: int
    stops: dict[str, date | None]
    contact_now: dict[str, GateOut]


class FullCaseOut(CaseOut):
    """Everything about a case."""

    promises: list[PromiseOut]
    holds: list[HoldOut]
    hardship: list[HelpOut]
    complaints: list[ComplaintOut]
    contacts: list[ContactOut]


def _gate(verdict: Verdict) -> GateOut:
    return GateOut(
        allowed=verdict.allowed,
        rules=list(verdict.rules),
        retry_at=verdict.retry_at,
        policy_version=verdict.policy_version,
    )


def hold_out(work: Work, row: Hold, approval: str | None = None) -> HoldOut:
    """A hold, opened."""
    return HoldOut(
        id=row.id,
        kind=row.kind,
        loan=row.loan_id,
        reason=work.vault.open(row.reason_sealed),
        from_on=row.from_on,
        until=row.until_on,
        placed_by=row.placed_by,
        lifted_on=row.lifted_on,
        approval=approval,
    )


def contact_out(row: ContactEntry, note: str | None, hold: Hold | None = None) -> ContactOut:
    """A line of the log with its note."""
    return ContactOut(
        id=row.id,
        case=row.case_id,
        loan=row.loan_id,
        channel=row.channel,
        direction=row.direction,
        person=row.person,
        action=row.action,
        result=row.result,
        outcome=Outcome(row.outcome),
        rules=row.rules.split(",") if row.rules else [],
        retry_at=row.retry_at,
        policy_version=row.policy_version,
        agency=row.agency,
        recording=row.recording,
        note=note,
        actor=row.actor,
        at=row.at,
        hold=None if hold is None else hold.id,
    )


def case_out(work: Work, case: Case) -> CaseOut:
    """A line of the worklist; name and phone are masked."""
    name = case.borrower.name_sealed
    return CaseOut(
        id=case.id,
        loan=case.loan.id,
        loan_status=case.loan.status,
        borrower=case.borrower.id,
        name=None if name is None else identity.mask_name(work.vault.open(name)),
        phone=identity.mask_phone(work.vault.open(case.borrower.phone_sealed)),
        currency=case.loan.currency,
        days_past_due=case.days_past_due,
        bucket=case.bucket,
        past_due=case.owed.past_due,
        balance=case.owed.total,
        penalties=case.owed.penalties,
        stops=case.stops,
        contact_now={channel: _gate(verdict) for channel, verdict in case.now.items()},
    )


async def full_case_out(work: Work, case: Case) -> FullCaseOut:
    """Everything about a case: the twenty newest contacts, the rest is paged."""
    loan_id, borrower_id = case.loan.id, case.borrower.id
    return FullCaseOut(
        **case_out(work, case).model_dump(),
        promises=[promise_out(row) for row in await promise_service.of_loan(work, loan_id)],
        holds=[
            hold_out(work, row)
            for row in await hold_service.live(work, borrower_id)
            if row.loan_id in (None, loan_id)
        ],
        hardship=[help_out(work, row) for row in await help_service.of_loan(work, loan_id)],
        complaints=[
            complaint_out(work, row)
            for row in await complaint_service.of_borrower(work, borrower_id, limit=20)
        ],
        contacts=[contact_out(*row) for row in await contact_service.log_of_case(work, case.id, limit=20)],
    )
