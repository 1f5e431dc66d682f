"""A season of business days in a small town: borrowers who pay early, late or never, and a clock to turn.

Business time stands on the wall clock and is moved in steps. A step is taken while no transaction is open
and no message is on its way, so what the provider accepts after a step was claimed after it.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import httpx

from refi import clock
from refi.borrowers import service as borrowers
from refi.db.work import BUSINESS_DAY_LOCK, SYSTEM, Database, Work
from refi.demo.walker import eventually
from refi.ids import BorrowerId
from refi.loans import hold_service as holds
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.holds import HoldKind
from refi.loans.tables import Loan, Product
from refi.notifications import service as messages
from refi.payments import service as payments
from refi.payments.tables import Destination
from refi.schedules.amortization import schedule
from refi.schedules.contract import Status
from refi.seeding import made_up
from tests.books import ON
from tests.slices.reminder_verdicts import Accepted, Debtor, Moment, Perhaps
from tests.slices.telephone_company import TelephoneCompany
from tests.slices.town import PATIENCE

ZONES = (
    "Asia/Shanghai",
    "Asia/Shanghai",
    "Asia/Shanghai",
    "Asia/Urumqi",
    "Europe/Berlin",
    "America/New_York",
)
HABITS = (-6, -4, -2, -1, 0, 0, 0, 1, 2, 4, 9, 18, 40, None)
"""Days from the due date to the payment; None never pays."""
CALLS_TAKE = timedelta(seconds=6)
"""No call to the provider takes longer here: an older claim was left behind by a kill."""
BATCH = 100

_numbers = itertools.count(1)


@dataclass
class Season:
    """Business time, and what happened in it."""

    database: Database
    zone: ZoneInfo
    moments: list[Moment] = field(default_factory=list)
    holds: dict[str, str] = field(default_factory=dict)
    """The hold that stands, by loan."""

    @property
    def number(self) -> int:
        """The number of the moment that runs."""
        return len(self.moments) - 1

    def close_moment(self) -> None:
        """By the end of the moment that runs nothing is left to do."""
        self.moments[-1] = replace(self.moments[-1], settled=True)

    async def move(self, on: date, at: time) -> None:
        """Let business time go on from ``at`` on the day ``on``, in the market's zone."""
        business = datetime.combine(on, at, self.zone)
        until = clock.monotonic() + PATIENCE
        while not await self._moved(business):
            assert clock.monotonic() < until, "messages are on their way for ever"
            await asyncio.sleep(0.02)

    async def _moved(self, business: datetime) -> bool:
        async with self.database.engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({BUSINESS_DAY_LOCK})")
            busy = await connection.exec_driver_sql(
                "SELECT count(*) FROM messages, business_clock WHERE status = 'claimed'"
                " AND contacted_at - shift > clock_timestamp() - $1::interval",
                (CALLS_TAKE,),
            )
            if busy.scalar():
                return False
            wall = clock.utc_now()
            await connection.exec_driver_sql("UPDATE business_clock SET shift = $1", (business - wall,))
        self.moments.append(Moment(wall, business))
        return True

    async def business_date(self) -> date:
        """The open business date."""
        return await self.database.today()


async def lend(season: Season, provider: httpx.AsyncClient, number: int, random: Random) -> list[Debtor]:
    """``number`` borrowers sign today: their payoffs are ordered, and dated today when they arrive."""
    made: list[Debtor] = []
    while len(made) < number:
        people = [
            made_up.person(1, next(_numbers), age=30, on=ON) for _ in range(min(BATCH, number - len(made)))
        ]
        tokens = await _proved(provider, people)
        async with season.database.work(SYSTEM) as work:
            for person, token in zip(people, tokens, strict=True):
                made.append(await _debtor(work, person, token, random))
    return made


async def _proved(provider: httpx.AsyncClient, people: Sequence[made_up.Person]) -> list[str]:
    """The provider's tokens of their cards."""
    questions = [
        {
            "key": f"proof-{person.number}",
            "card": {
                "issuer": person.issuer,
                "number": person.card_number,
                "holder_name": person.name,
                "national_id": person.national_id,
            },
        }
        for person in people
    ]
    answer = await provider.post("/control/proofs", json={"data": questions})
    assert answer.is_success, answer.text
    return [proof["token"] for proof in answer.json()["data"]]


