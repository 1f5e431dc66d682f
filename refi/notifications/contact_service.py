"""Contacts: one lock and one judgement for machine and human, and the log of what people did.

Whoever contacts a borrower takes the borrower's turn first (`turn_service`), so counting and contacting
happen one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, null, select

from refi import ids
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import contact_policy, contacts, turn_service
from refi.notifications import preference_service as preferences
from refi.notifications.contact_policy import Ask, Calls, Verdict, may_contact
from refi.notifications.contacts import Action, Direction, Medium, Outcome, Person, Result
from refi.notifications.messages import COUNTED, Gate
from refi.notifications.tables import ContactEntry, ContactNote, Message

LOOKED_BACK = timedelta(days=contact_policy.WEEK + 2)


@dataclass(frozen=True, slots=True)
class Made:
    """What a member of staff did, or wants to do, and how it ended.

    ``number`` is a phone in E.164 when it is not the borrower's own; ``agency`` who called if not we;
    ``asked_for``: it answers what the borrower asked, so no gate stops it.
    """

    channel: Medium
    result: Result
    direction: Direction = Direction.OUT
    person: Person = Person.BORROWER
    action: Action = Action.CALL
    number: str | None = None
    agency: str | None = None
    recording: str | None = None
    note: str | None = None
    asked_for: bool = False


async def judge(
    work: Work,
    borrower: Borrower,
    gate: Gate,
    channel: str,
    *,
    stops: Mapping[str, date | None],
    about: Made | None = None,
    loan_id: str | None = None,
    at: datetime | None = None,
    planned: Sequence[datetime] = (),
) -> Verdict:
    """Whether the borrower may be contacted now; call it in the borrower's turn.

    ``about`` tells of a person's contact, ``loan_id`` which debt it is about. A preview asks about the
    instant ``at``, when the SMS and push of ``planned`` will have been sent.
    """
    borrower_id = BorrowerId(borrower.id)
    newest = await borrowers.consents(work, borrower_id)
    wants = await preferences.newest(work, borrower_id)
    earlier = await _earlier(work, borrower)
    ask = Ask(
        gate=gate.value,
        channel=channel,
        at=at or work.now,
        zone=ZoneInfo(borrower.time_zone),
        earlier=[
            *planned,
            *(row.at for row in earlier if row.channel in contact_policy.CAPPED and _capped(work, row)),
        ],
        consents=frozenset(purpose.value for purpose, row in newest.items() if row.granted),
        withdrawn=frozenset(purpose.value for purpose, row in newest.items() if not row.granted),
        stops=stops,
        opted_out=wants.opted_out,
        quiet=wants.quiet,
    )
    if about is not None:
        number = _number_index(work, borrower, about)
        ask = replace(
            ask,
            calls=_calls(earlier, number, loan_id),
            person=about.person.value,
            tries=await _tries(work, borrower_id) if about.person is Person.THIRD_PARTY else 0,
            tells_debt=about.action is not Action.PASS_MESSAGE,
        )
    return may_contact(work.policy.contact, work.policy.version, ask)


async def _earlier(work: Work, borrower: Borrower) -> Sequence[Any]:
    """What reached the borrower, or may have, in the last days: by machine and by people."""
    since = work.now - LOOKED_BACK
    sent = select(
        Message.contacted_at.label("at"), Message.channel, Message.gate, null().label("direction"),
        null().label("connected"), null().label("talked"), null().label("number_index"),
        null().label("loan_id"),
    ).where(
        Message.borrower_id == borrower.id, Message.contacted_at > since, Message.status.in_(COUNTED)
    )  # fmt: skip
    entry = ContactEntry
    made = select(
        entry.at, entry.channel, entry.gate, entry.direction, entry.connected, entry.talked,
        entry.number_index, entry.loan_id,
    ).where(
        entry.borrower_id == borrower.id, entry.at > since, entry.message_id.is_(None),
        entry.outcome == Outcome.MADE.value,
    )  # fmt: skip
    return (await work.session.execute(sent.union_all(made))).all()


def _capped(work: Work, row: Any) -> bool:
    """Whether an SMS or push counts: not what is exempt, and not what the borrower wrote to us."""
    return row.gate not in work.policy.contact.exempt and row.direction != Direction.IN.value


def _calls(earlier: Sequence[Any], number: str, loan_id: str | None) -> Calls:
    """Calls by what they count for. A conversation counts whoever called; a cap, only what we dialed."""
    phone = [row for row in earlier if row.channel == Medium.PHONE.value]
    dialed = [row for row in phone if row.direction == Direction.OUT.value]

    def instants(rows: Sequence[Any]) -> list[datetime]:
        return [row.at for row in rows]

    return Calls(
        connected=instants([row for row in dialed if row.connected]),
        unanswered=instants([row for row in dialed if not row.connected and row.number_index == number]),
        about_debt=instants([row for row in dialed if row.loan_id == loan_id]),
        conversations=instants([row for row in phone if row.talked and row.loan_id == loan_id]),
    )


async def _tries(work: Work, borrower_id: BorrowerId) -> int:
    """Tries to reach the borrower since they were last reached."""
    mine = (ContactEntry.borrower_id == borrower_id, ContactEntry.message_id.is_(None))
    reached = await work.session.scalar(
        select(func.max(ContactEntry.at)).where(*mine, ContactEntry.talked.is_(True))
    )
    tried = select(func.count()).where(
        *mine,
        ContactEntry.outcome == Outcome.MADE.value,
        ContactEntry.direction == Direction.OUT,
        ContactEntry.person != Person.THIRD_PARTY,
    )
    if reached is not None:
        tried = tried.where(ContactEntry.at > reached)
    return int(await work.session.scalar(tried) or 0)


def _number_index(work: Work, borrower: Borrower, made: Made) -> str:
    """The digest of the number that was dialed; the borrower's own unless another is named."""
    return borrower.phone_index if made.number is None else work.vault.index("phone", made.number)


