"""Ladders as data: which version is in force, which rule hides another one."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from refi import policies
from refi.collections import ladder
from refi.policies import Arm, Ladder, LadderVersion, Rule, Stage, When

BUCKETS = ["current", "M1", "M2"]
HISTORIES = ["first_loan", "returning", "on_time", "late_before"]


def version(name: str = "v1", from_on: date = date(2026, 11, 1), **changed: Any) -> LadderVersion:
    fields: dict[str, Any] = {
        "arms": (Arm(name="champion", share=100),),
        "stages": (Stage(name="T", days=0, gate="reminder", enabled=True),),
        "rules": (Rule(name="due", stage="T", channels=("sms",), template="due_today"),),
        **changed,
    }
    return LadderVersion(name=name, from_on=from_on, send_at=time(10), **fields)


def lists(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


amounts = st.none() | st.integers(1, 40)
whens = st.builds(
    lambda arms, buckets, history, low, high: When(
        arms=arms,
        buckets=buckets,
        history=history,
        amount_from=low,
        amount_below=high if high is None or low is None or high > low else low + high,
    ),
    lists(["a", "b"]),
    lists(BUCKETS),
    lists(HISTORIES),
    amounts,
    amounts,
)
cases = st.builds(
    ladder.Case,
    arm=st.sampled_from(["a", "b"]),
    amount=st.integers(0, 50),
    bucket=st.sampled_from(BUCKETS),
    products=st.just(frozenset({"card_refinance"})),
    segment=st.just("unknown"),
    history=st.sampled_from([frozenset({one, two}) for one in HISTORIES[:2] for two in HISTORIES[2:]]),
)


@given(whens, whens, cases)
def test_what_covers_another_fits_wherever_that_one_does(one: When, other: When, case: ladder.Case) -> None:
    if one.covers(other) and ladder.fits(other, case):
        assert ladder.fits(one, case)
    assert one.covers(one)
    assert When().covers(one)


@given(st.lists(whens, min_size=1, max_size=4), cases)
def test_the_first_rule_that_fits_is_chosen(found: list[When], case: ladder.Case) -> None:
    rules = [Rule(name=f"r{n}", stage="T", channels=(), when=when) for n, when in enumerate(found)]
    rule = ladder.chosen(rules, case)
    fitting = [each.name for each in rules if ladder.fits(each.when, case)]
    assert (rule.name if rule else None) == (fitting[0] if fitting else None)


def test_the_version_in_force() -> None:
    made = Ladder(versions=(version(), version("v2", date(2026, 12, 1)), version("v3", date(2027, 1, 1))))
    days = [date(2026, 1, 1), date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 31), date(2030, 1, 1)]
    assert [made.on(day).name for day in days] == ["v1", "v1", "v2", "v2", "v3"]


@pytest.mark.parametrize(
    ("versions", "reason"),
    [
        ((version(), version("v1", date(2027, 1, 1))), "named twice: v1"),
        ((version(), version("v2")), "overlapping ladder versions"),
        ((version("v2", date(2027, 1, 1)), version()), "overlapping ladder versions"),
    ],
)
def test_versions_follow_each_other(versions: tuple[LadderVersion, ...], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Ladder(versions=versions)


def test_an_enabled_stage_has_a_rule() -> None:
    stages = tuple(Stage(name=f"T+{n}", days=n, gate="reminder", enabled=n == 0) for n in range(2))
    rule = Rule(name="due", stage="T+0", channels=("sms",), template="due_today")
    assert version(stages=stages, rules=(rule,))
    enabled = tuple(stage.model_copy(update={"enabled": True}) for stage in stages)
    with pytest.raises(ValidationError, match=r"T\+1 is enabled and has no rule"):
        version(stages=enabled, rules=(rule,))


def test_a_template_without_words_is_refused_with_its_line() -> None:
    found = list(
        ladder.unworded(
            policies.load("cn").ladder, lambda name, channel: (name, channel) != ("past_due", "push")
        )
    )
    assert found
    path, reason = found[0]
    refused = policies.refusal("cn", path, reason)
    assert "rule missed: no words for past_due by push" in str(refused)
    assert refused.line is not None


@given(st.text(min_size=1, max_size=30), st.integers(0, 100))
def test_an_arm_is_for_ever(borrower_id: str, share: int) -> None:
    arms = (Arm(name="a", share=share), Arm(name="b", share=100 - share))
    split = version(arms=arms)
    arm = ladder.arm_of(split, borrower_id)
    assert arm == ladder.arm_of(split, borrower_id)
    assert {0: "b", 100: "a"}.get(share, arm) == arm


def test_arms_get_their_share() -> None:
    arms = (Arm(name="champion", share=80), Arm(name="early", share=15), Arm(name="late", share=5))
    split = version(arms=arms)
    names = [ladder.arm_of(split, f"bor_{n}") for n in range(20_000)]
    for arm in arms:
        assert abs(names.count(arm.name) / len(names) - arm.share / 100) < 0.015
    other = version("v2", arms=arms)
    moved = sum(ladder.arm_of(other, f"bor_{n}") != name for n, name in enumerate(names))
    assert moved > 0.2 * len(names)  # another version draws anew


@given(st.dates(date(2026, 1, 1), date(2030, 1, 1)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_every_stage_begins_on_exactly_one_day_and_lapses_after_it(
    due_on: date, switches: list[bool]
) -> None:
    shipped = policies.load("cn").ladder.versions[0]
    stages = tuple(
        stage.model_copy(update={"enabled": on}) for stage, on in zip(shipped.stages, switches, strict=True)
    )
    rules = tuple(Rule(name=stage.name, stage=stage.name, channels=()) for stage in stages)
    chosen = Ladder(versions=(version(stages=stages, rules=rules),))
    days = [due_on + timedelta(days=n) for n in range(-40, 60)]
    begun = [(on, each) for on in days for each in ladder.begun(chosen, on) if each.due_on == due_on]
    assert [each.stage.name for _, each in begun] == [stage.name for stage in stages if stage.enabled]
    for on, each in begun:
        assert each.lapses_on is None or each.lapses_on > on
    ends = [each.lapses_on for _, each in begun if each.lapses_on]
    starts = [on for on, _ in begun]
    assert all(end <= start for end, start in zip(ends, starts[1:], strict=False))