async def _debtor(work: Work, person: made_up.Person, card_token: str, random: Random) -> Debtor:
    row = await borrowers.register(work, person.phone)
    borrower_id, zone = BorrowerId(row.id), random.choice(ZONES)
    await borrowers.update_profile(work, borrower_id, time_zone=zone, locale=random.choice(("zh-CN", "en")))
    token = f"token-{person.number}" if random.random() < 0.6 else None
    if token is not None:
        await borrowers.add_device(work, borrower_id, "ios", token)
    product, price = work.policy.product, work.policy.price.representative_rate
    terms = terms_of(
        product, principal=random.randrange(100_000, 3_000_000, 1_000), term=random.choice(product.terms),
        annual_rate=price, monthly_fee_rate=price * 0,
    )  # fmt: skip
    plan = schedule(terms, work.on)
    signed = loans.Signed(f"off_{person.number}", "0" * 64, {})
    loan = await loans.open_loan(work, borrower_id, Product.CARD_REFINANCE, plan, signed)
    await payments.order_payout(work, loan, Destination.CARD, card_token)
    dues = tuple(item.due_date for item in plan.installments)
    return Debtor(person.phone, ZoneInfo(zone), loan.id, token, dues)


@dataclass(frozen=True, slots=True)
class Habit:
    """When a borrower pays an installment: the day, and at which of the day's moments."""

    on: date
    turn: int
    debtor: Debtor
    due_on: date

    def meets(self) -> list[date]:
        """The due dates that are met by it: what is late is paid along."""
        return [due_on for due_on in self.debtor.dues if due_on < self.on or due_on == self.due_on]


def habits(debtors: Sequence[Debtor], turns: int, random: Random) -> dict[date, list[Habit]]:
    """Who pays what on which day; who is late with one installment pays no later one before it."""
    found: dict[date, list[Habit]] = {}
    for debtor in debtors:
        earliest = date.min
        for due_on in debtor.dues:
            days = random.choice(HABITS)
            if days is None:
                break
            earliest = max(earliest, due_on + timedelta(days=days))
            habit = Habit(earliest, random.randrange(turns), debtor, due_on)
            found.setdefault(earliest, []).append(habit)
            earliest += timedelta(days=1)  # two on one day: the order of the transfers would be chance
    return found


async def owed(database: Database, habits: Sequence[Habit], on: date) -> list[tuple[Habit, int]]:
    """What each has to send so that his installment is met on ``on``, penalties included."""
    async with database.work(SYSTEM, reading=True) as work:
        rows = [await work.session.get_one(Loan, habit.debtor.loan_id) for habit in habits]
        states = {loan.id: account.state(on) for loan, account in await loans.accounts(work, rows)}
    sums = []
    for habit in habits:
        state = states[habit.debtor.loan_id]
        late = state.balances.past_due + state.balances.penalties
        owing = [i for i in state.installments if i.due_date == habit.due_on and i.status is not Status.PAID]
        amount = late if habit.due_on < on else late + sum(item.outstanding for item in owing)
        if owing and amount:
            sums.append((habit, amount))
    return sums