async def log_contact(
    work: Work,
    borrower: Borrower,
    made: Made,
    *,
    case_id: str,
    loan_id: str,
    stops: Mapping[str, date | None],
) -> tuple[ContactEntry, Verdict]:
    """Judge a person's contact and log it: ``made``, or ``refused`` with every rule that forbids it.

    What the borrower begins is never refused. The caller answers a refusal and must commit it.
    """
    await turn_service.take(work, borrower.id)
    gate = Gate.REQUESTED_NOTICE if made.asked_for else Gate.COLLECTION
    verdict = Verdict((), work.policy.version)
    if made.direction is Direction.OUT:
        verdict = await judge(
            work, borrower, gate, made.channel.value, stops=stops, about=made, loan_id=loan_id
        )
    entry = ContactEntry(
        id=ids.new("ctc"),
        borrower_id=borrower.id,
        channel=made.channel.value,
        gate=gate,
        outcome=(Outcome.MADE if verdict.allowed else Outcome.REFUSED).value,
        rules=",".join(verdict.rules) or None,
        policy_version=verdict.policy_version,
        on=work.on,
        at=work.now,
        actor=str(work.actor),
        case_id=case_id,
        loan_id=loan_id,
        direction=made.direction,
        person=made.person,
        action=made.action,
        result=made.result,
        connected=verdict.allowed and contacts.connected(made.channel, made.result),
        talked=verdict.allowed and contacts.talked(made.person, made.result),
        agency=made.agency,
        number_index=_number_index(work, borrower, made),
        recording=made.recording,
        note_digest=None if made.note is None else work.vault.index("contact_note", made.note),
        retry_at=verdict.retry_at,
    )
    work.session.add(entry)
    await work.session.flush()
    if made.note is not None:
        work.session.add(ContactNote(contact_id=entry.id, note_sealed=work.vault.seal(made.note)))
        await work.session.flush()
    return entry, verdict


async def log_of_case(
    work: Work, case_id: str, *, limit: int, starting_after: str | None = None
) -> Sequence[tuple[ContactEntry, str | None]]:
    """What was done in a case, newest first, each with its note."""
    query = (
        select(ContactEntry, ContactNote.note_sealed)
        .outerjoin(ContactNote, ContactNote.contact_id == ContactEntry.id)
        .where(ContactEntry.case_id == case_id)
        .order_by(ContactEntry.id.desc())
        .limit(limit)
    )
    if starting_after is not None:
        query = query.where(ContactEntry.id < starting_after)
    rows = (await work.session.execute(query)).all()
    return [(row, work.vault.open(note) if note else None) for row, note in rows]
