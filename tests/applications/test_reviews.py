"""When one person may decide, when two must, and what has to be said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from refi import policies
from refi.applications import reviews
from refi.applications.reviews import Proposal, Verdict
from refi.underwriting.decision import Outcome

RULES = policies.load("cn").underwriting.review
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


def proposal(**changed: Any) -> Proposal:
    return replace(Proposal(Verdict.APPROVE, (), "", 1_200_000, 6, "staff_a"), **changed)


@pytest.mark.parametrize(
    ("changed", "engine", "roles", "second"),
    [
        ({}, Outcome.REFERRED, {"reviewer"}, False),
        ({"amount": 2_000_000}, Outcome.REFERRED, {"reviewer"}, False),
        ({"amount": 2_000_001}, Outcome.REFERRED, {"reviewer"}, True),
        ({"amount": 2_000_001}, Outcome.REFERRED, {"reviewer", "senior_reviewer"}, False),
        ({"amount": 1}, Outcome.REFERRED, {"collector"}, True),
        ({}, Outcome.DECLINED, {"senior_reviewer"}, True),
        ({"verdict": Verdict.DECLINE, "amount": 9_000_000}, Outcome.REFERRED, {"reviewer"}, False),
        ({"verdict": Verdict.DECLINE}, Outcome.DECLINED, {"reviewer"}, False),
        ({"verdict": Verdict.DECLINE}, Outcome.APPROVED, {"senior_reviewer"}, True),
        ({"verdict": Verdict.REQUEST_INFO, "amount": 9_000_000}, Outcome.DECLINED, {"reviewer"}, False),
    ],
)
def test_second_person(changed: dict[str, Any], engine: Outcome, roles: set[str], second: bool) -> None:
    assert reviews.needs_second(proposal(**changed), engine, roles, RULES) is second


@pytest.mark.parametrize(
    ("changed", "engine", "pointer"),
    [
        ({"verdict": Verdict.DECLINE}, Outcome.REFERRED, "/reasons"),
        ({"note": "  short   "}, Outcome.DECLINED, "/note"),
        ({"verdict": Verdict.REQUEST_INFO, "note": ""}, Outcome.REFERRED, "/note"),
    ],
)
def test_unexplained(changed: dict[str, Any], engine: Outcome, pointer: str) -> None:
    with pytest.raises(reviews.ReasonRequired) as refused:
        reviews.require_reasons(proposal(**changed), engine, RULES)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert refused.value.code == "reason_required"


@pytest.mark.parametrize(
    ("changed", "engine"),
    [
        ({}, Outcome.REFERRED),
        ({"verdict": Verdict.DECLINE, "reasons": ("income_unverified",)}, Outcome.REFERRED),
        ({"note": "payslip seen, income holds"}, Outcome.DECLINED),
        ({"verdict": Verdict.REQUEST_INFO, "note": "please send payslips"}, Outcome.REFERRED),
    ],
)
def test_explained(changed: dict[str, Any], engine: Outcome) -> None:
    reviews.require_reasons(proposal(**changed), engine, RULES)


def test_a_lease_keeps_others_out_until_it_ends() -> None:
    until = reviews.lease(RULES, NOW)
    assert until == NOW + timedelta(minutes=30)
    reviews.require_free("staff_a", until, "staff_a", NOW)
    reviews.require_free("staff_a", until, "staff_b", until)
    reviews.require_free(None, None, "staff_b", NOW)
    with pytest.raises(reviews.ClaimedByOther):
        reviews.require_free("staff_a", until, "staff_b", NOW)
