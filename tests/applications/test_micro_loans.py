"""A suggested micro-loan: no bill, paid to a verified bank account of the borrower."""

from __future__ import annotations

import pytest

from refi.applications import service as applications
from refi.applications.asking import ConsentMissing
from refi.applications.service import NoBankAccount
from refi.applications.tables import Application
from refi.errors import NotFound
from refi.ids import new
from tests import given
from tests.given import Person, Service


async def apply(
    service: Service, person: Person, account: str | None = None, amount: int = 300_000
) -> Application:
    async with service.database.work(given.Actor("borrower", person.id)) as work:
        return await applications.submit_micro_loan(
            work, person.id, suggestion_id=new("sug"), amount=amount, term=6, bank_account_id=account
        )


async def test_it_goes_to_the_bank_account(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.an_account(service, person)
    made = await apply(service, person)
    shown = (await service.get(f"/v1/applications/{made.id}", who=person)).json()
    assert (shown["status"], shown["product"], shown["statement"]) == ("approved", "micro_loan", None)
    offer = (await service.get(f"/v1/offers/{shown['offers'][0]['id']}", who=person)).json()
    assert offer["agreement"]["payee"]["kind"] == "bank_account"
    signed = await service.post(
        f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}, who=person
    )
    assert (signed.status_code, signed.json()["product"]) == (201, "micro_loan")
    rows = await service.rows("SELECT destination, amount FROM payouts")
    assert [tuple(row) for row in rows] == [("bank_account", 300_000)]


async def test_it_needs_an_account_of_the_borrower(service: Service) -> None:
    person, other = await given.a_borrower(service), await given.a_borrower(service)
    with pytest.raises(NoBankAccount):
        await apply(service, person)
    unverified = await given.an_account(service, person, verified=False)
    with pytest.raises(NoBankAccount):
        await apply(service, person, unverified)
    with pytest.raises(NotFound):
        await apply(service, person, await given.an_account(service, other))


async def test_it_needs_consent(service: Service) -> None:
    person = await given.a_borrower(service, consents=())
    await given.an_account(service, person)
    with pytest.raises(ConsentMissing):
        await apply(service, person)


async def test_more_than_the_product_lends_is_declined(service: Service) -> None:
    person = await given.a_borrower(service)
    await given.an_account(service, person)
    made = await apply(service, person, amount=300_001)
    assert made.status.value == "declined"
