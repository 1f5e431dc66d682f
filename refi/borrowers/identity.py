"""Identity: phone numbers, national ids and names, checked and masked. Pure.

Phones are checked with `phonenumbers`, Chinese national ids (GB 11643: region, birth date, check digit)
with `python-stdnum`; neither tells whether the number is in use or whose it is.
"""

from __future__ import annotations

from datetime import date

import phonenumbers
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from refi.errors import Fault, Refused


class PhoneRefused(Refused):
    """The text is not a phone number that can exist."""


class NationalIdRefused(Refused):
    """The text is not a national id that can exist."""


def phone_number(text: str, region: str) -> str:
    """``text`` in E.164 (``+8613800138000``); without ``+`` it is read as a number of ``region``."""
    try:
        parsed = phonenumbers.parse(text, region.upper())
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or not text.isascii() or not phonenumbers.is_valid_number(parsed):
        raise PhoneRefused("this is not a phone number", faults=[Fault("/phone", "phone_invalid")])
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def national_id(text: str, on: date) -> tuple[str, date]:
    """The normalized national id and the birth date inside it; a birth date after ``on`` is refused."""
    try:
        number = ric.validate(text) if text.isascii() else ""
        born_on = ric.get_birth_date(number) if number else None
    except ValidationError:
        born_on = None
    if born_on is None or born_on >= on:
        raise NationalIdRefused(
            "this is not a national id", faults=[Fault("/national_id", "national_id_invalid")]
        )
    return number, born_on


def age(born_on: date, on: date) -> int:
    """Completed years of life on ``on``; someone born on 29 February comes of age on 1 March."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def mask(text: str, *, head: int = 0, tail: int = 4) -> str:
    """``text`` with everything but its first ``head`` and last ``tail`` characters starred."""
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + (text[-tail:] if tail else "")


def mask_phone(number: str) -> str:
    """``+86138****8000``: enough for its owner to recognize it."""
    return mask(number, head=6, tail=4)


def mask_email(address: str) -> str:
    """``w***@example.com``: enough for its owner to recognize it."""
    person, _, domain = address.rpartition("@")
    return f"{mask(person, head=1, tail=0)}@{domain}"


def mask_name(name: str) -> str:
    """``张*`` / ``J*******``: the first character only."""
    return mask(name, head=1, tail=0)
