"""Who may do what."""

from __future__ import annotations

import pytest

from refi.staff.roles import PERMISSIONS, Permission, Role, ScopeMissing, allows, require


def test_every_role_may_do_something_and_everything_is_somebodys() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert all(PERMISSIONS.values())
    assert set().union(*PERMISSIONS.values()) == set(Permission)


def test_the_auditor_only_reads() -> None:
    assert all(permission.value.startswith("read_") for permission in PERMISSIONS[Role.AUDITOR])


def test_the_admin_decides_no_loan() -> None:
    assert not PERMISSIONS[Role.ADMIN] & {Permission.DECIDE_REVIEWS, Permission.SECOND_REVIEWS}


def test_roles_add_up_and_unknown_roles_allow_nothing() -> None:
    assert allows({"collector", "reviewer"}, Permission.DECIDE_REVIEWS)
    assert not allows({"collector"}, Permission.DECIDE_REVIEWS)
    assert not allows({"owner", ""}, Permission.READ_AUDIT)


def test_refused_by_name() -> None:
    with pytest.raises(ScopeMissing) as refused:
        require({"collector"}, Permission.READ_AUDIT)
    assert (refused.value.code, refused.value.facts) == ("scope_missing", {"permission": "read_audit"})
