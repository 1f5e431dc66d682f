"""Tells a story twice: to the service over its API, and to the reference; what both say is compared whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import service as loans
from refi.payments import news_service, returning_service
from refi.payments.provider_events import EventType, ProviderEvent
from refi.payments.tables import Payment
from tests.given import Person
from tests.loans.office import Office
from tests.loans.scenarios.reference import Loan
from tests.loans.scenarios.stories import Step, Story
from tests.servicing import Desk, a_borrower, a_loan

METHODS = {
    "defer": "defer", "move": "move", "re_age": "re_age", "extend": "extend", "waive": "waive",
    "charge_off": "write_off",
}  # fmt: skip
TYPES = {"defer": "defer", "move": "due_date_change", "re_age": "re_age", "extend": "extend"}
"""What the verbs are called by the reference, and by the API."""


@dataclass
class Event:
    """Something that counts, for the reference; ``said`` are its arguments there."""

    on: date
    method: str
    said: dict[str, Any]
    gone: bool = False


@dataclass
class Telling:
    """A story under way."""

    desk: Desk
    office: Office
    story: Story
    person: Person
    loan_id: LoanId
    events: list[Event] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    paid: list[Event] = field(default_factory=list)
    acts: list[tuple[str, Event]] = field(default_factory=list)
    aside: int = 0

    async def tell(self) -> None:
        """Every step, in order."""
        for step in self.story.steps:
            await self.one(step)
            self.reference()
        await self.desk.clock_at(date.fromisoformat(self.story.until))

    async def one(self, step: Step) -> None:
        """One step, on its business date."""
        at, verb, said = step
        on = date.fromisoformat(at)
        await self.desk.clock_at(on)
        if verb == "pay":
            await self.pay(**said)
        elif verb in ("bounce", "reverse"):
            await self.take_back(verb, said["payment"])
        elif verb == "undo":
            act, event = self.acts[said["act"]]
            await self.office.do(self.loan_id, f"acts/{act}/reverse")
            event.gone = True
        elif verb == "return_payout":
            async with self.desk.runtime.database.work(SYSTEM) as work:
                loan = await loans.lock(work, self.loan_id)
                await loans.cancel(work, loan, "returned", returned_by="pout_1")
        else:
            await self.act(on, verb, said)

    async def pay(self, amount: int, on: str, mode: str) -> None:
        """An announced transfer arrives."""
        body = {"amount": amount, "source": {"type": "transfer"}, "mode": mode}
        path = f"/v1/loans/{self.loan_id}/payments"
        made = await self.desk.service.post(path, body, who=self.person)
        assert made.status_code == 202, made.text
        payment = made.json()["id"]
        async with self.desk.runtime.database.work(SYSTEM) as work:
            news = ProviderEvent(
                id=f"evt_{payment}", type=EventType.TRANSFER_RECEIVED, provider_id=f"in_{payment}",
                amount=amount, currency="CNY", effective_on=date.fromisoformat(on), reference=payment,
            )  # fmt: skip
            await news_service.book_news(work, news)
        self.payments.append(payment)
        said = {"source": payment, "amount": amount, "mode": mode}
        self.paid.append(self.happened(date.fromisoformat(on), "pay", said))

    def happened(self, on: date, method: str, said: dict[str, Any]) -> Event:
        """Something more for the reference."""
        self.events.append(Event(on, method, said))
        return self.events[-1]

    async def take_back(self, verb: str, number: int) -> None:
        """The bank takes a payment back, or staff take it off the loan."""
        if verb == "reverse":
            answer = await self.office.reverse(self.payments[number])
            assert answer.status_code == 200, answer.text
        else:
            async with self.desk.runtime.database.work(SYSTEM) as work:
                row = await work.session.get_one(Payment, self.payments[number], with_for_update=True)
                await returning_service.reverse(work, row, "returned", work.on)
        self.paid[number].gone = True

    async def act(self, on: date, verb: str, said: dict[str, Any]) -> None:
        """Staff act; two of them where one may not."""
        if verb in TYPES:
            await self.office.do(self.loan_id, "modifications", type=TYPES[verb], **said)
        else:
            await self.office.do(self.loan_id, verb.replace("_", "-"), **said)
        method, words = METHODS[verb], dict(said)
        if words.pop("interest_free", False):
            method = "defer_free"
        names = {
            "installments": "count",
            "first_due_date": "first",
            "annual_rate": "rate",
            "component": "part",
        }
        meant = {names.get(key, key): value for key, value in words.items()}
        if "first" in meant:
            meant["first"] = date.fromisoformat(meant["first"])
        if "rate" in meant:
            meant["rate"] = Fraction(meant["rate"])
        event = self.happened(on, method, meant)
        acts = (await self.office.loan(self.loan_id))["acts"]
        self.acts.append((acts[-1]["id"], event))

    def reference(self) -> Loan:
        """The loan as the reference has it by now; what was too much leaves it for good."""
        while True:
            loan = Loan(self.story.principal, Fraction(12, 100), self.story.term, self.story.credited)
            for event in sorted((e for e in self.events if not e.gone), key=lambda event: event.on):
                said = dict(event.said)
                source = [said.pop("source")] if event.method == "pay" else []
                if event.method != "pay" or said["amount"]:
                    getattr(loan, event.method)(*source, event.on, **said)
            if not loan.set_aside:
                return loan
            for event in self.paid:
                rest = loan.set_aside.get(event.said["source"], 0)
                event.said["amount"] -= rest
                self.aside += rest


async def begun(desk: Desk, office: Office, story: Story) -> Telling:
    """A story before its first step."""
    await desk.clock_at(story.credited)
    person = await a_borrower(desk)
    loan_id = await a_loan(
        desk, person, principal=story.principal, term=story.term, credited_on=story.credited
    )
    return Telling(desk, office, story, person, loan_id)
