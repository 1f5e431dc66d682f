"""What the ladder would send on a day: to whom, when, by which rule and channel, in which words, or why not.

Planning's own search, the claim's own question, choice of channel and gate, on the rows as they are; nothing
is stored. What happens between now and the claim (a payment, a hold, a contact) can still change it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from refi.collections import ladder
from refi.collections import planning_service as planning
from refi.collections import service as reminders
from refi.db.work import Work
from refi.errors import Fault, Refused
from refi.loans.tables import Loan
from refi.notifications import address_service, facts_service, templates
from refi.notifications import service as messages
from refi.notifications.contact_policy import CAPPED
from refi.notifications.messages import Dropped, MessageStatus, Wanted

FARTHEST = timedelta(days=366)


PLANNED_FIRST = """
    SELECT DISTINCT ON (s.loan_id, s.number, s.due_on, s.stage) s.loan_id, s.number, s.due_on, s.stage, m.id,
        m.status
    FROM message_subjects s JOIN messages m ON m.id = s.message_id
    JOIN unnest($1::text[], $2::smallint[], $3::date[], $4::text[]) AS w (loan_id, number, due_on, stage)
    ON s.loan_id = w.loan_id AND s.number = w.number AND s.due_on = w.due_on AND s.stage = w.stage
    ORDER BY s.loan_id, s.number, s.due_on, s.stage, m.id
