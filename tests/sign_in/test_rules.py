"""How codes and refresh tokens live and die, to the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from refi.sign_in.rules import (
    CODE_TRIES,
    CODE_WINDOW,
    CODES_PER_WINDOW,
    Verdict,
    code_is_open,
    judge_refresh,
    may_send_in,
)

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_codes_are_limited_in_a_sliding_window() -> None:
    sent = [NOW - timedelta(minutes=minute) for minute in range(CODES_PER_WINDOW)]
    assert may_send_in(sent[1:], NOW) is None
    assert may_send_in(sent, NOW) == CODE_WINDOW - timedelta(minutes=CODES_PER_WINDOW - 1)
    assert may_send_in(sent, NOW + CODE_WINDOW) is None
    wait = may_send_in(sent, NOW)
    assert wait is not None
    assert may_send_in(sent, NOW + wait - SECOND) == SECOND
    assert may_send_in(sent, NOW + wait) is None


@pytest.mark.parametrize(
    ("attempts", "used", "left", "is_open"),
    [
        (0, False, SECOND, True),
        (CODE_TRIES - 1, False, SECOND, True),
        (CODE_TRIES, False, SECOND, False),
        (0, True, SECOND, False),
        (0, False, timedelta(0), False),
    ],
)
def test_a_code_is_open(attempts: int, used: bool, left: timedelta, is_open: bool) -> None:
    assert code_is_open(attempts=attempts, used=used, expires_at=NOW + left, now=NOW) is is_open


@pytest.mark.parametrize(
    ("used", "revoked", "left", "verdict"),
    [
        (False, False, SECOND, Verdict.GOOD),
        (True, False, SECOND, Verdict.STOLEN),
        (False, True, SECOND, Verdict.WORTHLESS),
        (True, True, SECOND, Verdict.WORTHLESS),
        (False, False, timedelta(0), Verdict.WORTHLESS),
        (True, False, timedelta(0), Verdict.WORTHLESS),
    ],
)
def test_a_refresh_token_is_judged(used: bool, revoked: bool, left: timedelta, verdict: Verdict) -> None:
    assert judge_refresh(used=used, revoked=revoked, expires_at=NOW + left, now=NOW) is verdict
