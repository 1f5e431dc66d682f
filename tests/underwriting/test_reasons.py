"""Every reason has words in both languages, and internal reasons never reach the borrower."""

from __future__ import annotations

from typing import get_args

import pytest

from refi.policies import ReasonCode
from refi.underwriting import reasons
from refi.underwriting.reasons import Reason

CODES = get_args(ReasonCode)


@pytest.mark.parametrize("code", CODES)
def test_words(code: ReasonCode) -> None:
    assert reasons.text(code, "zh-CN") != reasons.text(code, "en")
    assert reasons.text(code, "fr") == reasons.text(code, "en")


def test_internal_reasons_are_mapped_and_told_once() -> None:
    found = reasons.shown(
        [Reason("suspected_fraud", 1), Reason("identity_unverified", 2), Reason("no_benefit", 3)], 4
    )
    assert found == (Reason("identity_unverified", 1), Reason("no_benefit", 2))


def test_at_most_the_limit_is_shown() -> None:
    assert len(reasons.shown([Reason(code, rank) for rank, code in enumerate(CODES, 1)], 4)) == 4
