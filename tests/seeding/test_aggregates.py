"""Card holders from aggregate figures: like the real ones in what matters, and nobody's copy."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from refi.cards.revolving import closed_cycles
from refi.seeding import aggregates, segments
from refi.seeding.card_clients import read
from refi.seeding.files_service import shipped_figures
from tests.seeding.given import TRANSACTOR, csv_of, row

FIGURES = shipped_figures()


@given(st.integers(0, 10**6), st.integers(0, 5 * 10**6))
def test_a_made_up_card_holder_is_sound(seed: int, number: int) -> None:
    one = aggregates.client(FIGURES, seed, number)
    assert one == aggregates.client(FIGURES, seed, number)
    assert [len(months) for months in (one.bills, one.payments, one.statuses)] == [6, 6, 6]
    assert one.limit > 0
    assert one.limit % aggregates.STEP_OF_A_LIMIT == 0
    assert 18 <= one.age <= 80
    assert all(0 <= bill <= one.limit * 1.2 for bill in one.bills)
    assert all(paid >= 0 for paid in one.payments)
    habit = segments.habit(one)
    shown = [habit.revolved_cycles, habit.cycles_with_balance]
    assert shown in [row[:2] for row in FIGURES[habit.segment.value]["habits"]], "the habit drawn is shown"
    assert one.statuses[0] in [row[0] for row in FIGURES[habit.segment.value]["late"]]


def test_shares_are_the_figures() -> None:
    people = 4000
    found = Counter(line["segment"] for line in segments.segments(made(people)))
    total = sum(n for group in FIGURES.values() for *_, n in group["habits"])
    for name, group in FIGURES.items():
        share = sum(n for *_, n in group["habits"]) / total
        assert abs(found[name] / people - share) < 0.025, name
    late = sum(one.statuses[0] > 0 for one in made(people)) / people
    assert 0.19 < late < 0.26


def made(people: int) -> list[aggregates.Client]:
    return [aggregates.client(FIGURES, 1, number) for number in range(people)]


def test_figures_of_a_file() -> None:
    """40 revolvers and 30 transactors; 5 that never use the card are too few to be mentioned."""
    nothing = {f"BILL_AMT{k}": "0" for k in range(1, 7)}
    rows = [
        *(row(k, PAY_0="2" if k < 25 else "0") for k in range(1, 41)),
        *(row(k, **TRANSACTOR) for k in range(41, 71)),
        *(row(k, **nothing) for k in range(71, 76)),
    ]
    found = aggregates.derive(read(csv_of(*rows).splitlines(keepends=True)))
    assert set(found) == {"persistent_revolver", "transactor"}
    revolvers = found["persistent_revolver"]
    assert revolvers["habits"] == [[5, 5, 40]]
    assert revolvers["late"] == [[2, 24]], "sixteen who are not late are too few"
    assert set(revolvers["limits"]) == {5_000_000}
    assert set(revolvers["utilization"]) == {400}
    assert revolvers["paid"][0] == 53
    assert revolvers["paid"][-1] == 67
    assert found["transactor"]["paid"] == []
    assert set(found["transactor"]["growth"]) == {1000}
    drawn = [aggregates.client(found, 1, number) for number in range(200)]
    assert {segments.habit(one).segment.value for one in drawn} == set(found)


def test_no_small_group_and_no_exact_value_is_shipped() -> None:
    for group in FIGURES.values():
        assert all(n >= aggregates.SMALLEST_GROUP for *_, n in [*group["habits"], *group["late"]])
        for name in ("ages", "limits", "utilization", "paid", "growth"):
            values = group[name]  # type: ignore[literal-required]
            assert values == sorted(values)
            assert len(values) in (0, len(aggregates.MARKS))
            assert all(len(str(value).rstrip("0")) <= 3 for value in values)


@given(st.integers(0, 10**6))
def test_revolved_means_less_than_all(number: int) -> None:
    one = aggregates.client(FIGURES, 3, number)
    for cycle in closed_cycles(list(zip(one.bills, one.payments, strict=True))):
        assert cycle.paid <= max(cycle.balance, 0)
