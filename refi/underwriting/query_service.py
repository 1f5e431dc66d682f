"""Ask the bureau and the identity register, once in the lawful life of an answer, under a recorded consent.

Three steps, so that no transaction waits for a network: `open_query` records what is about to be asked and
commits, the questions go out, `record` keeps what came back. A withdrawn consent ends the use of what was
told under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy import and_, or_, select

from refi import ids
from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import Actor, Database, Work
from refi.errors import Unavailable
from refi.ids import BorrowerId
from refi.underwriting import codec
from refi.underwriting.bureau import Bureau, Identity, NoFile, Query, Report
from refi.underwriting.tables import BureauQuery

Kind = Literal["report", "identity"]
KINDS: tuple[Kind, ...] = ("report", "identity")
Answer = Report | NoFile | Identity
SHAPES: dict[str, type[Answer]] = {"Report": Report, "NoFile": NoFile, "Identity": Identity}


@dataclass(frozen=True, slots=True)
class Told:
    """What the outside told and may still be used; None where nothing is.

    ``silent``: the bureau was asked for the report just now and did not answer.
    """

    report: Report | NoFile | None
    identity: Identity | None
    silent: bool = False


async def ask(database: Database, actor: Actor, borrower_id: BorrowerId, bureau: Bureau) -> None:
    """Ask what is not known any more. Whatever goes wrong there, nothing goes wrong here: it is recorded."""
    for kind in KINDS:
        async with database.work(actor) as work:
            query = await open_query(work, borrower_id, kind)
        if query is None:
            continue
        answer: Answer | None = None
        why = None
        try:
            answer = await (bureau.report(query) if kind == "report" else bureau.identity(query))
        except Unavailable as refusal:
            why = str(refusal.facts.get("why", refusal.code))
        async with database.work(actor) as work:
            await record(work, query.reference, answer, why)
        if answer is None:
            return  # a borrower waits: who did not answer the first question is not asked the second


async def open_query(work: Work, borrower_id: BorrowerId, kind: Kind) -> Query | None:
    """Write down what is about to be asked; None without consent, name and id, or with an answer at hand."""
    borrower = await borrowers.lock(work, borrower_id)
    consent = (await borrowers.consents(work, borrower_id)).get(Purpose.BUREAU_QUERY)
    if consent is None or not consent.granted:
        return None
    if borrower.name_sealed is None or borrower.national_id_sealed is None:
        return None
    told = await usable(work, borrower_id)
    if (told.report if kind == "report" else told.identity) is not None:
        return None
    name, national_id = await borrowers.holder(work, borrower_id)
    row = BureauQuery(
        id=ids.new("bq"),
        borrower_id=borrower_id,
        consent_id=consent.id,
        kind=kind,
        asked_on=work.on,
        asked_at=work.now,
    )
    work.session.add(row)
    await work.session.flush()
    return Query(row.id, national_id, name, consent.id, work.on)


async def record(work: Work, query_id: str, answer: Answer | None, why: str | None) -> None:
    """Keep what came of a question: the answer sealed, or why there is none."""
    row = await work.session.get_one(BureauQuery, query_id, with_for_update=True)
    row.outcome = "silent" if answer is None else "answered"
    row.why, row.answered_at = why, work.now
    if answer is not None:
        rules = work.policy.underwriting
        days = rules.bureau_report_days if row.kind == "report" else rules.identity_check_days
        row.answer_sealed = work.vault.seal(_written(answer))
        row.usable_until = answer.as_of + timedelta(days=days)
    await work.session.flush()


def _written(answer: Answer) -> str:
    return codec.text({"shape": type(answer).__name__, "answer": codec.to_json(answer)})


async def usable(work: Work, borrower_id: BorrowerId) -> Told:
    """The newest answers that may be used today, under a consent that stands."""
    consent = (await borrowers.consents(work, borrower_id)).get(Purpose.BUREAU_QUERY)
    if consent is None or not consent.granted:
        return Told(None, None)
    found: dict[str, Answer] = {}
    unanswered = False
    for row in await _of_late(work, borrower_id, work.on):
        if row.answer_sealed is None:
            unanswered |= row.kind == "report"
        elif row.kind not in found:
            found[row.kind] = _read(work.vault.open(row.answer_sealed))
    report, identity = found.get("report"), found.get("identity")
    return Told(
        report if isinstance(report, (Report, NoFile)) else None,
        identity if isinstance(identity, Identity) else None,
        silent=unanswered and report is None,
    )


def _read(sealed: str) -> Answer:
    data = codec.parsed(sealed)
    if not isinstance(data, dict) or not isinstance(data["shape"], str):
        raise ValueError("not an answer of the bureau")
    answer: Answer = codec.from_json(SHAPES[data["shape"]], data["answer"])
    return answer


async def _of_late(work: Work, borrower_id: BorrowerId, on: date) -> Sequence[BureauQuery]:
    """Answers that may be used on ``on``, and questions of that day or the day before that have none."""
    unanswered = and_(BureauQuery.answer_sealed.is_(None), BureauQuery.asked_on >= on - timedelta(days=1))
    rows = await work.session.scalars(
        select(BureauQuery)
        .where(BureauQuery.borrower_id == borrower_id, or_(BureauQuery.usable_until >= on, unanswered))
        .order_by(BureauQuery.id.desc())
        .limit(10)
    )
    return rows.all()
