"""Seed the database: card holders become borrowers with a payable card, a verified account and six bills.

A borrower's stable key is the phone, which follows from the card holder's number. Each batch is a
transaction of its own: a run that was cut short is continued by running it again, and what is there is
left alone. Card and account are the sandbox provider's test tokens, good for payouts and debits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import text

from refi import clock
from refi.borrowers import bulk_service as many_borrowers
from refi.borrowers.bulk_service import Newcomer
from refi.borrowers.proof import AccountProof
from refi.borrowers.tables import Purpose
from refi.cards import behavior
from refi.cards import bulk_service as many_cards
from refi.cards.bulk_service import BilledCard
from refi.cards.proof import CardProof
from refi.cards.revolving import Segment
from refi.db.work import SYSTEM, Work
from refi.errors import Forbidden, Refused
from refi.gateways.sandbox import magic
from refi.runtime import Runtime
from refi.seeding import aggregates, borrowing, made_up, segments
from refi.seeding.card_clients import Client, age_of
from refi.seeding.files_service import clients_in, shipped_figures

SEED = 20_261_122
BATCH = 2_000
MADE_UP_BORROWERS = 200
FROM_FILE = 5_000_000
"""Numbers of made-up people: below for card holders from figures, from here on for those of a file, by ID."""
LAST_FROM_FILE = 8_999_999
"""The rest, up to `made_up.LAST_NUMBER`, is never seeded: for people whom demos and tests make up."""
SAMPLES = 5
CONSENTED = (Purpose.BUREAU_QUERY, Purpose.STATEMENT_READ, Purpose.MARKETING, Purpose.CONTACT)
TEXT_VERSION = "seeded-1"
ONE_SEEDER = 7_302_003
"""Advisory lock of a batch: two seeders take turns, and the second finds what the first has done."""

Progress = Callable[[int, int], object]


class SeedingRefusedInLive(Forbidden):
    """Made-up borrowers have no place among real ones."""


class MarketNotSeeded(Refused):
    """Made-up people are Chinese: phones, national ids and cards of another market are not made up."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. ``borrowers`` = ``added`` + ``already_there``; ``statements`` were added now.

    ``segments``, ``late`` (newest bill overdue) and ``minimum_payers`` count all card holders read.
    ``sample_phones`` are good to sign in with and apply: revolvers with a bill worth refinancing, not late;
    somebody else where there is no such borrower.
    """

    borrowers: int
    added: int
    already_there: int
    statements: int
    segments: dict[str, int]
    late: int
    minimum_payers: int
    seconds: float
    sample_phones: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    added: int = 0
    already_there: int = 0
    statements: int = 0
    late: int = 0
    minimum_payers: int = 0
    segments: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)
    anybody: str = ""

    @property
    def done(self) -> int:
        return self.added + self.already_there


@dataclass(frozen=True, slots=True)
class _Seeded:
    """A card holder, the person made up around them, and their bills."""

    client: Client
    person: made_up.Person
    card: BilledCard
    newcomer: Newcomer


async def seed(
    runtime: Runtime,
    *,
    borrowers: int | None = None,
    cards: Path | None = None,
    on_progress: Progress | None = None,
    batch: int = BATCH,
) -> Report:
    """Seed the first ``borrowers`` card holders of the CSV ``cards`` (default all), or made-up ones.

    Without ``cards`` the default is `MADE_UP_BORROWERS`. ``on_progress`` is told (done, of how many) after
    every batch. The file is read to its end before anything is written: a broken one changes nothing.

    Raises: `SeedingRefusedInLive`, `MarketNotSeeded`, a ``CardsFileRefused``, ``NumberTooLarge``.
    """
    if runtime.settings.live:
        raise SeedingRefusedInLive("seeding is for the sandbox; this installation is live")
    if runtime.database.policy.market.name != "cn":
        raise MarketNotSeeded("people are made up for the market cn only")
    began, tally = clock.monotonic(), _Tally()
    if cards is None:
        total = MADE_UP_BORROWERS if borrowers is None else borrowers
        holders = _from_figures(total)
    else:
        total = sum(1 for _ in _from_file(cards, borrowers))
        holders = _from_file(cards, total)
    while some := list(islice(holders, batch)):
        async with runtime.database.work(SYSTEM) as work:
            found = await _write(work, some)
        _count(tally, found, runtime.database.policy.product.minimum_amount)
        if on_progress is not None:
            on_progress(tally.done, total)
    return Report(
        borrowers=tally.done,
        added=tally.added,
        already_there=tally.already_there,
        statements=tally.statements,
        segments=dict(sorted(tally.segments.items())),
        late=tally.late,
        minimum_payers=tally.minimum_payers,
        seconds=round(clock.monotonic() - began, 3),
        sample_phones=tuple(tally.samples or filter(None, [tally.anybody])),
    )


def _from_file(cards: Path, at_most: int | None) -> Iterator[tuple[int, Client]]:
    """The file's card holders, with the number of the person to make up for each."""
    for client in islice(clients_in(cards), at_most):
        number = FROM_FILE + client.id
        if number > LAST_FROM_FILE:
            raise made_up.NumberTooLarge(f"nobody is made up for ID {client.id}: too large", id=client.id)
        age_of(client)  # refused before anything is written
        yield number, client


