"""Four eyes: the maker proposes, somebody else with the right to do so approves or rejects. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from refi.errors import Forbidden, Refused
from refi.staff.roles import Permission, require
from refi.states import move


class ApprovalStatus(StrEnum):
    """Where a proposal is; ``withdrawn`` when what it was about has gone."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


_S = ApprovalStatus

MOVES = {
    _S.PENDING: frozenset({_S.APPROVED, _S.REJECTED, _S.WITHDRAWN}),
    _S.APPROVED: frozenset[ApprovalStatus](),
    _S.REJECTED: frozenset[ApprovalStatus](),
    _S.WITHDRAWN: frozenset[ApprovalStatus](),
}


class SelfApprovalForbidden(Forbidden):
    """The maker cannot be the checker."""

    code = "self_approval_forbidden"


class ReasonRequired(Refused):
    """This act needs a reason in words."""

    code = "reason_required"


def check(
    status: ApprovalStatus,
    to: ApprovalStatus,
    *,
    maker: str,
    checker: str,
    roles: Iterable[str],
    permission: Permission,
    note: str | None,
) -> ApprovalStatus:
    """The state after the second pair of eyes. ``permission`` is what the checker needs for this kind of act.

    Raises `SelfApprovalForbidden`, `ScopeMissing`, `ReasonRequired` (a rejection says why) or
    `InvalidTransition`.
    """
    if maker == checker:
        raise SelfApprovalForbidden("somebody else has to decide what you proposed")
    require(roles, permission)
    if to is ApprovalStatus.REJECTED and not (note or "").strip():
        raise ReasonRequired("say why you reject it")
    return move(MOVES, status, to)
