"""An e-mail address: said, proved by a code that was sent there, never shown whole, never used before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given as each
from hypothesis import strategies as st

from refi.borrowers import email_service as emails
from refi.borrowers import identity
from refi.db.work import SYSTEM
from tests.given import Person
from tests.servicing import Desk, a_borrower, a_desk

ADDRESS = "wang@example.com"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(database_url, tmp_path) as made:
        yield made


async def say(desk: Desk, person: Person, email: str = ADDRESS, status: int = 200) -> dict[str, object]:
    answer = await desk.service.http.patch("/v1/me", json={"email": email}, headers=person.auth)
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    return found


async def code(desk: Desk) -> str:
    await desk.work_off()
    letter = (await desk.inbox())[-1]
    assert (letter["channel"], letter["template"]) == ("email", "email_code")
    return next(word for word in letter["text"].replace(",", " ").split() if word.isdigit())


async def later(desk: Desk) -> None:
    await desk.service.rows(
        "UPDATE email_addresses SET asked_at = asked_at - interval '2 minutes' RETURNING borrower_id"
    )


async def confirm(desk: Desk, person: Person, given: str) -> int:
    answer = await desk.service.post("/v1/me/email/confirm", {"code": given}, who=person)
    return answer.status_code


async def test_from_said_to_proved(desk: Desk) -> None:
    person = await a_borrower(desk)
    said = await say(desk, person)
    assert (said["email"], said["email_verified"]) == ("w***@example.com", False)
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        assert await emails.proved(work, [person.id]) == {}
    right = await code(desk)
    assert (await desk.inbox())[-1]["to"] == ADDRESS
    wrong = "000000" if right != "000000" else "111111"
    assert await confirm(desk, person, wrong) == 401
    assert await confirm(desk, person, right) == 200
    shown = (await desk.service.get("/v1/me", who=person)).json()
    assert (shown["email"], shown["email_verified"]) == ("w***@example.com", True)
    [row] = await desk.service.rows("SELECT * FROM email_addresses")
    assert ADDRESS not in row.email_sealed
    assert right not in str(row)
    assert await confirm(desk, person, right) == 401  # it is used up


async def test_the_code_is_never_shown_again(desk: Desk) -> None:
    person = await a_borrower(desk)
    await say(desk, person)
    await code(desk)
    [message] = (await desk.service.get("/v1/messages", who=person)).json()["data"]
    assert (message["text"], message["subject"], message["to"]) == (None, None, "w***@example.com")


async def test_five_tries_and_no_more(desk: Desk) -> None:
    person = await a_borrower(desk)
    await say(desk, person)
    right = await code(desk)
    wrong = "000000" if right != "000000" else "111111"
    assert [await confirm(desk, person, wrong) for _ in range(5)] == [401] * 5
    assert await confirm(desk, person, right) == 401
    await later(desk)
    await say(desk, person)
    assert await confirm(desk, person, await code(desk)) == 200


async def test_an_old_code_proves_nothing(desk: Desk) -> None:
    person = await a_borrower(desk)
    await say(desk, person)
    right = await code(desk)
    await desk.service.rows(
        "UPDATE email_addresses SET code_until = now() - interval '1 second' RETURNING borrower_id"
    )
    assert await confirm(desk, person, right) == 401


async def test_the_code_of_somebody_else_proves_nothing(desk: Desk) -> None:
    person, other = await a_borrower(desk), await a_borrower(desk)
    await say(desk, person)
    right = await code(desk)
    assert await confirm(desk, other, right) == 404
    await say(desk, other, "zhang@example.com")
    assert await confirm(desk, other, right) == 401


async def test_codes_are_not_sent_as_fast_as_they_are_asked_for(desk: Desk) -> None:
    person = await a_borrower(desk)
    await say(desk, person)
    refused = await desk.service.http.patch(
        "/v1/me", json={"email": "zhang@example.com"}, headers=person.auth
    )
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    await desk.work_off()
    assert len(await desk.inbox()) == 1


async def test_a_new_address_is_not_proved_by_the_old_one(desk: Desk) -> None:
    person = await a_borrower(desk)
    await say(desk, person)
    assert await confirm(desk, person, await code(desk)) == 200
    assert (await say(desk, person))["email_verified"] is True  # the same one again asks nothing
    await later(desk)
    assert (await say(desk, person, "zhang@example.com"))["email_verified"] is False
    assert len(await desk.inbox()) == 1


@pytest.mark.parametrize(
    "email",
    [
        "wang", "wang@", "@example.com", "wang@example", "wang@@example.com", "wang@example..com",
        "wang@-example.com", "a b@example.com", "wang@example.com\nBcc: x@example.com", ".wang@example.com",
        '"wang"@example.com', "王@example.com", "wang@例子.com", "wang@example.com ", "wang@[127.0.0.1]",
        "w@" + "a" * 200 + ".com",
    ],
)  # fmt: skip
async def test_what_is_no_address_is_refused(desk: Desk, email: str) -> None:
    person = await a_borrower(desk)
    assert (await say(desk, person, email, 422))["code"] == "validation_failed"
    assert await desk.service.rows("SELECT 1 FROM email_addresses") == []


@each(st.emails())
def test_a_masked_address_shows_one_letter_and_the_domain(address: str) -> None:
    person, _, domain = address.rpartition("@")
    masked = identity.mask_email(address)
    assert masked.endswith("@" + domain)
    assert len(person) == 1 or masked[1 : len(person)] == "*" * (len(person) - 1)
