"""Proposals that are rejected or stale: nothing half-done, and the same may be proposed again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from refi.ids import LoanId
from tests.books import ON
from tests.loans.office import Office, findings
from tests.servicing import Desk, a_borrower, a_loan, a_payment

LEVEL = 408_027
Ask = Callable[[Office, LoanId, dict[str, str]], Any]


async def prepared(desk: Desk, office: Office) -> tuple[LoanId, dict[str, str]]:
    """A loan with an older payment and an act, half a year late: everything can be proposed about it."""
    loan_id = await a_loan(desk, await a_borrower(desk), term=12)
    await a_payment(desk, loan_id, 50_000, ON)
    await office.do(loan_id, "modifications", type="defer", months=1)
    act = (await office.loan(loan_id))["acts"][0]["id"]
    rows = await desk.service.rows("SELECT id FROM payments")
    await desk.clock_at(ON + timedelta(days=250))
    return loan_id, {"act": act, "payment": rows[0].id}


async def _extension(office: Office, loan_id: LoanId, _: dict[str, str]) -> httpx.Response:
    return await office.ask(loan_id, "modifications", type="extend", installments=18)


async def _re_ageing(office: Office, loan_id: LoanId, _: dict[str, str]) -> httpx.Response:
    return await office.ask(loan_id, "modifications", type="re_age")


async def _waiver(office: Office, loan_id: LoanId, _: dict[str, str]) -> httpx.Response:
    return await office.ask(loan_id, "waive", amount=20_000, component="penalty")


async def _charge_off(office: Office, loan_id: LoanId, _: dict[str, str]) -> httpx.Response:
    return await office.ask(loan_id, "charge-off")


async def _reversal(office: Office, loan_id: LoanId, about: dict[str, str]) -> httpx.Response:
    return await office.ask(loan_id, f"acts/{about['act']}/reverse")


async def _payment_reversal(office: Office, _: LoanId, about: dict[str, str]) -> httpx.Response:
    return await office.reverse(about["payment"])


EVERY: dict[str, Ask] = {
    "extend": _extension,
    "re_age": _re_ageing,
    "waive": _waiver,
    "charge_off": _charge_off,
    "reversal": _reversal,
    "payment_reversal": _payment_reversal,
}


async def books(desk: Desk) -> list[Any]:
    """All that a proposal carried out by half would have touched."""
    tables = ("loans", "installments", "loan_acts", "movements", "refunds", "staff_acts", "approvals")
    query = "SELECT to_jsonb(t) FROM {} t ORDER BY to_jsonb(t)::text"
    return [await desk.service.rows(query.format(table)) for table in tables]


async def reject(office: Office, approval: str) -> httpx.Response:
    """The other person disagrees."""
    path = f"/staff/v1/approvals/{approval}/reject"
    return await office.desk.service.post(path, {"note": "not like this"}, who=office.other)


def proposal(answer: httpx.Response) -> str:
    """The proposal that waits."""
    assert answer.status_code == 200, answer.text
    assert answer.json()["approval"] is not None
    return str(answer.json()["approval"])


@pytest.mark.parametrize("kind", EVERY)
async def test_a_stale_proposal_is_refused_and_may_be_made_anew(
    desk: Desk, office: Office, kind: str
) -> None:
    loan_id, about = await prepared(desk, office)
    ask = EVERY[kind]
    first = proposal(await ask(office, loan_id, about))
    await a_payment(desk, loan_id, 1_000, ON + timedelta(days=250))  # the preview is another one now
    before = await books(desk)
    stale = await office.approve(first)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert await books(desk) == before
    waits = await ask(office, loan_id, about)
    assert (waits.status_code, waits.json()["code"]) == (409, "invalid_transition")
    assert (await reject(office, first)).status_code == 200
    assert (await office.approve(first)).status_code == 409
    second = proposal(await ask(office, loan_id, about))
    assert second != first
    acts = len((await office.loan(loan_id))["acts"])
    assert (await office.approve(second)).status_code == 200
    assert len((await office.loan(loan_id))["acts"]) == acts + 1
    done = await desk.service.rows("SELECT approval_id FROM loan_acts WHERE approval_id IS NOT NULL")
    assert [row[0] for row in done] == [second]
    assert await findings(desk) == []


@pytest.mark.parametrize("kind", EVERY)
async def test_what_was_rejected_may_be_proposed_again(desk: Desk, office: Office, kind: str) -> None:
    loan_id, about = await prepared(desk, office)
    ask = EVERY[kind]
    before = await office.loan(loan_id)
    first = proposal(await ask(office, loan_id, about))
    silent = await desk.service.post(f"/staff/v1/approvals/{first}/reject", {}, who=office.other)
    assert (silent.status_code, silent.json()["code"]) == (422, "reason_required")
    assert (await reject(office, first)).status_code == 200
    assert await office.loan(loan_id) == before  # neither proposing nor rejecting changes the loan
    second = proposal(await ask(office, loan_id, about))
    assert (await office.approve(second)).status_code == 200
    shown = await desk.service.rows(
        "SELECT status FROM approvals WHERE id IN (:a, :b) ORDER BY id", a=first, b=second
    )
    assert [row[0] for row in shown] == ["rejected", "approved"]
    assert len((await office.loan(loan_id))["acts"]) == len(before["acts"]) + 1
    assert await findings(desk) == []
