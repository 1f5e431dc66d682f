"""Contacts: one lock and one judgement for machine and human, and the log of what people did.

Whoever contacts a borrower takes the borrower's turn first (`turn_service`), so counting and contacting
happen one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from refi import ids
from refi.borrowers.tables import Borrower
from refi.db.work import Work
from refi.ids import BorrowerId
from refi.notifications import contacts, facts_service, turn_service
from refi.notifications.contact_policy import Ask, Calls, Verdict, may_contact
from refi.notifications.contacts import Action, Direction, Medium, Outcome, Person, Result
from refi.notifications.facts_service import Contacted, Facts
from refi.notifications.messages import Gate
from refi.notifications.tables import ContactEntry, ContactNote


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
    about: Made,
    loan_id: str | None = None,
) -> Verdict:
    """Whether a person may contact the borrower now about that debt; call it in the borrower's turn."""
    third = about.person is Person.THIRD_PARTY
    tries = await _tries(work, BorrowerId(borrower.id)) if third else 0
    facts = await facts_service.of(work, borrower)
    return judged(work, facts, gate, channel, stops=stops, about=about, loan_id=loan_id, tries=tries)


def judged(
    work: Work,
    facts: Facts,
    gate: Gate,
    channel: str,
    *,
    stops: Mapping[str, date | None],
    about: Made,
    loan_id: str | None = None,
    tries: int = 0,
) -> Verdict:
    """The same of a borrower whose facts are known; ``tries`` to reach them, of a contact with others."""
    number = _number_index(work, facts.borrower, about)
    ask = replace(
        asked(work, facts, gate, channel, stops=stops),
        calls=_calls(facts.earlier, number, loan_id),
        person=about.person.value,
        tries=tries,
        tells_debt=about.action is not Action.PASS_MESSAGE,
    )
    return may_contact(work.policy.contact, work.policy.version, ask)


def asked(
    work: Work,
    facts: Facts,
    gate: Gate,
    channel: str,
    *,
    stops: Mapping[str, date | None],
    at: datetime | None = None,
    planned: Sequence[datetime] = (),
) -> Ask:
    """The gate's question about a contact now, with all that machine and human have in common.

    A preview asks about the instant ``at``, when the SMS and push of ``planned`` will have been sent.
    """
    return Ask(
        gate=gate.value,
        channel=channel,
        at=at or work.now,
        zone=ZoneInfo(facts.borrower.time_zone),
        earlier=[*planned, *facts.capped(work.policy.contact.exempt)],
        consents=facts.consents,
        withdrawn=facts.withdrawn,
        stops=stops,
        opted_out=facts.wants.opted_out,
        quiet=facts.wants.quiet,
    )


def _calls(earlier: Sequence[Contacted], number: str, loan_id: str | None) -> Calls:
    """Calls by what they count for. A conversation counts whoever called; a cap, only what we dialed."""
    phone = [row for row in earlier if row.channel == Medium.PHONE.value]
    dialed = [row for row in phone if row.direction == Direction.OUT.value]

    def instants(rows: Sequence[Contacted]) -> list[datetime]:
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
