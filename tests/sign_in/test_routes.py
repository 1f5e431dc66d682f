"""Signing in over HTTP: codes that tell nothing, tokens that rotate, and what every stranger is answered."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import statistics
import time
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import text

from refi import clock, ids
from refi.db.work import SYSTEM, Actor
from refi.settings import SANDBOX_TOKEN_SECRET
from refi.sign_in import rules
from refi.staff.roles import Role
from tests import given
from tests.given import Service

PHONE = "+8613800138000"


async def ask(service: Service, phone: str = PHONE) -> httpx.Response:
    return await service.http.post("/v1/auth/otp", json={"phone": phone})


async def enter(service: Service, code: str, phone: str = PHONE) -> httpx.Response:
    return await service.http.post("/v1/auth/token", json={"phone": phone, "code": code})


async def refresh(service: Service, token: str) -> httpx.Response:
    return await service.http.post("/v1/auth/refresh", json={"refresh_token": token})


async def sent_code(service: Service) -> str:
    """The newest code, from the event that carries it sealed to the channel."""
    [row, *_] = await service.rows(
        "SELECT body FROM events WHERE type = 'OneTimeCodeIssued' ORDER BY id DESC LIMIT 1"
    )
    sealed = row.body["sealed_code"]
    async with service.database.work(SYSTEM, reading=True) as work:
        return work.vault.open(sealed)


async def signed_in(service: Service, phone: str = PHONE) -> dict[str, Any]:
    await ask(service, phone)
    answer = await enter(service, await sent_code(service), phone)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def age(service: Service, table: str, by: timedelta) -> None:
    """Let all rows of a table have been made ``by`` earlier."""
    async with service.database.engine.begin() as connection:
        await connection.execute(
            text(
                f"UPDATE {table} SET created_at = created_at - CAST(:by AS interval),"
                " expires_at = expires_at - CAST(:by AS interval)"
            ),
            {"by": by},
        )


async def me(service: Service, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await service.http.get("/v1/me", headers=headers)


async def test_a_new_phone_signs_in_and_is_registered_once(service: Service) -> None:
    first, second = await signed_in(service), await signed_in(service)
    assert first["borrower"] == second["borrower"]
    assert first["token_type"] == "Bearer"
    assert 0 < first["expires_in"] <= 3600
    profile = await me(service, f"Bearer {first['access_token']}")
    assert profile.json()["phone"] == "+86138****8000"
    assert len(await service.rows("SELECT id FROM borrowers")) == 1


@pytest.mark.parametrize("phone", ["13800138000", "138 0013 8000", "+86 138-0013-8000", "0086 13800138000"])
async def test_one_phone_however_it_is_written(service: Service, phone: str) -> None:
    first = await signed_in(service)
    assert (await signed_in(service, phone))["borrower"] == first["borrower"]


@pytest.mark.parametrize(
    "phone",
    ["12345", "+8612345678901", "１３８００１３８０００", "+999123456789", "abcdefgh", "+86138001380００"],
)
async def test_what_is_no_phone(service: Service, phone: str) -> None:
    for answer in (await ask(service, phone), await enter(service, "123456", phone)):
        assert (answer.status_code, answer.json()["errors"]) == (
            422, [{"pointer": "/phone", "code": "phone_invalid"}],
        )  # fmt: skip
    assert await service.rows("SELECT id FROM one_time_codes") == []


async def test_the_answer_does_not_tell_whether_a_phone_is_known(service: Service) -> None:
    """The same status, body, headers and kind of work; neither before nor after a wrong code."""
    await signed_in(service)
    known, unknown = PHONE, "+8613900139000"
    answers = [await ask(service, phone) for phone in (known, unknown)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    names = [sorted(answer.headers) for answer in answers]
    assert names[0] == names[1]
    code = await sent_code(service)
    wrong = [await enter(service, other(code), phone) for phone in (known, unknown, "+8613700137000")]
    told = [{**answer.json(), "request_id": ""} for answer in wrong]
    assert told[0] == told[1] == told[2]
    assert told[0]["code"] == "otp_invalid"
    rows = await service.rows("SELECT type FROM events WHERE type = 'OneTimeCodeIssued'")
    assert len(rows) == 3


async def test_known_and_unknown_phones_take_alike_long(service: Service) -> None:
    known = [f"+86138001381{number:02d}" for number in range(12)]
    for phone in known:
        await signed_in(service, phone)
    took: dict[bool, list[float]] = {True: [], False: []}
    for number, phone in enumerate(known):
        for is_known, each in ((True, phone), (False, f"+86139001391{number:02d}")):
            started = time.perf_counter()
            assert (await ask(service, each)).status_code == 202
            took[is_known].append(time.perf_counter() - started)
    fast, slow = sorted((statistics.median(took[True]), statistics.median(took[False])))
    assert slow < 3 * fast + 0.01


async def test_a_code_is_kept_as_a_keyed_digest(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    [row] = await service.rows("SELECT * FROM one_time_codes")
    assert code not in str(row._mapping)
    digests = {
        hashlib.sha256(text.encode()).hexdigest() for text in (code, f"{PHONE}{code}", f"{PHONE}:{code}")
    }
    assert row.code_hash not in digests


async def test_a_code_works_once(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    answers = await asyncio.gather(*(enter(service, code) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_a_code_expires(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    await age(service, "one_time_codes", rules.CODE_LIFE - timedelta(seconds=20))
    assert (await enter(service, other(code))).status_code == 401
    await age(service, "one_time_codes", timedelta(seconds=21))
    late = await enter(service, code)
    assert (late.status_code, late.json()["code"]) == (401, "otp_invalid")
    assert await service.rows("SELECT id FROM borrowers") == []


async def test_only_the_newest_code_works(service: Service) -> None:
    await ask(service)
    old = await sent_code(service)
    await ask(service)
    new = await sent_code(service)
    if old != new:
        assert (await enter(service, old)).status_code == 401
    assert (await enter(service, new)).status_code == 200


async def test_a_code_is_of_one_phone(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    await ask(service, "+8613900139000")
    if await sent_code(service) != code:
        assert (await enter(service, code, "+8613900139000")).status_code == 401
    assert (await enter(service, code)).status_code == 200


async def test_after_some_wrong_tries_the_right_code_is_wrong_too(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    for _ in range(rules.CODE_TRIES):
        assert (await enter(service, other(code))).status_code == 401
    assert (await enter(service, code)).status_code == 401


async def test_wrong_tries_at_once_are_all_counted(service: Service) -> None:
    await ask(service)
    code = await sent_code(service)
    await asyncio.gather(*(enter(service, other(code)) for _ in range(12)))
    [row] = await service.rows("SELECT attempts FROM one_time_codes")
    assert row.attempts == rules.CODE_TRIES
    assert (await enter(service, code)).status_code == 401


async def test_too_many_codes_are_refused_and_say_when_to_come_again(service: Service) -> None:
    answers = await asyncio.gather(*(ask(service) for _ in range(rules.CODES_PER_WINDOW + 3)))
    assert sorted(answer.status_code for answer in answers) == [202] * rules.CODES_PER_WINDOW + [429] * 3
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= rules.CODE_WINDOW.total_seconds()
    assert (await ask(service, "+8613900139000")).status_code == 202
    await age(service, "one_time_codes", rules.CODE_WINDOW)
    assert (await ask(service)).status_code == 202


async def test_refresh_tokens_rotate(service: Service) -> None:
    first = await signed_in(service)
    second = (await refresh(service, first["refresh_token"])).json()
    third = (await refresh(service, second["refresh_token"])).json()
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    assert third["borrower"] == first["borrower"]
    assert (await me(service, f"Bearer {third['access_token']}")).status_code == 200
    held = str([row._mapping for row in await service.rows("SELECT * FROM refresh_tokens")])
    assert all(each["refresh_token"] not in held for each in (first, second, third))


async def test_a_refresh_token_that_comes_twice_ends_the_family_and_no_other(service: Service) -> None:
    first, elsewhere = await signed_in(service), await signed_in(service)
    second = (await refresh(service, first["refresh_token"])).json()
    again = await refresh(service, first["refresh_token"])
    assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")
    assert (await refresh(service, second["refresh_token"])).status_code == 401
    assert (await refresh(service, elsewhere["refresh_token"])).status_code == 200


async def test_one_refresh_token_at_once_gives_one_successor_at_most(service: Service) -> None:
    first = await signed_in(service)
    answers = await asyncio.gather(*(refresh(service, first["refresh_token"]) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 5
    [survivor] = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await refresh(service, survivor["refresh_token"])).status_code == 401


async def test_refresh_tokens_expire(service: Service) -> None:
    first = await signed_in(service)
    await age(service, "refresh_tokens", timedelta(days=31))
    assert (await refresh(service, first["refresh_token"])).status_code == 401
    for nonsense in ("x" * 43, first["access_token"][:90]):
        assert (await refresh(service, nonsense)).status_code == 401


def forged(secret: str = SANDBOX_TOKEN_SECRET, algorithm: str = "HS256", **changed: Any) -> str:
    """A token like ours, but for what is changed; a claim that is None is left out."""
    now = int(clock.utc_now().timestamp())
    claims = {"sub": ids.new("bor"), "kind": "borrower", "roles": [], "iat": now, "exp": now + 600, **changed}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm)


def unsigned(token: str) -> str:
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    return f"{header}.{token.split('.')[1]}."


async def test_tokens_that_are_none(service: Service) -> None:
    person = await given.a_borrower(service)
    good = person.token
    head, claims, signature = good.split(".")
    swapped = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(claims + "==").replace(person.id.encode(), ids.new("bor").encode())
    )
    now = int(clock.utc_now().timestamp())
    bad = {
        "none": None, "empty": "", "no scheme": good, "basic": "Basic YTpi", "only the scheme": "Bearer",
        "a space": "Bearer  ", "two": f"Bearer {good} {good}", "cut": f"Bearer {good[:-4]}",
        "alg none": f"Bearer {unsigned(good)}", "unsigned": f"Bearer {head}.{claims}.",
        "other claims": f"Bearer {head}.{swapped.decode().rstrip('=')}.{signature}",
        "other secret": f"Bearer {forged('x' * 48, sub=person.id)}",
        "other algorithm": f"Bearer {forged(SANDBOX_TOKEN_SECRET * 2, 'HS512', sub=person.id)}",
        "same secret, HS512": f"Bearer {forged(SANDBOX_TOKEN_SECRET.ljust(64, '0'), 'HS512', sub=person.id)}",
        "expired": f"Bearer {forged(sub=person.id, exp=now - 1)}",
        "endless": f"Bearer {forged(sub=person.id, exp=None)}",
        "expires in words": f"Bearer {forged(sub=person.id, exp='tomorrow')}",
        "nobody": f"Bearer {forged(sub=None)}", "a number": f"Bearer {forged(sub=7)}",
        "no kind": f"Bearer {forged(sub=person.id, kind=None)}", "kind": f"Bearer {forged(kind='admin')}",
        "staff": f"Bearer {service.token(Actor('staff', ids.new('staff'), frozenset({'admin'})))}",
        "not ASCII": "Bearer é", "long": "Bearer " + "a" * 50_000, "dots": "Bearer ...",
    }  # fmt: skip
    assert (await me(service, f"Bearer {good}")).status_code == 200
    assert (await me(service, f"bearer {good}")).status_code == 200
    for name, authorization in bad.items():
        headers = {} if authorization is None else {b"Authorization": authorization.encode()}
        answer = await service.http.get("/v1/me", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), name
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_of_nobody_finds_nobody(service: Service) -> None:
    answer = await me(service, f"Bearer {forged()}")
    assert answer.status_code in (401, 404)


async def test_a_borrower_is_no_staff_and_staff_no_borrower(service: Service) -> None:
    person, member = await given.a_borrower(service), await given.a_member(service, Role.ADMIN)
    for path, who in (
        ("/staff/v1/audit", person), ("/staff/v1/reviews", person), ("/v1/me", member), ("/v1/loans", member),
    ):  # fmt: skip
        answer = await service.get(path, who=who)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_time_travel_signs_nobody_out(service: Service) -> None:
    tokens = await signed_in(service)
    async with service.database.engine.begin() as connection:
        await connection.execute(text("UPDATE business_clock SET shift = '400 days'"))
    assert (await me(service, f"Bearer {tokens['access_token']}")).status_code == 200
    assert (await refresh(service, tokens["refresh_token"])).status_code == 200
    assert (await signed_in(service))["borrower"] == tokens["borrower"]
