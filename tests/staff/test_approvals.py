"""The maker cannot check; the checker needs the right to; a rejection says why; nothing is decided twice."""

from __future__ import annotations

from typing import Any

import pytest

from refi.errors import Refusal
from refi.staff import approvals
from refi.staff.approvals import MOVES, ApprovalStatus
from refi.staff.roles import Permission


def check(**changed: Any) -> ApprovalStatus:
    given: dict[str, Any] = {
        "status": ApprovalStatus.PENDING,
        "to": ApprovalStatus.APPROVED,
        "maker": "staff_a",
        "checker": "staff_b",
        "roles": {"senior_reviewer"},
        "permission": Permission.SECOND_REVIEWS,
        "note": None,
    }
    given.update(changed)
    status, to = given.pop("status"), given.pop("to")
    return approvals.check(status, to, **given)


def test_another_person_approves_or_rejects() -> None:
    assert check() is ApprovalStatus.APPROVED
    assert check(to=ApprovalStatus.REJECTED, note="not enough evidence") is ApprovalStatus.REJECTED


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"checker": "staff_a"}, "self_approval_forbidden"),
        ({"checker": "staff_a", "roles": {"reviewer"}}, "self_approval_forbidden"),
        ({"roles": {"reviewer"}}, "scope_missing"),
        ({"to": ApprovalStatus.REJECTED}, "reason_required"),
        ({"to": ApprovalStatus.REJECTED, "note": "   "}, "reason_required"),
        ({"status": ApprovalStatus.APPROVED}, "invalid_transition"),
        ({"status": ApprovalStatus.REJECTED}, "invalid_transition"),
        ({"status": ApprovalStatus.WITHDRAWN}, "invalid_transition"),
    ],
)
def test_refused(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        check(**changed)
    assert refused.value.code == code


def test_what_is_decided_stays_decided() -> None:
    assert [status for status, moves in MOVES.items() if moves] == [ApprovalStatus.PENDING]
