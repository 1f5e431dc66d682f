"""What the last four digits of a number make the sandbox provider do.

========= ============================================== ===============================================
ending    card                                           account
========= ============================================== ===============================================
``0002``  not the holder's: not payable                  not the holder's: not verified
``0004``  cannot receive money: not payable              closed: not verified
``0006``  a payout is accepted and then fails            a debit fails (``insufficient_funds``), a payout too
``0008``  a payout is delivered and then returned        a debit is posted and then returned, a payout too
``0010``  an order is refused at once                    the same
``0012``  the money moves and nobody is told (``lose``)  the same
``0014``  nothing happens until ``/control`` says so     the same
other     payable; delivered and told                    verified; posted or delivered, and told
========= ============================================== ===============================================

A number is proved first, and its proof's token is what orders name. Like other companies' sandboxes, this one
also knows **test tokens**, good without a proof: ``tok_test_card_ANY_1234`` is a card ending in 1234,
``tok_test_account_ANY_1234`` an account, with ANY any 1–40 lower-case letters and digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["card", "account"]

NOT_GOOD: dict[Kind, dict[str, str]] = {
    "card": {"0002": "holder_mismatch", "0004": "cannot_receive"},
    "account": {"0002": "holder_mismatch", "0004": "account_closed"},
}
REFUSED_AT_ONCE: dict[Kind, str] = {"card": "card_restricted", "account": "account_restricted"}
_BRANDS = (
    ("62", "unionpay"),
    ("34", "amex"),
    ("37", "amex"),
    ("35", "jcb"),
    ("4", "visa"),
    ("5", "mastercard"),
)


_TEST_TOKEN = re.compile(r"tok_test_(card|account)_[a-z0-9]{1,40}_([0-9]{4})")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do with an order by itself: an act of `moves` and, for a bad end, the reason."""

    act: Literal["deliver", "post", "fail", "return", "lose"]
    reason: str | None = None


def fault_of(kind: Kind, last4: str) -> str | None:
    """Why a number is no good, or None."""
    return NOT_GOOD[kind].get(last4)


def test_token(kind: Kind, of: str, last4: str) -> str:
    """The test token that stands for a card or account ending in ``last4``; ``of`` tells it from others."""
    made = f"tok_test_{kind}_{of}_{last4}"
    if not _TEST_TOKEN.fullmatch(made):
        raise ValueError(f"{made} would not be a test token")
    return made


def ending_of(kind: Kind, token: str) -> str | None:
    """The last four digits that a test token of ``kind`` stands for; None when it is not one."""
    found = _TEST_TOKEN.fullmatch(token)
    return found[2] if found and found[1] == kind else None


def brand_of(number: str) -> str | None:
    """The card's network by its first digits, where they are known."""
    return next((brand for start, brand in _BRANDS if number.startswith(start)), None)


def plan(operation: Literal["payout", "debit"], kind: Kind, last4: str) -> list[Step]:
    """What the provider does by itself, in order, with an accepted order."""
    good = Step("deliver") if operation == "payout" else Step("post")
    if last4 == "0006":
        return [Step("fail", "insufficient_funds" if operation == "debit" else f"{kind}_closed")]
    if last4 == "0008":
        return [good, Step("return", "returned_by_bank" if operation == "debit" else "returned_by_issuer")]
    return {"0012": [Step("lose")], "0014": []}.get(last4, [good])
