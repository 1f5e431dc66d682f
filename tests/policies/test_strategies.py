"""Overlays of a policy, and the files that are refused with line and reason."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources

import pytest

from refi import policies
from refi.policies import PolicyError

CN = resources.files("refi.policies").joinpath("cn.toml").read_text(encoding="utf-8")
OVERLAY = """version = "cn-2026-12.1"
effective_on = 2026-12-01

[underwriting]
approve_up_to_share = 0.45
"""


def test_an_overlay_changes_what_it_says_and_nothing_else() -> None:
    base, other = policies.parse(CN, "cn.toml"), policies.overlaid(CN, OVERLAY, "x.toml")
    assert other.underwriting.approve_up_to_share == Decimal("0.45")
    assert other.underwriting.decline_above_share == base.underwriting.decline_above_share
    assert (other.version, other.price) == ("cn-2026-12.1", base.price)


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        (OVERLAY.replace("approve_up", "aprove_up"), "x.toml:5", "unknown field"),
        (OVERLAY.replace("0.45", "0.95"), "x.toml:4", "overlapping bands"),
        (OVERLAY.replace("cn-2026-12.1", policies.load("cn").version), "x.toml:1", "champion"),
        (OVERLAY.replace("effective_on", "# "), "x.toml", "effective_on"),
        (OVERLAY + "[", "x.toml", "not TOML"),
        (OVERLAY + "\n[underwriting.score]\nrefer_below = 499\n", "x.toml:7", "overlapping bands"),
        (OVERLAY + '\n[[price.bands]]\nname = "A"\n', "x.toml", "Field required"),
    ],
)
def test_an_unsound_overlay_is_refused(text: str, where: str, why: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policies.overlaid(CN, text, "x.toml")
    assert str(refused.value).startswith(where)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("below_score = 680 ", "below_score = 690 ", "overlapping price bands"),
        ("below_score = 680 ", "below_score = 670 ", "gap in price bands"),
        ("decline_below = 500 ", "decline_below = 541 ", "overlapping bands"),
        ('{ band = "D", amount', '{ band = "E", amount', "no price band E"),
        ("issuer = 400_000_000_000 ", "issuer = 1_400_000_000_000 ", "above limits.portfolio"),
        ("default_to_loss = 0.10 ", "default_to_loss = 1.10 ", "less than or equal to 1"),
        ('card = "cn-2026-11"  ', "scorecard = 1  ", "unknown field"),
        ("required = false  ", 'required = "no"  ', "valid boolean"),
    ],
)
def test_an_unsound_policy_is_refused_with_line_and_reason(old: str, new: str, why: str) -> None:
    assert old in CN
    with pytest.raises(PolicyError) as refused:
        policies.parse(CN.replace(old, new), "cn.toml")
    assert why in str(refused.value)


def test_there_is_no_such_strategy() -> None:
    for name in ("nothing", "../cn", ""):
        with pytest.raises(PolicyError):
            policies.challenger("cn", name)
