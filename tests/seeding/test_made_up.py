"""Made-up people: valid wherever we check, distinct, marked, and the same again."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from refi.borrowers import identity
from refi.gateways.sandbox import magic
from refi.seeding import made_up

ON = date(2026, 11, 22)
NUMBERS = st.integers(0, made_up.LAST_NUMBER)
DAYS = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@given(NUMBERS, st.integers(0, 2**40), st.integers(18, 99), DAYS)
def test_everything_passes_our_own_checks(number: int, seed: int, age: int, on: date) -> None:
    one = made_up.person(seed, number, age=age, on=on)
    assert identity.phone_number(one.phone, "CN") == one.phone
    assert identity.national_id(one.national_id, on) == (one.national_id, one.born_on)
    assert identity.age(one.born_on, on) == age
    for text, digits in ((one.card_number, 16), (one.account_number, 19)):
        assert luhn.is_valid(text)
        assert len(text) == digits
        assert text[-4:] not in made_up.MAGIC_ENDINGS
    assert one.name.startswith("样本")
    assert len(one.name) in (4, 5)
    assert one.national_id[2:6] == "0000"
    assert one == made_up.person(seed, number, age=age, on=on)


@given(st.sets(NUMBERS, min_size=2, max_size=20), st.integers(0, 5))
def test_two_people_share_no_number(numbers: set[int], seed: int) -> None:
    people = [made_up.person(seed, number, age=18 + number % 60, on=ON) for number in numbers]
    for told in ("phone", "national_id", "card_number", "account_number"):
        assert len({getattr(one, told) for one in people}) == len(numbers)


def test_ids_that_share_province_and_sequence_differ_by_birthday() -> None:
    apart = 1000 * len(made_up.PROVINCES)
    numbers = range(17, made_up.LAST_NUMBER, apart)
    assert len({made_up.person(1, k, age=40, on=ON).national_id for k in numbers}) == len(numbers) > 300


def test_magic_endings_are_the_provider_s() -> None:
    def ends_well(ending: str) -> bool:
        plans = {
            (kind, operation): magic.plan(operation, kind, ending)
            for kind in ("card", "account")
            for operation in ("payout", "debit")
        }
        usual = {key: magic.plan(key[1], key[0], "4242") for key in plans}
        faults = [magic.fault_of(kind, ending) for kind in ("card", "account")]
        return plans == usual and faults == [None, None]

    wrong = {f"{k:04d}" for k in range(10_000) if not ends_well(f"{k:04d}")}
    assert wrong | {"0010"} == made_up.MAGIC_ENDINGS, "0010 is refused when an order comes"


@pytest.mark.parametrize("number", [-1, made_up.LAST_NUMBER + 1])
def test_nobody_beyond_the_range(number: int) -> None:
    with pytest.raises(made_up.NumberTooLarge):
        made_up.person(1, number, age=30, on=ON)


@given(NUMBERS, st.integers(0, 10**10))
def test_income_follows_the_limit(number: int, limit: int) -> None:
    income = made_up.monthly_income(1, number, limit)
    assert income % made_up.INCOME_STEP == 0
    assert income >= made_up.LEAST_INCOME
    if income > made_up.LEAST_INCOME:
        assert limit * 0.8 / 3 - made_up.INCOME_STEP <= income <= limit * 1.2 / 3 + made_up.INCOME_STEP


@given(st.integers(0, 9), NUMBERS, st.text(max_size=5), st.integers(1, 10**6))
def test_a_draw_is_below_its_bound(seed: int, number: int, what: str, below: int) -> None:
    assert 0 <= made_up.draw(seed, number, what, below) < below


def test_draws_are_spread() -> None:
    counts = [0] * 10
    for number in range(10_000):
        counts[made_up.draw(1, number, "x", 10)] += 1
    assert all(850 < count < 1150 for count in counts), counts
    assert [made_up.draw(1, 0, "x", 1000), made_up.draw(2, 0, "x", 1000)] == [948, 242], "the same anywhere"
