"""A borrower's own things over HTTP: the profile, consents, devices, accounts; never anybody else's."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from refi import ids
from refi.staff.roles import Role
from tests import given
from tests.api.walk import a_suggestion
from tests.given import Person, Service
from tests.servicing import Desk, a_loan, a_payment

NAME, ACCOUNT = "欧阳娜娜", "6222021234567890128"


async def patch(service: Service, person: Person, **profile: Any) -> Any:
    return await service.http.patch("/v1/me", json=profile, headers=person.auth)


async def everything(service: Service) -> str:
    """Every row of every table, as text; what is sealed or kept as bytes as it lies there."""
    found: list[str] = []
    async with service.database.engine.connect() as connection:
        tables = await connection.execute(
            text(
                "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('public', 'queue')"
            )
        )
        for (table,) in tables.all():
            for row in await connection.execute(text(f"SELECT * FROM {table}")):
                found.extend(
                    value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row
                )
    return "\n".join(found)


async def test_the_profile_is_shown_masked(service: Service) -> None:
    person = await given.a_borrower(service, identified=False, monthly_income=None, consents=())
    empty = (await service.get("/v1/me", who=person)).json()
    assert (empty["name"], empty["national_id"], empty["monthly_income"], empty["consents"]) == (
        None,
        None,
        None,
        [],
    )
    answer = await patch(
        service, person, name=NAME, national_id=given.national_id(5), monthly_income=850_000, locale="en",
        time_zone="Asia/Urumqi",
    )  # fmt: skip
    shown = answer.json()
    assert shown == (await service.get("/v1/me", who=person)).json()
    assert (shown["name"], shown["monthly_income"], shown["locale"]) == (NAME, 850_000, "en")
    assert shown["national_id"] == "*" * 14 + given.national_id(5)[-4:]
    assert shown["time_zone"] == "Asia/Urumqi"
    assert set(shown["phone"][6:10]) == {"*"}


async def test_only_what_is_sent_changes(service: Service) -> None:
    person = await given.a_borrower(service)
    before = (await service.get("/v1/me", who=person)).json()
    after = (await patch(service, person, monthly_income=0)).json()
    assert after == {**before, "monthly_income": 0}
    assert (await patch(service, person)).json() == after


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("national_id", "11010119900307001"), ("national_id", "110101199003070010"),
        ("national_id", "110101199013070018"), ("national_id", "１１０１０１１９９００３０７００１Ｘ"),
        ("national_id", "000000000000000000"), ("national_id", "11010120990307001X"),
        ("time_zone", "Mars/Olympus"), ("time_zone", "../../etc/passwd"), ("time_zone", "/etc/localtime"),
        ("time_zone", "Asia"), ("time_zone", "Factory"), ("time_zone", "localtime"),
        ("time_zone", "right/UTC"), ("locale", "fr"), ("locale", "zh"), ("name", ""), ("name", "x" * 201),
        ("name", "a\x00"), ("monthly_income", -1), ("monthly_income", 1.5), ("monthly_income", "850000"),
        ("monthly_income", 10**15 + 1),
        ("phone", "+8613800138000"), ("id", "bor_1"),
    ],
)  # fmt: skip
async def test_a_profile_that_cannot_be(service: Service, field: str, value: Any) -> None:
    person = await given.a_borrower(service, identified=False)
    answer = await patch(service, person, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed"), answer.text
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/{field}"]


async def test_a_national_id_is_given_once(service: Service) -> None:
    person = await given.a_borrower(service, identified=False)
    mine = next(number for number in range(100) if given.national_id(number).endswith("X"))
    for written in (given.national_id(mine), given.national_id(mine).lower()):
        assert (await patch(service, person, national_id=written)).status_code == 200
    answer = await patch(service, person, national_id=given.national_id(mine + 1))
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")
    assert answer.json()["allowed"] == []


async def test_two_ids_at_once_leave_one(service: Service) -> None:
    person = await given.a_borrower(service, identified=False)
    answers = await asyncio.gather(
        *(patch(service, person, national_id=given.national_id(number)) for number in range(100, 106))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5


async def test_consents_are_appended_and_the_newest_counts(service: Service) -> None:
    person = await given.a_borrower(service, consents=())
    body = {"purpose": "marketing", "text_version": "2026-11"}
    given_ = await service.post("/v1/consents", body, who=person)
    assert (given_.status_code, given_.json()["granted"]) == (201, True)
    taken = await service.http.delete("/v1/consents/marketing", headers=person.auth)
    assert (taken.status_code, taken.json()["granted"]) == (200, False)
    await service.post("/v1/consents", {**body, "text_version": "2026-12"}, who=person)
    [standing] = (await service.get("/v1/me", who=person)).json()["consents"]
    assert (standing["granted"], standing["text_version"]) == (True, "2026-12")
    rows = await service.rows("SELECT granted, text_version FROM consents ORDER BY id")
    assert [tuple(row) for row in rows] == [(True, "2026-11"), (False, "withdrawal"), (True, "2026-12")]
    for purpose in ("everything", "MARKETING", "marketing "):
        answer = await service.http.delete(f"/v1/consents/{purpose}", headers=person.auth)
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("change", ["UPDATE consents SET granted = false", "DELETE FROM consents"])
async def test_the_database_keeps_the_consent_ledger(service: Service, change: str) -> None:
    await given.a_borrower(service)
    with pytest.raises(DBAPIError, match="append"):
        await service.rows(change)


async def test_the_same_device_twice_is_one(service: Service) -> None:
    person, other = await given.a_borrower(service), await given.a_borrower(service)
    body = {"platform": "harmony", "token": "push-target-0001"}
    answers = await asyncio.gather(*(service.post("/v1/devices", body, who=person) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert "push-target" not in answers[0].text
    assert (await service.post("/v1/devices", body, who=other)).json()["id"] != answers[0].json()["id"]


async def test_an_account_is_proved_before_it_is_kept(desk: Desk) -> None:
    service = desk.service
    person = await given.a_borrower(service)
    mine = (await service.post("/v1/bank-accounts", {"bank": "ICBC", "number": ACCOUNT}, who=person)).json()
    assert (mine["verified"], mine["last4"], mine["bank"]) == (True, "0128", "ICBC")
    again = (await service.post("/v1/bank-accounts", {"bank": "ICBC", "number": ACCOUNT}, who=person)).json()
    assert again["id"] == mine["id"]
    foreign = {"bank": "ICBC", "number": "6222021234560002"}
    theirs = (await service.post("/v1/bank-accounts", foreign, who=person)).json()
    assert theirs["verified"] is False
    listed = (await service.get("/v1/bank-accounts", who=person)).json()
    assert [each["id"] for each in listed["data"]] == [theirs["id"], mine["id"]]
    assert (await service.get("/v1/bank-accounts", who=await given.a_borrower(service))).json()["data"] == []


async def test_an_account_can_be_linked_again_after_the_name_changed(desk: Desk) -> None:
    """The proof's key holds the whole question: the provider refuses another question under one key."""
    service = desk.service
    person = await given.a_borrower(service)
    body = {"bank": "ICBC", "number": ACCOUNT}
    assert (await service.post("/v1/bank-accounts", body, who=person)).status_code == 201
    await patch(service, person, name="李四")
    answer = await service.post("/v1/bank-accounts", body, who=person)
    assert answer.status_code == 201, answer.text
    body = {"bank": "BOC", "number": ACCOUNT}
    assert (await service.post("/v1/bank-accounts", body, who=person)).status_code == 201


