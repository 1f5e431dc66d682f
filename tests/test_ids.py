"""Identifiers are prefixed, sortable by creation, and checked before they reach a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi import ids


def test_ids_sort_by_creation() -> None:
    made = [ids.new("loan") for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    assert all(ids.is_id(one, "loan") for one in made)


def test_an_unknown_kind_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        ids.new("spaceship")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "loan",
        "loan_",
        "loan_01m80qmk0pe5qra4188xx7v1a",
        "loan_01M80QMK0PE5QRA4188XX7V1A1",
        "loan_81m80qmk0pe5qra4188xx7v1a1",
        "card_01m80qmk0pe5qra4188xx7v1a1",
        "loan_01m80qmk0pe5qra4188xx7v1\x00a",
        "loan_01m80qmk0pe5qra4188xx7v１a1",
    ],
)
def test_malformed_ids_are_not_ids(text: str) -> None:
    assert not ids.is_id(text, "loan")


@given(st.text(max_size=60))
def test_any_text_may_be_asked_about(text: str) -> None:
    assert ids.is_id(text, "loan") in (True, False)
