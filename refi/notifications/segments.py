"""How many parts a text message is sent in, and billed as: GSM 03.38 or UCS-2. Pure.

A text whose every character is in the GSM alphabet fits 160 septets, or 153 a part when it is longer (a
header joins the parts); ``€ [ ] { } | ~ ^ \\`` take two and are never split. Any other character makes the
whole text UCS-2: 70 units, or 67 a part; a character outside the basic plane takes two, never split.
(3GPP TS 23.038, 23.040.)
"""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_SIZES = {"GSM-7": (160, 153), "UCS-2": (70, 67)}


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text message is: in ``units`` of its ``alphabet`` (``GSM-7``, ``UCS-2``), and in parts."""

    alphabet: str
    units: int
    segments: int


def measure(text: str) -> Length:
    """The length of ``text`` as an SMS; nothing takes one part too."""
    if all(mark in _BASIC or mark in _EXTENDED for mark in text):
        alphabet, widths = "GSM-7", [2 if mark in _EXTENDED else 1 for mark in text]
    else:
        alphabet, widths = "UCS-2", [2 if ord(mark) > 0xFFFF else 1 for mark in text]
    alone, part = _SIZES[alphabet]
    units = sum(widths)
    if units <= alone:
        return Length(alphabet, units, 1)
    segments, used = 1, 0
    for width in widths:
        if used + width > part:
            segments, used = segments + 1, 0
        used += width
    return Length(alphabet, units, segments)
