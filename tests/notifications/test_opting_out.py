"""One click leaves marketing e-mail, without signing in; a scanner that follows every link leaves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx
import pytest

from refi.borrowers import service as borrowers
from refi.borrowers.tables import Purpose
from refi.db.work import SYSTEM, Work
from refi.notifications import jobs, opting_out, service
from refi.notifications.messages import Gate, Wanted
from refi.notifications.tables import Message
from tests.given import Person
from tests.notifications.reminding import a_reminder
from tests.notifications.test_inbox import with_email
from tests.servicing import Desk, a_borrower

VALUES = {"amount": 300_000, "currency": "CNY", "term": 6, "apr": "0.12"}


async def a_letter(desk: Desk) -> tuple[Person, str]:
    """A borrower who agreed to marketing, and the opt-out link of a letter that they got."""
    person = await a_borrower(desk)
    await with_email(desk, person, proved=True)
    wish = service.Plan(
        key=f"offer:{person.id}", kind="offer", template="micro_loan", gate=Gate.MARKETING, channel="email",
        locale="en", borrower_id=person.id,
    )  # fmt: skip
    async with desk.runtime.database.work(SYSTEM) as work:
        await borrowers.record_consent(work, person.id, Purpose.MARKETING, "1", granted=True)
        [message_id] = await service.plan(work, [wish])

    async def wanted(_: Work, rows: Sequence[Message]) -> dict[str, Wanted]:
        return {row.id: Wanted(VALUES) for row in rows}

    await jobs.send_messages(desk.runtime.database, desk.runtime.channels, {"offer": wanted}, [message_id])
    letter = (await desk.inbox())[-1]
    link = letter["text"].partition("To unsubscribe: ")[2].split()[0]
    assert link.startswith("http://127.0.0.1:8700/v1/opt-out/msg_")
    return person, httpx.URL(link).path


async def consent(desk: Desk, person: Person, purpose: str = "marketing") -> bool | None:
    rows = await desk.service.rows(
        "SELECT granted FROM consents WHERE borrower_id = :id AND purpose = :purpose"
        " ORDER BY id DESC LIMIT 1",
        id=person.id, purpose=purpose,
    )  # fmt: skip
    return rows[0].granted if rows else None


async def test_one_click(desk: Desk) -> None:
    person, path = await a_letter(desk)
    answer = await desk.service.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200, answer.text
    assert await consent(desk, person) is False
    assert await consent(desk, person, "contact") is None  # how a payment stands is still told
    [row] = await desk.service.rows("SELECT text_version FROM consents WHERE NOT granted")
    assert row.text_version == "opt_out_email"


async def test_a_click_again_and_many_at_once_change_nothing_more(desk: Desk) -> None:
    _, path = await a_letter(desk)
    answers = await asyncio.gather(*(desk.service.http.post(path) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await desk.service.rows("SELECT 1 FROM consents WHERE NOT granted")) == 1


async def test_who_agrees_again_stays_in_until_the_next_click(desk: Desk) -> None:
    person, path = await a_letter(desk)
    await desk.service.http.post(path)
    body = {"purpose": "marketing", "text_version": "2"}
    assert (await desk.service.post("/v1/consents", body, who=person)).status_code == 201
    assert await consent(desk, person) is True
    await desk.service.http.post(path)
    assert await consent(desk, person) is False


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_following_the_link_changes_nothing(desk: Desk, method: str) -> None:
    person, path = await a_letter(desk)
    answer = await desk.service.http.request(method, path)
    assert answer.status_code in (200, 405)
    assert await consent(desk, person) is True


async def test_the_page_asks_in_the_readers_language(desk: Desk) -> None:
    _, path = await a_letter(desk)
    page = await desk.service.http.get(path, headers={"Accept-Language": "zh-CN"})
    assert "退订" in page.text
    assert '<form method="post">' in page.text
    assert "msg_" not in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'"


async def test_a_link_that_we_did_not_make(desk: Desk) -> None:
    person, path = await a_letter(desk)
    token = path.rpartition("/")[2]
    message_id, _, proof = token.partition(".")
    reminder = await a_reminder(desk, person)
    forged = [
        token[:-1] + ("0" if token[-1] != "0" else "1"), message_id, f"{message_id}.", f"{reminder}.{proof}",
        token.upper(), token + "0", f".{proof}", "x", "%00", "..%2f..", "%F0%9F%98%80", "m" * 300,
    ]  # fmt: skip
    for each in forged:
        for method in ("GET", "POST"):
            answer = await desk.service.http.request(method, f"/v1/opt-out/{each}")
            assert answer.status_code in (404, 422), (each, answer.text)
    assert await consent(desk, person) is True


def test_a_link_names_a_message_and_nobody_else_can_make_one() -> None:
    def digest(purpose: str, text: str) -> str:
        return f"{hash((purpose, text)) & (2**128 - 1):032x}" * 2

    token = opting_out.token_of(digest, "msg_01m8w0000000000000000000ab")
    assert opting_out.message_of(digest, token) == "msg_01m8w0000000000000000000ab"
    assert opting_out.message_of(lambda *_: "f" * 64, token) is None
    assert opting_out.link_of(digest, "https://refi.test/", "m").startswith("https://refi.test/v1/opt-out/m.")
