"""Test tokens: cards and accounts that the sandbox knows without a proof."""

from __future__ import annotations

import pytest

from refi.gateways.sandbox import magic
from refi.payments.processor import Accepted, Refused
from tests.gateways.sandbox.conftest import ON, World


async def test_a_payout_and_a_debit_on_test_tokens(world: World) -> None:
    card, account = magic.test_token("card", "7", "4242"), magic.test_token("account", "7", "1881")
    for key in ("pout_1", "pout_2"):
        got = await world.provider.send_payout(key, amount=500, currency="CNY", card_token=card, on=ON)
        assert isinstance(got, Accepted)
    paid = await world.provider.start_debit("pay_1", amount=300, currency="CNY", account_token=account, on=ON)
    assert isinstance(paid, Accepted)
    lent = await world.provider.send_disbursement_to_account(
        "pout_3", amount=100, currency="CNY", account_token=account, on=ON
    )
    assert isinstance(lent, Accepted)
    await world.hears(4)
    assert sorted(line[0] for line in await world.book()) == ["debit", "payout", "payout", "payout"]


@pytest.mark.parametrize(
    ("ending", "code"),
    [("0002", "card_not_payable"), ("0004", "card_not_payable"), ("0010", "card_restricted")],
)
async def test_endings_mean_what_they_mean_on_numbers(world: World, ending: str, code: str) -> None:
    token = magic.test_token("card", "x", ending)
    got = await world.provider.send_payout("pout_1", amount=5, currency="CNY", card_token=token, on=ON)
    assert isinstance(got, Refused)
    assert got.code == code


async def test_an_ending_that_fails_later(world: World) -> None:
    token = magic.test_token("account", "x", "0006")
    await world.provider.start_debit("pay_1", amount=5, currency="CNY", account_token=token, on=ON)
    assert [item["type"] for item in await world.hears(1)] == ["debit.failed"]


@pytest.mark.parametrize(
    "token",
    [
        "tok_test_account_7_4242",
        "tok_test_card_7_424",
        "tok_test_card__4242",
        "tok_test_card_A_4242",
        "tok_test_card_7_4242\n",
        f"tok_test_card_{'a' * 41}_4242",
        "xtok_test_card_7_4242",
    ],
)
async def test_what_is_no_test_token_of_a_card(world: World, token: str) -> None:
    got = await world.provider.send_payout("pout_1", amount=5, currency="CNY", card_token=token, on=ON)
    assert isinstance(got, Refused)
    assert got.code == "token_unknown"


@pytest.mark.parametrize(("of", "last4"), [("", "4242"), ("A", "4242"), ("7", "42"), ("a" * 41, "4242")])
def test_only_test_tokens_are_made(of: str, last4: str) -> None:
    with pytest.raises(ValueError, match="would not be a test token"):
        magic.test_token("card", of, last4)
