"""Acts on loans over HTTP: previews, versions, reasons, limits, four eyes, undoing, and each refusal."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from refi.staff.roles import Role
from tests import given
from tests.books import ON
from tests.loans.office import Office, findings
from tests.servicing import DUE, Desk, a_borrower, a_loan, a_payment

LEVEL = 408_027
DAY = timedelta(days=1)


async def state(desk: Desk) -> list[Any]:
    """Everything that an act may change, row by row."""
    tables = ("loans", "installments", "movements", "loan_acts", "approvals", "staff_acts", "events")
    return [
        [tuple(row) for row in await desk.service.rows(f"SELECT t::text FROM {table} t ORDER BY 1")]
        for table in tables
    ]


async def test_a_preview_stores_nothing_and_its_act_does_the_same(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    before = await state(desk)
    shown = (await office.ask(loan_id, "modifications", type="defer", months=2, preview=True)).json()
    assert await state(desk) == before
    assert (shown["status"], shown["act"], shown["approval"]) == ("preview", None, None)
    assert [row["due_date"] for row in shown["after"]["schedule"]] == [
        "2027-02-22",
        "2027-03-22",
        "2027-04-22",
    ]
    done = await office.do(loan_id, "modifications", type="defer", months=2)
    assert done["after"]["schedule"] == shown["after"]["schedule"]
    loan = await office.loan(loan_id)
    assert loan["schedule"] == shown["after"]["schedule"]
    assert (loan["next_due_date"], loan["unmet_on"]) == ("2027-02-22", "2027-02-22")
    stored = await desk.service.rows("SELECT due_on, principal, interest FROM installments ORDER BY number")
    assert [(str(row.due_on), row.principal, row.interest) for row in stored] == [
        (row["due_date"], row["principal"], row["interest"]) for row in loan["schedule"]
    ]
    assert await findings(desk) == []


async def test_the_history_can_be_read(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(DUE)
    await a_payment(desk, loan_id, LEVEL, DUE)
    await office.do(loan_id, "modifications", type="defer", months=1, interest_free=True)
    await office.do(loan_id, "waive", amount=2_000, component="interest")
    told = [(entry["on"], entry["text"]) for entry in (await office.loan(loan_id))["history"]]
    assert told == [
        ("2026-11-22", "12,000.00 paid out"),
        ("2026-12-22", "4,080.27 received: principal 3,960.27, interest 120.00"),
        ("2026-12-22", "deferred by 1 month, free of interest"),
        ("2026-12-22", "up to 20.00 of interest given up"),
    ]
    last = (await office.loan(loan_id))["history"][-1]
    assert (last["reason"], last["approved_by"]) == ("agreed on the phone", None)
    assert (await office.loan(loan_id))["history"][2]["approved_by"] == f"staff:{office.other.id}"


async def test_who_looked_at_another_version_is_told(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    shown = await office.ask(loan_id, "modifications", type="defer", months=1, preview=True)
    await a_payment(desk, loan_id, 10_000, ON)
    stale = await office.ask(loan_id, "modifications", type="defer", months=1, seen=shown.headers["ETag"])
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    path = f"/staff/v1/loans/{loan_id}/modifications"
    missing = await desk.service.post(path, {"type": "defer", "months": 1, "reason": "x"}, who=office.lead)
    assert (missing.status_code, missing.json()["code"]) == (428, "version_missing")


async def test_two_at_once_do_one_act(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    seen = f'"v{(await office.loan(loan_id))["version"]}"'
    answers = await asyncio.gather(
        *(office.ask(loan_id, "modifications", type="defer", months=1, seen=seen) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert len((await office.loan(loan_id))["acts"]) == 1
    assert await findings(desk) == []


async def test_every_act_needs_a_reason(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    for path, body in (
        ("modifications", {"type": "defer", "months": 1}),
        ("waive", {"amount": 100, "component": "interest"}),
        ("charge-off", {}),
    ):
        for blank in ("", "  \n"):
            answer = await office.ask(loan_id, path, **{**body, "reason": blank})
            assert (answer.status_code, answer.json()["code"]) == (422, "reason_required")


async def test_roles_and_amounts(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    collector = await given.a_member(desk.service, Role.COLLECTOR)
    operator = await given.a_member(desk.service, Role.OPERATOR)
    refused = await office.ask(loan_id, "modifications", who=collector, type="defer", months=1)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    small = (await office.ask(loan_id, "waive", amount=5_000, component="interest")).json()
    assert (small["status"], small["given_up"]) == ("done", 5_000)
    large = (await office.ask(loan_id, "waive", amount=5_001, component="interest")).json()
    assert (large["status"], large["act"]) == ("awaiting_second", None)
    mine = await office.approve(large["approval"], who=office.lead)
    assert (mine.status_code, mine.json()["code"]) == (403, "self_approval_forbidden")
    twice = await office.ask(loan_id, "waive", amount=6_000, component="interest")
    assert (twice.status_code, twice.json()["code"]) == (409, "invalid_transition")
    assert (await office.approve(large["approval"])).status_code == 200
    alone = (await office.ask(loan_id, "waive", who=operator, amount=1, component="interest")).json()
    assert alone["status"] == "awaiting_second"
    assert await findings(desk) == []


async def test_a_second_person_needs_the_authority(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk), principal=3_000_000)
    operator = await given.a_member(desk.service, Role.OPERATOR)
    await desk.clock_at(ON + timedelta(days=181))
    asked = (await office.ask(loan_id, "charge-off")).json()
    assert asked["given_up"] > 3_000_000
    small = await office.approve(asked["approval"], who=operator)
    assert (small.status_code, small.json()["code"]) == (403, "scope_missing")
    assert (await office.approve(asked["approval"])).status_code == 200
    assert (await office.loan(loan_id))["status"] == "charged_off"


async def test_an_approval_is_about_the_loan_as_it_was(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    asked = (await office.ask(loan_id, "modifications", type="extend", installments=6)).json()
    await a_payment(desk, loan_id, 10_000, ON)
    stale = await office.approve(asked["approval"])
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    assert (await office.loan(loan_id))["acts"] == []
    path = f"/staff/v1/approvals/{asked['approval']}/reject"
    assert (await desk.service.post(path, {"note": "it changed"}, who=office.other)).status_code == 200
    await office.do(loan_id, "modifications", type="extend", installments=6)
    assert len((await office.loan(loan_id))["schedule"]) == 6


async def test_the_limits_of_a_year(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk), term=12)
    too_long = await office.ask(loan_id, "modifications", type="defer", months=4, preview=True)
    assert (too_long.status_code, too_long.json()["code"]) == (422, "modification_limit")
    for _ in range(2):
        await office.do(loan_id, "modifications", type="defer", months=1)
    third = await office.ask(loan_id, "modifications", type="defer", months=1)
    assert (third.status_code, third.json()["code"]) == (422, "modification_limit")
    acts = (await office.loan(loan_id))["acts"]
    await office.do(loan_id, f"acts/{acts[1]['id']}/reverse")  # what was undone does not count
    await office.do(loan_id, "modifications", type="defer", months=1)
    far = await office.ask(
        loan_id, "modifications", type="due_date_change", first_due_date="2027-06-30", preview=True
    )
    assert (far.status_code, far.json()["code"]) == (422, "validation_failed")
    assert await findings(desk) == []


async def test_no_change_of_terms_passes_the_cap(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk), term=12)
    dear = await office.ask(
        loan_id, "modifications", type="extend", installments=12, annual_rate="0.36", preview=True
    )
    assert (dear.status_code, dear.json()["code"]) == (422, "cap_exceeded")
    fair = await office.ask(
        loan_id, "modifications", type="extend", installments=18, annual_rate="0.06", preview=True
    )
    assert fair.status_code == 200, fair.text
    assert fair.json()["after"]["effective_annual_rate"] < fair.json()["before"]["effective_annual_rate"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "defer"}, "validation_failed"),
        ({"type": "defer", "months": 0}, "validation_failed"),
        ({"type": "defer", "months": 10**30}, "validation_failed"),
        ({"type": "defer", "months": True}, "validation_failed"),
        ({"type": "defer", "months": 1, "installments": 3}, "validation_failed"),
        ({"type": "extend"}, "validation_failed"),
        ({"type": "extend", "installments": 61}, "validation_failed"),
        ({"type": "extend", "installments": 25}, "validation_failed"),
        ({"type": "extend", "installments": 6, "annual_rate": "NaN"}, "validation_failed"),
        ({"type": "extend", "installments": 6, "annual_rate": "１"}, "validation_failed"),
        ({"type": "due_date_change"}, "validation_failed"),
        ({"type": "due_date_change", "first_due_date": "2026-11-22"}, "validation_failed"),
        ({"type": "due_date_change", "first_due_date": "2026-02-30"}, "validation_failed"),
        ({"type": "re_age"}, "validation_failed"),
        ({"type": "forgive"}, "validation_failed"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    desk: Desk, office: Office, said: dict[str, Any], code: str
) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    before = await state(desk)
    for preview in (True, False):
        answer = await office.ask(loan_id, "modifications", **said, preview=preview)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await state(desk) == before


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"type": "due_date_change", "first_due_date": "2026-01-05"}, ("/first_due_date", "in_the_past")),
        ({"type": "re_age"}, ("/type", "not_past_due")),
        ({"type": "extend", "installments": 2}, ("/installments", "too_few")),
        ({"type": "extend", "installments": 3}, ("/installments", "unchanged")),
        ({"type": "defer"}, ("/months", "missing")),
        ({"type": "defer", "months": 1, "first_due_date": "2027-01-10"}, ("/first_due_date", "not_allowed")),
        ({"type": "due_date_change"}, ("/first_due_date", "missing")),
        ({"type": "extend", "annual_rate": "0.06"}, ("/installments", "missing")),
    ],
)
async def test_what_would_change_nothing_names_why(
    desk: Desk, office: Office, said: dict[str, Any], fault: tuple[str, str]
) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    answer = await office.ask(loan_id, "modifications", **said, preview=True)
    assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == [fault]


async def test_a_month_end_due_day_stays_month_end(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk), term=6)
    await desk.clock_at(date(2027, 1, 10))
    await office.do(loan_id, "modifications", type="due_date_change", first_due_date="2027-01-31")
    due = [row["due_date"] for row in (await office.loan(loan_id))["schedule"]]
    assert due == ["2026-12-22", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert await findings(desk) == []


async def test_an_act_is_taken_back_once(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    before = (await office.loan(loan_id))["schedule"]
    done = await office.do(loan_id, "modifications", type="defer", months=1)
    path = f"acts/{done['act']['id']}/reverse"
    await office.do(loan_id, path)
    assert (await office.loan(loan_id))["schedule"] == before
    again = await office.ask(loan_id, path)
    assert (again.status_code, again.json()["code"]) == (409, "already_reversed")
    acts = (await office.loan(loan_id))["acts"]
    undo = await office.ask(loan_id, f"acts/{acts[-1]['id']}/reverse")
    assert (undo.status_code, undo.json()["code"]) == (409, "already_reversed")
    nobody = await office.ask(loan_id, "acts/lact_01h455vb4pex5vsknk084sn02q/reverse")
    assert nobody.status_code == 404
    assert await findings(desk) == []


async def test_a_waiver_above_what_is_owed_gives_up_what_is_owed(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await desk.clock_at(DUE + timedelta(days=10))
    shown = (await office.ask(loan_id, "waive", amount=10**12, component="penalty", preview=True)).json()
    assert shown["given_up"] == shown["before"]["balances"]["penalties"] > 0
    assert shown["after"]["balances"]["penalties"] == 0
    await office.do(loan_id, "waive", amount=10**12, component="penalty")
    nothing = await office.ask(loan_id, "waive", amount=1, component="penalty")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "validation_failed")
    everything = await office.do(loan_id, "waive", amount=10**12, component="principal")
    assert everything["given_up"] == 1_200_000
    assert await findings(desk) == []


async def test_a_loan_that_is_closed_takes_no_act(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    await a_payment(desk, loan_id, 1_200_000, ON)
    assert (await office.loan(loan_id))["status"] == "paid_off"
    for path, body in (
        ("modifications", {"type": "defer", "months": 1}),
        ("waive", {"amount": 1, "component": "interest"}),
        ("charge-off", {}),
    ):
        answer = await office.ask(loan_id, path, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "loan_not_active")
    assert (
        await office.ask("loan_01h455vb4pex5vsknk084sn02q", "waive", seen='"v1"', amount=1)
    ).status_code == 404


async def test_proposals_end_with_their_loan(desk: Desk, office: Office) -> None:
    loan_id = await a_loan(desk, await a_borrower(desk))
    asked = (await office.ask(loan_id, "charge-off")).json()
    await a_payment(desk, loan_id, 1_200_000, ON)
    late = await office.approve(asked["approval"])
    assert (late.status_code, late.json()["code"]) == (412, "stale_version") or late.status_code == 409
    rows = await desk.service.rows("SELECT status FROM approvals")
    assert [row.status for row in rows] == ["withdrawn"]


async def test_money_on_a_loan_that_was_written_off_is_a_recovery(desk: Desk, office: Office) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await desk.clock_at(ON + timedelta(days=211))
    await office.do(loan_id, "charge-off")
    shown = await office.loan(loan_id)
    assert (shown["status"], shown["balances"]["principal"]) == ("charged_off", 1_200_000)
    await a_payment(desk, loan_id, 300_000, ON + timedelta(days=211))
    shown = await office.loan(loan_id)
    assert (shown["status"], shown["balances"]["principal"]) == ("charged_off", 900_000)
    path = f"/v1/loans/{loan_id}/payoff-quote"
    quotes = [
        (await desk.service.get(f"{path}?on={ON + timedelta(days=days)}", who=person)).json()
        for days in (211, 400)
    ]
    assert [quote["total"] for quote in quotes] == [shown["balances"]["total"]] * 2
    assert (quotes[1]["principal"], quotes[1]["per_diem"], quotes[1]["interest_saved"]) == (900_000, 0, 0)
    accounts = await desk.service.rows(
        "SELECT kind, debit, credit, amount FROM transfers WHERE kind IN ('charge_off', 'recovery')"
        " ORDER BY kind"
    )
    assert [tuple(row) for row in accounts] == [
        ("charge_off", "credit_losses", "loans_principal", 1_200_000),
        ("recovery", "cash_at_provider", "recoveries", 300_000),
    ]
    await a_payment(desk, loan_id, 2_000_000, ON + timedelta(days=211))
    shown = await office.loan(loan_id)
    assert (shown["status"], shown["balances"]["total"]) == ("charged_off", 0)
    nothing = await desk.service.get(path, who=person)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "loan_not_active")
    assert await findings(desk) == []


async def test_the_account_at_the_end_of_any_day(desk: Desk, office: Office) -> None:
    person = await a_borrower(desk)
    loan_id = await a_loan(desk, person)
    await desk.clock_at(DUE + timedelta(days=20))
    await a_payment(desk, loan_id, LEVEL, DUE + timedelta(days=20))
    path = f"/v1/loans/{loan_id}?as_of="
    seen = {}
    for on in (ON, DUE, DUE + DAY, DUE + timedelta(days=20)):
        answer = (await desk.service.get(path + on.isoformat(), who=person)).json()
        assert answer == {**answer, "as_of": on.isoformat()}
        seen[on] = (answer["balances"]["principal"], answer["days_past_due"], answer["balances"]["past_due"])
    assert seen == {
        ON: (1_200_000, 0, 0),
        DUE: (1_200_000, 0, 0),
        DUE + DAY: (1_200_000, 1, LEVEL),
        DUE + timedelta(days=20): (807_879, 20, 3_906),
    }
    for day in ("2026-11-21", "2030-01-01"):
        refused = await desk.service.get(path + day, who=person)
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert (await desk.service.get(path + "2026-11-22", who=await a_borrower(desk))).status_code == 404