"""


class PreviewDateRefused(Refused):
    """A preview is of the open business date or a coming one, at most a year away."""


@dataclass(frozen=True, slots=True)
class Line:
    """One message that would be, or why it would not.

    ``outcome``: ``sends``, ``later`` (not before ``at``, for ``reasons``), ``lapses`` (that would be too
    late), ``blocked`` (the rules that say no), ``dropped`` (nothing to say), ``silent`` (no rule fits, or it
    says nothing), ``unworded``, or what became of the message that was planned already.
    """

    borrower_id: str
    stage: str
    due_on: date
    ladder: str
    arm: str
    rule: str | None
    outcome: str
    installments: tuple[tuple[str, int], ...] = ()
    gate: str | None = None
    channel: str | None = None
    at: datetime | None = None
    reasons: tuple[str, ...] = ()
    template: str | None = None
    subject: str | None = None
    text: str | None = None
    message_id: str | None = None


async def preview(
    work: Work, on: date, available: Collection[str], *, limit: int, after: str = ""
) -> tuple[list[Line], str | None]:
    """The lines of the next ``limit`` borrowers after ``after``, and the last of them if there are more.

    ``available`` are the channels that are switched on. Raises `PreviewDateRefused`.
    """
    begun = _begun(work, on)
    concerned: set[str] = set()
    for each in begun:
        concerned.update(await planning.concerned(work, each.due_on, after=after, limit=limit + 1))
    page = sorted(concerned)[:limit]
    found: dict[str, list[tuple[ladder.Begun, planning.Found]]] = defaultdict(list)
    for each in begun:
        for one in await planning.find(work, each, on, page):
            found[one.borrower_id].append((each, one))
    facts = await _facts(work, [one for several in found.values() for _, one in several])
    lines = []
    for borrower_id in page:
        told: list[datetime] = []
        for each, one in found[borrower_id]:
            lines.append(await _line(work, on, available, facts, told, each, one))
    return lines, page[-1] if len(concerned) > limit else None


async def counts(work: Work, on: date, size: int = planning.CHUNK) -> Counter[tuple[str, str, str, str]]:
    """How many messages would be planned, by stage, rule, arm and first channel; asks no gate."""
    totals: Counter[tuple[str, str, str, str]] = Counter()
    for each in _begun(work, on):
        everybody = await planning.concerned(work, each.due_on)
        for first in range(0, len(everybody), size):
            for one in await planning.find(work, each, on, everybody[first : first + size]):
                channel = "none" if one.wish is None else one.wish.channel
                rule = "none" if one.rule is None else one.rule.name
                totals[each.stage.name, rule, one.case.arm, channel] += 1
    return totals


def _begun(work: Work, on: date) -> list[ladder.Begun]:
    if not work.on <= on <= work.on + FARTHEST:
        raise PreviewDateRefused(
            f"a preview is of {work.on} or a later day", faults=[Fault("/query/on", "out_of_range")]
        )
    return ladder.begun(work.policy.ladder, on)


@dataclass(frozen=True, slots=True)
class _Facts:
    """The rows that the lines of a page need."""

    known: Mapping[str, facts_service.Facts]
    loans: Mapping[str, Loan]
    planned: Mapping[tuple[str, int, date, str], tuple[str, str]]


async def _facts(work: Work, found: Sequence[planning.Found]) -> _Facts:
    wishes = [one.wish for one in found if one.wish is not None]
    loan_ids = {about.loan_id for wish in wishes for about in wish.about}
    known = await facts_service.of_all(work, {one.borrower_id for one in found})
    rows = await work.session.scalars(select(Loan).where(Loan.id.in_(loan_ids)))
    return _Facts(known, {row.id: row for row in rows}, await _planned(work, wishes))


async def _planned(
    work: Work, wishes: Sequence[messages.Plan]
) -> dict[tuple[str, int, date, str], tuple[str, MessageStatus]]:
    """The first message that was planned for each installment of the wishes at its stage, and its status."""
    asked = {(about.loan_id, about.number, about.due_on, str(w.stage)) for w in wishes for about in w.about}
    raw = await work.raw()
    rows = await raw.fetch(PLANNED_FIRST, *zip(*asked, strict=True)) if asked else []
    return {tuple(row)[:4]: (row["id"], MessageStatus(row["status"])) for row in rows}


async def _line(
    work: Work,
    on: date,
    available: Collection[str],
    facts: _Facts,
    told: list[datetime],
    begun: ladder.Begun,
    one: planning.Found,
) -> Line:
    line = {
        "borrower_id": one.borrower_id,
        "stage": begun.stage.name,
        "due_on": begun.due_on,
        "ladder": begun.version.name,
        "arm": one.case.arm,
        "rule": None if one.rule is None else one.rule.name,
    }
    wish = one.wish
    if wish is None:
        return Line(**line, outcome="silent")  # type: ignore[arg-type]
    first = wish.about[0]
    known = facts.planned.get((first.loan_id, first.number, first.due_on, begun.stage.name))
    line |= {
        "installments": tuple((about.loan_id, about.number) for about in wish.about),
        "gate": wish.gate.value,
        "template": wish.template,
        "message_id": None if known is None else known[0],
        "channel": wish.channel,
    }
    if known is not None and known[1] != MessageStatus.PLANNED:
        return Line(**line, outcome=known[1])  # type: ignore[arg-type]
    return Line(**(line | await _judged(work, on, available, facts, told, wish)))  # type: ignore[arg-type]


async def _judged(
    work: Work,
    on: date,
    available: Collection[str],
    facts: _Facts,
    told: list[datetime],
    wish: messages.Plan,
) -> dict[str, object]:
    """What the claim would answer at the wish's own hour."""
    planned: dict[str, list[tuple[int, date]]] = defaultdict(list)
    for about in wish.about:
        planned[about.loan_id].append((about.number, about.due_on))
    known = facts.known[str(wish.borrower_id)]
    found = [facts.loans[loan_id] for loan_id in sorted(planned)]
    answer = (await reminders.spoken(work, {"": reminders.Told(found, planned)}, on))[""]
    if isinstance(answer, Dropped):
        return {"outcome": "dropped", "reasons": (answer.reason,)}
    at = max(wish.not_before or work.now, work.now)
    choice = await address_service.choose(
        work, known, wish.gate, (wish.channel, *wish.fallbacks), available, stops=answer.stops, at=at,
        planned=told,
    )  # fmt: skip
    if choice is None:
        return {"outcome": "blocked", "reasons": ("no_channel",)}
    verdict, reasons = choice.verdict, {"channel": choice.channel, "reasons": choice.verdict.rules}
    if verdict.allowed:
        if choice.channel in CAPPED:
            told.append(at)
        return {"channel": choice.channel, "at": at, **_words(work, wish, choice.channel, answer)}
    if verdict.retry_at is None:
        return {"outcome": "blocked", **reasons}
    local = verdict.retry_at.astimezone(ZoneInfo(known.borrower.time_zone)).date()
    over = wish.lapses_on is not None and local >= wish.lapses_on
    return {"outcome": "lapses" if over else "later", "at": verdict.retry_at, **reasons}


def _words(work: Work, wish: messages.Plan, channel: str, answer: Wanted) -> dict[str, object]:
    try:
        words = templates.render(work.policy, wish.template, channel, wish.locale, answer.values)
    except templates.TemplateRefused as refused:
        return {"outcome": "unworded", "reasons": (str(refused),)}
    return {"outcome": "sends", "subject": words.subject, "text": words.text}