def _from_figures(count: int) -> Iterator[tuple[int, Client]]:
    """Card holders made up from the shipped figures, with their numbers."""
    if count > FROM_FILE:
        raise made_up.NumberTooLarge(f"at most {FROM_FILE} borrowers can be made up", borrowers=count)
    figures = shipped_figures()
    for number in range(count):
        yield number, aggregates.client(figures, SEED, number)


@dataclass(frozen=True, slots=True)
class _Batch:
    seeded: list[_Seeded]
    added: int
    statements: int


async def _write(work: Work, batch: Sequence[tuple[int, Client]]) -> _Batch:
    """Add those of the batch who are not there yet."""
    await work.session.execute(text(f"SELECT pg_advisory_xact_lock({ONE_SEEDER})"))
    seeded = [_seeded(work, number, client) for number, client in batch]
    known = await many_borrowers.known_phones(work, [one.person.phone for one in seeded])
    missing = [one for one in seeded if one.person.phone not in known]
    keys = await many_borrowers.add(work, [one.newcomer for one in missing])
    statements = await many_cards.add(work, list(zip(keys, (one.card for one in missing), strict=True)))
    return _Batch(seeded, len(missing), statements)


def _seeded(work: Work, number: int, client: Client) -> _Seeded:
    """The card holder as a borrower as of the open business date."""
    person = made_up.person(SEED, number, age=age_of(client), on=work.on)
    card = work.policy.card
    return _Seeded(
        client,
        person,
        BilledCard(
            issuer=person.issuer,
            proof=CardProof(
                token=magic.test_token("card", str(number), person.card_number[-4:]),
                last4=person.card_number[-4:],
                payable=True,
                brand=magic.brand_of(person.card_number),
            ),
            credit_limit=client.limit,
            apr=card.apr,
            bills=borrowing.bills(client, card, work.on),
        ),
        Newcomer(
            phone=person.phone,
            name=person.name,
            national_id=person.national_id,
            born_on=person.born_on,
            monthly_income=made_up.monthly_income(SEED, number, client.limit),
            consents=CONSENTED,
            text_version=TEXT_VERSION,
            bank=person.bank,
            account=AccountProof(
                token=magic.test_token("account", str(number), person.account_number[-4:]),
                last4=person.account_number[-4:],
                verified=True,
            ),
            made_up=True,
        ),
    )


def _count(tally: _Tally, batch: _Batch, smallest: int) -> None:
    tally.added += batch.added
    tally.already_there += len(batch.seeded) - batch.added
    tally.statements += batch.statements
    for one in batch.seeded:
        tally.anybody = tally.anybody or one.person.phone
        habit = segments.habit(one.client)
        newest = one.card.bills[0]
        usage = behavior.behavior(one.card.bills, one.client.limit)
        tally.segments[habit.segment.value] += 1
        tally.late += newest.is_overdue
        tally.minimum_payers += usage.minimum_payer
        worth = habit.segment is Segment.PERSISTENT_REVOLVER and newest.statement_balance >= smallest
        if worth and not newest.is_overdue and len(tally.samples) < SAMPLES:
            tally.samples.append(one.person.phone)
