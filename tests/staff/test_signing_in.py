"""Staff sign in over HTTP: right, wrong, locked, with one-time passwords."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from refi import clock
from refi.staff import signing_in
from refi.staff.roles import Role
from tests import given
from tests.given import Member, Service

SECRET = base64.b32encode(b"12345678901234567890").decode()


async def sign_in(service: Service, member: Member, **changed: str) -> tuple[int, str]:
    body = {"username": member.username, "password": member.password, **changed}
    answer = await service.http.post("/staff/v1/auth/token", json=body)
    return answer.status_code, answer.json().get("code", "")


async def test_a_token_carries_the_roles(service: Service) -> None:
    member = await given.a_member(service, Role.AUDITOR, Role.REVIEWER)
    body = {"username": member.username.upper(), "password": member.password}
    answer = (await service.http.post("/staff/v1/auth/token", json=body)).json()
    assert (answer["staff"], answer["roles"]) == (member.id, ["auditor", "reviewer"])
    headers = {"Authorization": f"{answer['token_type']} {answer['access_token']}"}
    assert (await service.http.get("/staff/v1/audit", headers=headers)).status_code == 200
    assert (await service.http.get("/v1/me", headers=headers)).status_code == 401


async def test_five_wrong_tries_lock_the_name_whether_or_not_it_exists(service: Service) -> None:
    member = await given.a_member(service, Role.REVIEWER)
    for name in (member.username, "nobody"):
        for _ in range(5):
            assert await sign_in(service, member, username=name, password="wrong") == (401, "unauthenticated")
        body = {"username": name, "password": member.password}
        locked = await service.http.post("/staff/v1/auth/token", json=body)
        assert (locked.status_code, locked.json()["code"]) == (429, "rate_limited")
        assert 0 < int(locked.headers["Retry-After"]) <= 900


async def test_the_right_password_clears_the_count(service: Service) -> None:
    member = await given.a_member(service, Role.REVIEWER)
    for _ in range(2):
        for _ in range(4):
            assert (await sign_in(service, member, password="wrong"))[0] == 401
        assert (await sign_in(service, member))[0] == 200


async def test_who_left_cannot_sign_in(service: Service) -> None:
    member = await given.a_member(service, Role.REVIEWER)
    await service.rows("UPDATE staff_members SET active = false RETURNING id")
    assert await sign_in(service, member) == (401, "unauthenticated")


async def test_one_time_passwords(service: Service) -> None:
    member = await given.a_member(service, Role.ADMIN, totp_secret=SECRET)
    assert (await sign_in(service, member))[0] == 401
    wrong = signing_in.one_time_password(SECRET, clock.utc_now() + timedelta(hours=1))
    assert (await sign_in(service, member, totp=wrong))[0] == 401
    right = signing_in.one_time_password(SECRET, clock.utc_now())
    assert (await sign_in(service, member, totp=right))[0] == 200


@pytest.mark.parametrize(
    "body", [{}, {"username": "a"}, {"username": "a b", "password": "x"}, {"username": 1}]
)
async def test_malformed(service: Service, body: dict[str, object]) -> None:
    answer = await service.http.post("/staff/v1/auth/token", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    assert signing_in.one_time_password(SECRET, datetime.fromtimestamp(seconds, UTC)) == code


@hypothesis_given(st.integers(0, 4_000_000_000), st.integers(-300, 300))
def test_clocks_may_differ_by_half_a_minute(at: int, seconds: int) -> None:
    now = datetime.fromtimestamp(at + 300, UTC)
    code = signing_in.one_time_password(SECRET, now + timedelta(seconds=seconds))
    steps = abs(int((now + timedelta(seconds=seconds)).timestamp()) // 30 - int(now.timestamp()) // 30)
    if steps <= 1:
        assert signing_in.password_fits(SECRET, code, now)


def test_a_secret_that_is_not_base32_is_refused() -> None:
    with pytest.raises(ValueError, match="base32"):
        signing_in.one_time_password("not base32!", datetime(2026, 11, 22, tzinfo=UTC))


def test_old_failures_are_forgotten() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert signing_in.failures_after(4, now - timedelta(minutes=15), now) == 1
    assert signing_in.failures_after(4, now - timedelta(minutes=14), now) == 5
    assert signing_in.locked_until(4, now) is None
    assert signing_in.locked_until(5, now) == now + timedelta(minutes=15)
