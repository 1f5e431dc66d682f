"""People who do not exist: names, ids, phones, card and account numbers, incomes. Pure.

All of it follows from a ``seed`` and the person's ``number``: the same two give the same person anywhere.
Phones, national ids, card and account numbers of two numbers never coincide.

How they are marked: the row says ``made_up``; the name begins with 样本 ("sample"); the region of the
national id is a whole province (``110000``), where real ids name a county. China sets no phone numbers
aside for fiction: 1700 0000000 … is a range that phonenumbers accepts; the sandbox sends nothing to anyone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from stdnum import luhn
from stdnum.cn import ric

from refi.errors import Refused
from refi.money import round_div

LAST_NUMBER = 9_999_999
MARK = "样本"
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余杜叶程魏苏吕丁任卢"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚玲红鹏华飞鑫波斌宇浩凯健俊帆雪琳晨阳欣怡博文思远嘉宁子涵梓"
PROVINCES = (  # without Hainan (46) and Chongqing (50), which are younger than people are
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41"),
    *("42", "43", "44", "45", "51", "52", "53", "54", "61", "62", "63", "64", "65"),
)
ISSUERS = ("CMB", "ICBC", "CCB", "BOC", "ABC", "SPDB", "CITIC")
BANKS = ("ICBC", "CCB", "ABC", "BOC", "BOCOM", "PSBC")
TEST_RANGE = "620000"
"""Where card numbers begin: UnionPay's 62 and zeros, as in the test cards that card processors publish."""
MAGIC_ENDINGS = frozenset({"0002", "0004", "0006", "0008", "0010", "0012", "0014"})
"""Endings with which the sandbox provider misbehaves on purpose: nobody is born with one."""
YEAR = 365
LEAST_INCOME = 300_000
INCOME_STEP = 10_000


class NumberTooLarge(Refused):
    """There are ten million made-up people (numbers 0 to 9,999,999), and this is not one of them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody made up, complete enough to borrow. Numbers of card and account are never stored."""

    number: int
    name: str
    phone: str
    national_id: str
    born_on: date
    issuer: str
    card_number: str
    bank: str
    account_number: str


def person(seed: int, number: int, *, age: int, on: date) -> Person:
    """The person with this ``number`` (0 … 9,999,999), ``age`` years old on ``on``."""
    if not 0 <= number <= LAST_NUMBER:
        raise NumberTooLarge(f"there is no made-up person number {number}", number=number)
    born = born_on(seed, number, age, on)
    return Person(
        number=number,
        name=name(seed, number),
        phone=phone(number),
        national_id=national_id(number, born),
        born_on=born,
        issuer=ISSUERS[draw(seed, number, "issuer", len(ISSUERS))],
        card_number=card_number(number),
        bank=BANKS[draw(seed, number, "bank", len(BANKS))],
        account_number=account_number(number),
    )


def draw(seed: int, number: int, what: str, below: int) -> int:
    """A whole number from 0 to ``below`` − 1 that looks random and follows from the arguments."""
    digest = hashlib.blake2b(f"{seed}:{number}:{what}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) * below >> 64


def name(seed: int, number: int) -> str:
    """A Chinese name behind `MARK`; names repeat, as they do."""
    given = "".join(
        GIVEN[draw(seed, number, f"given{place}", len(GIVEN))]
        for place in range(1 + draw(seed, number, "length", 2))
    )
    return MARK + SURNAMES[draw(seed, number, "surname", len(SURNAMES))] + given


def phone(number: int) -> str:
    """The person's mobile phone in E.164."""
    return f"+861700{number:07d}"


def born_on(seed: int, number: int, age: int, on: date) -> date:
    """A day of birth with which the person is ``age`` on ``on``.

    Among people of one age the day also tells apart the ids that share province and sequence.
    """
    shared, turn = number % (1000 * len(PROVINCES)), number // (1000 * len(PROVINCES))
    days = (turn + draw(seed, shared, "birthday", YEAR)) % YEAR
    leap_day = (on.month, on.day) == (2, 29)
    latest = on.replace(year=on.year - age, day=28) if leap_day else on.replace(year=on.year - age)
    return latest - timedelta(days=days)


def national_id(number: int, born: date) -> str:
    """A resident id (GB 11643) with a right check digit and the region of a whole province."""
    province = PROVINCES[number // 1000 % len(PROVINCES)]
    body = f"{province}0000{born:%Y%m%d}{number % 1000:03d}"
    return body + str(ric.calc_check_digit(body + "0"))


def card_number(number: int) -> str:
    """A 16-digit number of a credit card that passes Luhn's check."""
    return _luhn(f"{TEST_RANGE}0", number, digits=16)


def account_number(number: int) -> str:
    """A 19-digit number of a bank account (a debit card's, as is usual), passing Luhn's check."""
    return _luhn(f"{TEST_RANGE}999", number, digits=19)


def monthly_income(seed: int, number: int, limit: int) -> int:
    """A month's income in minor units for a card with ``limit``: a third of it, give or take a fifth.

    Issuers grant two to five months' income; a third keeps the real spread of limits. In steps of 100.00,
    at least 3,000.00. Our own choice: the data set has no incomes.
    """
    percent = 80 + draw(seed, number, "income", 41)
    return max(LEAST_INCOME, round_div(limit * percent, 300 * INCOME_STEP) * INCOME_STEP)


def _luhn(start: str, number: int, *, digits: int) -> str:
    """``start``, a digit, ``number`` and a check digit; the free digit keeps clear of magic endings."""
    for free in range(10):
        body = f"{start}{free}{number:0{digits - len(start) - 2}d}"
        made = body + str(luhn.calc_check_digit(body))
        if made[-4:] not in MAGIC_ENDINGS:
            return made
    raise AssertionError("ten free digits give ten check digits")
