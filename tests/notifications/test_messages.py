"""The life of a message: which moves exist, how long to wait, when to give up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from refi.notifications.messages import (
    COUNTED,
    LONGEST_PAUSE,
    MOVES,
    Gate,
    MessageStatus,
    is_over,
    pause,
    tries_are_used_up,
)
from refi.policies.base import Gate as PolicyGate
from refi.policies.servicing import Exemption
from refi.states import InvalidTransition, move


def test_the_gates_are_those_of_the_policy() -> None:
    assert {gate.value for gate in Gate} == {*get_args(PolicyGate), *get_args(Exemption)}


def test_nothing_leaves_an_end() -> None:
    ends = {"skipped", "failed", "delivered", "undelivered"}
    assert {status for status in MessageStatus if not MOVES[status]} == ends
    for end in map(MessageStatus, ends):
        for to in MessageStatus:
            with pytest.raises(InvalidTransition):
                move(MOVES, end, to)


def test_only_a_claim_is_sent_and_only_a_plan_is_claimed() -> None:
    assert [s for s in MessageStatus if MessageStatus.CLAIMED in MOVES[s]] == [MessageStatus.PLANNED]
    assert {s for s in MessageStatus if MessageStatus.SENT in MOVES[s]} == {
        MessageStatus.CLAIMED,
        MessageStatus.UNKNOWN,
    }


def test_what_may_have_arrived_counts() -> None:
    assert set(COUNTED) == {"claimed", "sent", "unknown", "parked", "delivered"}


def test_a_receipt_may_outrun_our_own_record() -> None:
    for status in ("planned", "claimed", "unknown", "sent"):
        assert {"delivered", "undelivered"} <= MOVES[MessageStatus(status)]


def test_pauses_grow_up_to_ten_minutes_and_heed_the_channel() -> None:
    pauses = [pause(attempt) for attempt in range(1, 30)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=2), LONGEST_PAUSE)
    assert pause(1, 90.0) == timedelta(seconds=90)
    assert pause(9, 1.0) == pause(9)
    assert pause(1, 1e12) == timedelta(days=1)


def test_a_code_is_given_up_and_a_reminder_is_not() -> None:
    assert tries_are_used_up(Gate.ONE_TIME_CODE, 6)
    assert not tries_are_used_up(Gate.ONE_TIME_CODE, 5)
    assert not tries_are_used_up(Gate.REMINDER, 10_000)


def test_the_end_of_sense() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert not is_over(None, now)
    assert is_over(now, now)
    assert not is_over(now + timedelta(seconds=1), now)
