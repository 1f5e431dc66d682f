"""Parts of a text message: the alphabet decides, and no character is split."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.notifications.segments import Length, measure


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", Length("GSM-7", 0, 1)),
        ("a" * 160, Length("GSM-7", 160, 1)),
        ("a" * 161, Length("GSM-7", 161, 2)),
        ("a" * 306, Length("GSM-7", 306, 2)),
        ("a" * 307, Length("GSM-7", 307, 3)),
        ("€" * 80, Length("GSM-7", 160, 1)),
        ("€" * 81, Length("GSM-7", 162, 2)),
        ("a" * 152 + "€" * 5, Length("GSM-7", 162, 2)),
        ("€" * 153, Length("GSM-7", 306, 3)),  # 76 whole ones a part: the 153rd septet stays empty
        ("¥1,066.19 @ àéü", Length("GSM-7", 15, 1)),
        ("中" * 70, Length("UCS-2", 70, 1)),
        ("中" * 71, Length("UCS-2", 71, 2)),
        ("中" * 134, Length("UCS-2", 134, 2)),
        ("中" * 135, Length("UCS-2", 135, 3)),
        ("😀" * 35, Length("UCS-2", 70, 1)),
        ("😀" * 66, Length("UCS-2", 132, 2)),
        ("😀" * 67, Length("UCS-2", 134, 3)),  # 33 whole ones a part
        ("a" * 159 + "’", Length("UCS-2", 160, 3)),
        ("`", Length("UCS-2", 1, 1)),
    ],
)
def test_known_lengths(text: str, length: Length) -> None:
    assert measure(text) == length


@given(st.text(max_size=700), st.text(max_size=50))
def test_more_text_never_takes_fewer_parts(text: str, more: str) -> None:
    shorter, longer = measure(text), measure(text + more)
    assert longer.segments >= shorter.segments
    part = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[shorter.alphabet]
    assert shorter.units <= max(part[0], shorter.segments * part[1])