async def test_without_a_name_nothing_is_proved(desk: Desk) -> None:
    service = desk.service
    person = await given.a_borrower(service, identified=False)
    answer = await service.post("/v1/bank-accounts", {"bank": "ICBC", "number": ACCOUNT}, who=person)
    assert answer.status_code == 422
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/name", "/national_id"}


@pytest.mark.parametrize("mode", ["error", "silent"])
async def test_a_silent_provider_is_a_503_and_nothing_is_kept(desk: Desk, mode: str) -> None:
    service = desk.service
    person = await given.a_borrower(service)
    fault = {"operation": "account_proofs", "mode": mode, "calls": 20}
    assert (await desk.provider.post("/control/faults", json=fault)).status_code == 201
    body = {"bank": "ICBC", "number": ACCOUNT}
    answer = await service.post("/v1/bank-accounts", body, who=person, key="again")
    assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert await service.rows("SELECT id FROM bank_accounts") == []
    assert await service.rows("SELECT key FROM stored_answers") == []
    assert (await desk.provider.delete("/control/faults")).status_code == 204
    assert (await service.post("/v1/bank-accounts", body, who=person, key="again")).status_code == 201


async def test_the_same_key_links_one_account_and_says_so_again(desk: Desk) -> None:
    service = desk.service
    person = await given.a_borrower(service)
    body = {"bank": "ICBC", "number": ACCOUNT}
    first = await service.post("/v1/bank-accounts", body, who=person, key="one")
    again = await service.post("/v1/bank-accounts", body, who=person, key="one")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = await service.post("/v1/bank-accounts", {**body, "bank": "BOC"}, who=person, key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nothing_sensitive_lies_in_the_clear(desk: Desk) -> None:
    """After a whole life of a borrower: no table holds a phone, id, card, account, name, token or code."""
    service = desk.service
    phone, card, national_id = "+8613912345678", "6225880137706868", given.national_id(321)
    await service.http.post("/v1/auth/otp", json={"phone": phone})
    [row] = await service.rows("SELECT body FROM events WHERE type = 'OneTimeCodeIssued'")
    code = service.database.vault.open(row.body["sealed_code"])
    signed_in = (await service.http.post("/v1/auth/token", json={"phone": phone, "code": code})).json()
    person = Person(signed_in["borrower"], signed_in["access_token"])
    await patch(service, person, name=NAME, national_id=national_id, monthly_income=850_000)
    for purpose in ("bureau_query", "statement_read", "contact"):
        await service.post("/v1/consents", {"purpose": purpose, "text_version": "1"}, who=person)
    device = "push-target-of-this-borrower"
    assert (await service.post("/v1/devices", {"platform": "ios", "token": device}, who=person)).is_success
    linked = await service.post("/v1/cards", {"issuer": "CMB", "number": card}, who=person)
    assert linked.json()["payable"], linked.text
    account = await service.post("/v1/bank-accounts", {"bank": "ICBC", "number": ACCOUNT}, who=person)
    assert account.json()["verified"], account.text
    person.card = linked.json()["id"]
    await given.a_bill(service, person)
    wish = {"statement": person.statement, "term": 6}
    application = await service.post("/v1/applications", wish, who=person)
    offer = application.json()["offers"][0]
    body = {"agreement_hash": offer["agreement_hash"]}
    assert (await service.post(f"/v1/offers/{offer['id']}/accept", body, who=person)).status_code == 201
    await desk.work_off()
    assert [message["text"] for message in await desk.inbox()]
    held = await everything(service)
    assert person.id in held
    secrets = {
        "phone": phone[3:], "card": card, "national id": national_id, "account": ACCOUNT, "name": NAME,
        "device": device, "refresh token": signed_in["refresh_token"], "access token": person.token,
        "sealed by json": json.dumps(NAME)[1:-1],
    }  # fmt: skip
    assert [name for name, secret in secrets.items() if secret in held] == []
    assert not re.search(rf"(?<![0-9A-Za-z.]){code}(?![0-9A-Za-z])", held)


OF_SOME_KIND = re.compile(r"\b([a-z]+)_[0-9a-z]{26}\b")


async def refused(service: Service, who: Person, method: str, path: str, body: Any) -> dict[str, Any]:
    """The 404 to that request, without its id."""
    headers = {**who.auth, "Idempotency-Key": ids.new("evt")}
    answer = await service.http.request(method, path, json=body, headers=headers)
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (404, "not_found"), f"{method} {path} {answer.text}"
    del problem["request_id"]
    return problem


async def test_somebody_elses_things_are_not_found(desk: Desk) -> None:
    """Every path with an id answers a stranger 404, as it does for what does not exist; never 403."""
    service = desk.service
    owner = await given.a_card_holder(service)
    await given.an_account(service, owner)
    loan = await a_loan(desk, owner, term=6)
    await a_payment(desk, loan, 10_000, date(2026, 11, 22))
    [paid] = (await service.get(f"/v1/loans/{loan}/payments", who=owner)).json()["data"]
    payment = paid["id"]
    assert (await service.get(f"/v1/payments/{payment}", who=owner)).status_code == 200
    made = (
        await service.post("/v1/applications", {"statement": owner.statement, "term": 6}, who=owner)
    ).json()
    offer = made["offers"][0]
    stranger = await given.a_card_holder(service)
    await given.an_account(service, stranger)
    suggestion = await a_suggestion(service.database, owner.id, loan)
    bill = {"statement_date": "2026-11-01", "due_date": "2026-11-20"}
    figures = {**bill, "statement_balance": 1_000, "minimum_payment": 100}
    pay = {"amount": 10_000, "source": {"type": "bank_debit"}}
    from_theirs = {**pay, "source": {"type": "bank_debit", "bank_account": owner.account}}
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/cards/{owner.card}", None),
        ("GET", f"/v1/cards/{owner.card}/statements", None),
        ("POST", f"/v1/cards/{owner.card}/statements", figures),
        ("POST", "/v1/quotes", {"statement": owner.statement}),
        ("POST", "/v1/applications", {"statement": owner.statement, "term": 6}),
        ("GET", f"/v1/applications/{made['id']}", None),
        ("GET", f"/v1/applications/{made['id']}/documents", None),
        ("POST", f"/v1/applications/{made['id']}/withdraw", None),
        ("POST", f"/v1/applications/{made['id']}/respond", {"message": "hello"}),
        ("POST", f"/v1/applications/{made['id']}/request-review", {}),
        ("GET", f"/v1/offers/{offer['id']}", None),
        ("GET", f"/v1/offers/{offer['id']}/schedule", None),
        ("POST", f"/v1/offers/{offer['id']}/accept", {"agreement_hash": offer["agreement_hash"]}),
        ("GET", f"/v1/loans/{loan}", None),
        ("GET", f"/v1/loans/{loan}/schedule", None),
        ("GET", f"/v1/loans/{loan}/payoff-quote", None),
        ("GET", f"/v1/loans/{loan}/transactions", None),
        ("GET", f"/v1/loans/{loan}/payments", None),
        ("POST", f"/v1/loans/{loan}/payments", pay),
        ("GET", f"/v1/payments/{payment}", None),
        ("POST", f"/v1/suggestions/{suggestion}/accept", {}),
        ("POST", f"/v1/suggestions/{suggestion}/dismiss", None),
    ]
    own_loan = await a_loan(desk, stranger, term=6)
    autopay = {"bank_account": owner.account, "day_offset": 0}
    asked += [
        ("POST", f"/v1/loans/{own_loan}/payments", from_theirs),
        ("PUT", f"/v1/loans/{own_loan}/autopay", autopay),
    ]
    for method, path, body in asked:
        answer = await refused(service, stranger, method, path, body)
        assert "allowed" not in answer
        other = OF_SOME_KIND.sub(
            lambda found: found[0] if found[0] == own_loan else ids.new(found[1]), json.dumps([path, body])
        )
        made_up = await refused(service, stranger, method, *json.loads(other))
        assert {**answer, "instance": None} == {**made_up, "instance": None}, f"{method} {path}"
    for path in ("/v1/loans", "/v1/applications", "/v1/messages", "/v1/suggestions"):
        listed = (await service.get(f"{path}?limit=100", who=stranger)).text
        assert all(each not in listed for each in (loan, made["id"], offer["id"], payment))
    assert [each["id"] for each in (await service.get("/v1/suggestions", who=owner)).json()["data"]] == [
        suggestion
    ]
    [kept] = (await service.get("/v1/applications", who=owner)).json()["data"]
    assert kept["status"] == "approved"


async def test_staff_sees_no_borrower_in_the_clear(service: Service) -> None:
    person = await given.a_card_holder(service, monthly_income=None)
    await service.post("/v1/applications", {"statement": person.statement, "term": 6}, who=person)
    reviewer = await given.a_member(service, Role.SENIOR_REVIEWER)
    [review] = (await service.get("/staff/v1/reviews", who=reviewer)).json()["data"]
    case = (await service.get(f"/staff/v1/reviews/{review['id']}", who=reviewer)).text
    [row] = await service.rows("SELECT * FROM borrowers WHERE id = :id", id=person.id)
    opened = service.database.vault.open
    for sealed in (row.phone_sealed, row.name_sealed, row.national_id_sealed):
        assert opened(sealed) not in case
