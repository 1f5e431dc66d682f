"""Asking to allow push: one moment a borrower, a no respected, rates with their intervals."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from refi import policies
from refi.db.work import SYSTEM
from refi.notifications import push_opt_in_service as prompts
from refi.notifications.push_opt_in import Reason, arm_of, rate, why_not
from refi.policies import PushOptIn
from tests.books import ON
from tests.given import Person
from tests.servicing import Desk, a_borrower

POLICY = policies.load("cn").contact.push_opt_in
MOMENTS = ["after_signature", "after_first_reminder", "after_payment"]


def test_arms_are_stable_and_as_large_as_they_should_be() -> None:
    drawn = Counter(arm_of(POLICY, f"bor_{number}") for number in range(6000))
    assert set(drawn) == set(MOMENTS)
    assert all(abs(drawn[arm.moment] / 60 - arm.share) < 2.5 for arm in POLICY.arms)
    assert all(arm_of(POLICY, f"bor_{n}") == arm_of(POLICY, f"bor_{n}") for n in range(50))


@pytest.mark.parametrize("shares", [(50, 49), (50, 51), (100, 1)])
def test_shares_that_are_not_everybody_are_refused(shares: tuple[int, int]) -> None:
    arms = [{"moment": moment, "share": share} for moment, share in zip(MOMENTS, shares, strict=False)]
    with pytest.raises(ValidationError, match="must be 100 together"):
        PushOptIn.model_validate({"experiment": "x", "ask_again_days": 1, "arms": tuple(arms)})


@given(st.integers(0, 200), st.booleans(), st.sampled_from(MOMENTS))
def test_who_is_asked(days: int, allowed: bool, moment: str) -> None:
    found = why_not(POLICY, "bor_1", moment, ON + timedelta(days=days), allowed=allowed, last_asked=ON)
    if allowed:
        assert found is Reason.ALLOWED
    elif days < POLICY.ask_again_days:
        assert found is Reason.RECENTLY
    else:
        assert (found is None) == (arm_of(POLICY, "bor_1") == moment)


def test_the_interval_is_wilsons() -> None:
    known = rate("after_payment", asked=100, answered=90, granted=40, reachable=38)
    assert (known.rate, known.low, known.high) == (0.4, 0.3094, 0.498)
    assert rate("x", asked=0, answered=0, granted=0, reachable=0).rate is None
    assert rate("x", asked=10, answered=10, granted=10, reachable=0).high == 1.0
    assert rate("x", asked=10, answered=0, granted=0, reachable=0).low == 0.0


async def ask(desk: Desk, person: Person, moment: str) -> Any:
    answer = await desk.service.post("/v1/push-prompts", {"moment": moment}, who=person)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_asked_once_answered_and_measured(desk: Desk) -> None:
    person = await a_borrower(desk)
    mine = arm_of(POLICY, person.id)
    for moment in MOMENTS:
        if moment != mine:
            assert (await ask(desk, person, moment))["reason"] == "other_moment"
    asked = await ask(desk, person, mine)
    assert asked["ask"] is True
    assert (await ask(desk, person, mine))["reason"] == "asked_recently"
    path = f"/v1/push-prompts/{asked['id']}/answer"
    stranger = await a_borrower(desk)
    assert (await desk.service.post(path, {"answer": "granted"}, who=stranger)).status_code == 404
    for _ in range(2):
        assert (await desk.service.post(path, {"answer": "granted"}, who=person)).json()[
            "answer"
        ] == "granted"
    assert (await desk.service.post(path, {"answer": "denied"}, who=person)).status_code == 409
    await desk.service.post("/v1/devices", {"platform": "ios", "token": "a-real-token"}, who=person)
    await desk.clock_at(date(2027, 6, 1))
    assert (await ask(desk, person, mine))["reason"] == "already_allowed"
    async with desk.runtime.database.work(SYSTEM, reading=True) as work:
        rates = {each.moment: each for each in await prompts.measured(work)}
    assert [each.asked for each in rates.values()].count(0) == 2
    assert (rates[mine].asked, rates[mine].answered, rates[mine].granted) == (1, 1, 1)


async def test_a_no_is_respected_for_sixty_days(desk: Desk) -> None:
    person = await a_borrower(desk)
    mine = arm_of(POLICY, person.id)
    asked = await ask(desk, person, mine)
    await desk.service.post(f"/v1/push-prompts/{asked['id']}/answer", {"answer": "denied"}, who=person)
    await desk.clock_at(ON + timedelta(days=59))
    assert (await ask(desk, person, mine))["ask"] is False
    await desk.clock_at(ON + timedelta(days=60))
    assert (await ask(desk, person, mine))["ask"] is True


@pytest.mark.parametrize(
    "body", [{}, {"moment": "now"}, {"moment": None}, {"moment": "after_payment", "x": 1}]
)
async def test_moments_that_are_none(desk: Desk, body: Any) -> None:
    person = await a_borrower(desk)
    assert (await desk.service.post("/v1/push-prompts", body, who=person)).status_code == 422
