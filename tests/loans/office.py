"""Builders for tests of acts on loans: staff at a desk, and what they ask of the API."""

from __future__ import annotations

from typing import Any

import httpx

from refi import audit, ids
from refi.db.work import SYSTEM
from refi.ids import LoanId
from refi.loans import service as loans
from refi.loans.account import terms_of
from refi.loans.tables import Product
from refi.payments import service as payments
from refi.payments.tables import Destination
from refi.schedules.amortization import schedule
from refi.staff.roles import Role
from tests import given
from tests.books import ON
from tests.given import Member, Person
from tests.servicing import Desk

WHY = "agreed on the phone"


class Office:
    """A lead who acts and another who checks, on the desk's service."""

    def __init__(self, desk: Desk, lead: Member, other: Member) -> None:
        self.desk, self.lead, self.other = desk, lead, other

    async def loan(self, loan_id: str, **query: str) -> dict[str, Any]:
        """The loan as staff see it."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await self.desk.service.get(f"/staff/v1/loans/{loan_id}?{asked}", who=self.lead)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ask(
        self, loan_id: str, path: str, *, who: Member | None = None, seen: str | None = None, **body: Any
    ) -> httpx.Response:
        """POST an act, with the version that the loan has now unless another was seen."""
        version = seen or f'"v{(await self.loan(loan_id))["version"]}"'
        said = {"reason": WHY, **body}
        return await self.desk.service.post(
            f"/staff/v1/loans/{loan_id}/{path}", said, who=who or self.lead, If_Match=version
        )

    async def do(self, loan_id: str, path: str, **body: Any) -> dict[str, Any]:
        """The act done, agreed to by the other person where that is needed."""
        answer = await self.ask(loan_id, path, **body)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        if done["status"] == "awaiting_second":
            agreed = await self.approve(done["approval"])
            assert agreed.status_code == 200, agreed.text
        return done

    async def approve(self, approval: str, who: Member | None = None) -> httpx.Response:
        """The other person agrees."""
        path = f"/staff/v1/approvals/{approval}/approve"
        return await self.desk.service.post(path, {}, who=who or self.other)

    async def reverse(self, payment_id: str, **body: Any) -> httpx.Response:
        """Take a payment off its loan."""
        said = {"reason": WHY, **body}
        return await self.desk.service.post(f"/staff/v1/payments/{payment_id}/reverse", said, who=self.lead)


async def an_office(desk: Desk) -> Office:
    """Two collections leads: what one proposes the other may agree to."""
    lead = await given.a_member(desk.service, Role.COLLECTIONS_LEAD)
    return Office(desk, lead, await given.a_member(desk.service, Role.COLLECTIONS_LEAD))


async def findings(desk: Desk, *, but: tuple[str, ...] = ()) -> list[str]:
    """What the audit finds wrong with the loans of this desk, whose payouts nobody ordered."""
    report = await audit.run(desk.runtime.database, None)
    skipped = ("active_loans_have_a_delivered_payout", *but)
    return [f"{each.check} {each.id}: {each.what}" for each in report.findings if each.check not in skipped]


async def a_signed_loan(desk: Desk, person: Person) -> LoanId:
    """A loan of 12,000.00 that was signed a moment ago: its payoff is written down and not sent."""
    product = desk.runtime.database.policy.product
    price = desk.runtime.database.policy.price.representative_rate
    terms = terms_of(product, principal=1_200_000, term=3, annual_rate=price, monthly_fee_rate=price * 0)
    async with desk.runtime.database.work(SYSTEM) as work:
        loan = await loans.open_loan(
            work,
            person.id,
            Product.CARD_REFINANCE,
            schedule(terms, ON),
            loans.Signed(ids.new("off"), "0" * 64, {}),
        )
        await payments.order_payout(work, loan, Destination.CARD, "tok_test_card_ok_1234")
    return LoanId(loan.id)
