"""Roles of staff and what each may do. A person may have several roles. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from refi.errors import Forbidden


class Role(StrEnum):
    """What somebody was hired for."""

    REVIEWER = "reviewer"
    SENIOR_REVIEWER = "senior_reviewer"
    COLLECTOR = "collector"
    COLLECTIONS_LEAD = "collections_lead"
    MARKETER = "marketer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that can be allowed."""

    READ_REVIEWS = "read_reviews"
    DECIDE_REVIEWS = "decide_reviews"
    SECOND_REVIEWS = "second_reviews"
    READ_CASES = "read_cases"
    WORK_CASES = "work_cases"
    CHANGE_LOANS = "change_loans"
    SECOND_CHANGES = "second_changes"
    CORRECT_MONEY = "correct_money"
    SECOND_MONEY = "second_money"
    RUN_CAMPAIGNS = "run_campaigns"
    SECOND_CAMPAIGNS = "second_campaigns"
    RUN_OPERATIONS = "run_operations"
    READ_REPORTS = "read_reports"
    READ_AUDIT = "read_audit"
    MANAGE_STAFF = "manage_staff"


class ScopeMissing(Forbidden):
    """None of the caller's roles allows this; ``permission`` names what is missing."""

    code = "scope_missing"


_P = Permission

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: frozenset({_P.READ_REVIEWS, _P.DECIDE_REVIEWS}),
    Role.SENIOR_REVIEWER: frozenset({_P.READ_REVIEWS, _P.DECIDE_REVIEWS, _P.SECOND_REVIEWS, _P.READ_REPORTS}),
    Role.COLLECTOR: frozenset({_P.READ_CASES, _P.WORK_CASES}),
    Role.COLLECTIONS_LEAD: frozenset(
        {
            _P.READ_CASES,
            _P.WORK_CASES,
            _P.CHANGE_LOANS,
            _P.SECOND_CHANGES,
            _P.CORRECT_MONEY,
            _P.SECOND_MONEY,
            _P.READ_REPORTS,
        }
    ),
    Role.MARKETER: frozenset({_P.RUN_CAMPAIGNS, _P.READ_REPORTS}),
    Role.OPERATOR: frozenset({_P.RUN_OPERATIONS, _P.CORRECT_MONEY, _P.SECOND_MONEY, _P.READ_REPORTS}),
    Role.AUDITOR: frozenset({_P.READ_AUDIT, _P.READ_REPORTS, _P.READ_REVIEWS, _P.READ_CASES}),
    Role.ADMIN: frozenset({_P.MANAGE_STAFF, _P.READ_AUDIT, _P.READ_REPORTS, _P.SECOND_CAMPAIGNS}),
}
"""The auditor only reads; the admin manages people and decides no loan."""


def allows(roles: Iterable[str], permission: Permission) -> bool:
    """Whether any of the roles allows it; a role that does not exist allows nothing."""
    known = (Role(role) for role in roles if role in Role.__members__.values())
    return any(permission in PERMISSIONS[role] for role in known)


def require(roles: Iterable[str], permission: Permission) -> None:
    """`ScopeMissing` unless one of the roles allows it."""
    if not allows(roles, permission):
        raise ScopeMissing(f"your roles do not allow: {permission.value}", permission=permission.value)


READ_MONEY = (Permission.READ_CASES, Permission.CORRECT_MONEY, Permission.READ_AUDIT)
"""Any of these may look at what moved on a loan."""


def require_any(roles: Iterable[str], *permissions: Permission) -> None:
    """`ScopeMissing`, naming the first, unless one of the roles allows one of them."""
    held = list(roles)
    if not any(allows(held, each) for each in permissions):
        require(held, permissions[0])
