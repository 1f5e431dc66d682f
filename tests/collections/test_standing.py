"""Which loans a message may speak of, and what stops it when there is none."""

from __future__ import annotations

from datetime import date

from refi.collections.standing import spoken_of

LATER = date(2026, 11, 25)


def test_a_loan_that_nothing_stops_is_told_of_without_the_others() -> None:
    assert spoken_of({"a": {}, "b": {"dispute": None}}) == (["a"], {})
    assert spoken_of({"a": {}, "b": {}}) == (["a", "b"], {})


def test_when_all_are_stopped_everything_that_stops_them_is_named() -> None:
    assert spoken_of({"a": {"promise": LATER}}) == (["a"], {"promise": LATER})
    both = {"a": {"promise": LATER, "dispute": None}, "b": {"promise": date(2026, 12, 1)}}
    assert spoken_of(both) == (["a", "b"], {"promise": date(2026, 12, 1), "dispute": None})
    assert spoken_of({"a": {"legal": LATER}, "b": {"legal": None}}) == (["a", "b"], {"legal": None})


def test_of_no_loan_there_is_nothing_to_tell() -> None:
    assert spoken_of({}) == ([], {})
