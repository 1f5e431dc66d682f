"""Accept-Language is followed, and every code has words in both languages."""

from __future__ import annotations

import pytest

from refi.web import messages


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh-CN", "zh-CN"),
        ("zh", "zh-CN"),
        ("en;q=0.5, zh-CN;q=0.9", "zh-CN"),
        ("fr, en;q=0.8", "en"),
        ("fr", "en"),
        ("zh;q=0, en", "en"),
        ("zh;q=x", "en"),
        ("*;q=1", "en"),
        (", , ;q=1", "en"),
    ],
)
def test_language(header: str, expected: str) -> None:
    assert messages.language(header) == expected


@pytest.mark.parametrize("code", sorted(messages.TITLES))
def test_every_code_speaks_both(code: str) -> None:
    english, chinese = messages.display(code, "en"), messages.display(code, "zh-CN")
    assert english.isascii()
    assert not chinese.isascii()
    assert messages.title(code)


def test_an_unknown_code_still_has_words() -> None:
    assert messages.title("brand_new_code") == "Brand new code"
    assert messages.display("brand_new_code", "zh") == messages.display("validation_failed", "zh")