async def pay(provider: httpx.AsyncClient, habit: Habit, amount: int, on: date) -> None:
    """The borrower's bank sends the money, until the provider has taken it in."""
    key = f"{habit.debtor.loan_id}-{habit.due_on}"
    body = {"amount": amount, "currency": "CNY", "on": on.isoformat(), "reference": habit.debtor.loan_id}

    async def look() -> bool | None:
        try:
            sent = await provider.post("/control/transfers", json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return None
        assert sent.status_code == 201, sent.text
        return True

    await eventually("the transfer", look, within=PATIENCE)


async def wake(database: Database) -> None:
    """Put the messages to work whose time has come, as the sandbox does when its clock jumps."""
    async with database.work(SYSTEM) as work:
        await messages.wake(work)


async def stop(season: Season, debtor: Debtor) -> None:
    """The borrower disputes the debt: reminders stop from now on."""
    async with season.database.work(SYSTEM) as work:
        loan = await work.session.get_one(Loan, debtor.loan_id)
        hold = await holds.place(
            work, BorrowerId(loan.borrower_id), HoldKind.DISPUTE, "the borrower disputes it"
        )
    debtor.stopped.append((season.number, None))
    season.holds[debtor.loan_id] = hold.id


async def let_go(season: Season, debtor: Debtor) -> None:
    """The dispute is settled: reminders go on."""
    async with season.database.work(SYSTEM) as work:
        await holds.lift(work, season.holds.pop(debtor.loan_id), "settled")
    debtor.stopped[-1] = (debtor.stopped[-1][0], season.number)


UNSETTLED = """
    SELECT (SELECT count(*) FROM queue.pgqueuer WHERE status = 'picked'
              OR (status = 'queued' AND execute_after <= now() AND entrypoint <> 'resolve_order'))
         + (SELECT count(*) FROM provider_news WHERE handled_at IS NULL)
         + (SELECT count(*) FROM messages, business_clock WHERE status = 'planned'
              AND not_before <= now() + shift + interval '30 seconds')
"""
"""Jobs that are due, news that waits, messages whose time has come or comes with the next try."""
IN_DOUBT = "SELECT count(*) FROM messages WHERE ask_at <= now() + interval '15 seconds'"
"""Messages of which the channel is soon to be asked what became of them."""
NEVER_KNOWN = """
    SELECT b.phone_sealed, m.channel, m.stage, s.due_on, m.contacted_at FROM messages m
    JOIN borrowers b ON b.id = m.borrower_id JOIN message_subjects s ON s.message_id = m.id
    WHERE m.status IN ('claimed', 'unknown')"""
"""Messages whose channel can never tell whether it took them."""


async def settled(
    database: Database, provider: Path, *, within: float = PATIENCE, beyond_doubt: bool = False
) -> bool:
    """Wait until nothing is left to do; whether no message is in doubt (``beyond_doubt``: wait for that)."""
    doubts = 0

    async def look() -> bool | None:
        nonlocal doubts
        async with database.engine.connect() as connection:
            left = (await connection.exec_driver_sql(UNSETTLED)).scalar()
            doubts = (await connection.exec_driver_sql(IN_DOUBT)).scalar()
        untold = _provider(provider, "SELECT count(*) FROM news WHERE state = 'pending'")[0][0]
        return True if not left and not untold and not (beyond_doubt and doubts) else None

    for _ in range(2):  # a finished job may just have asked for another
        await eventually("quiet", look, within=within)
    return doubts == 0


def accepted(provider: Path, company: TelephoneCompany) -> list[Accepted]:
    """The providers' own logs of messages."""
    rows = _provider(
        provider, "SELECT sent_at, recipient, channel, key, template FROM messages ORDER BY number"
    )
    pushed = [Accepted(datetime.fromisoformat(at), *rest) for at, *rest in rows]
    texted = [Accepted(sms.wall, sms.to, "sms", sms.key, text=sms.text) for sms in company.log]
    return [*pushed, *texted]


async def never_known(database: Database) -> list[Perhaps]:
    """What the service says it cannot know."""
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(NEVER_KNOWN)
        return [Perhaps(database.vault.open(phone), *rest) for phone, *rest in rows]


def _provider(path: Path, query: str) -> list[tuple[str, ...]]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


async def ended(database: Database) -> dict[str, int]:
    """How the messages ended, by status and reason."""
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT concat_ws(' ', status, reason) AS how, count(*) AS n FROM messages GROUP BY 1 ORDER BY 1"
        )
        return {row.how: row.n for row in rows}


async def story(database: Database, debtor: Debtor) -> list[str]:
    """What the service's own tables tell of the messages to one borrower, for who has to find out why."""
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT s.due_on, m.stage, m.channel, m.status, m.reason, m.attempts, m.not_before,"
            " m.contacted_at FROM messages m JOIN message_subjects s ON message_id = m.id"
            " WHERE loan_id = $1 ORDER BY m.id",
            (debtor.loan_id,),
        )
        return [" ".join(map(str, row)) for row in rows]
