"""The levers: how an order ends when it is told to, transfers, hold."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest

from refi.gateways.sandbox.control import SOON_HEARD
from refi.gateways.sandbox.store import Store
from refi.payments.processor import Status
from tests.gateways.given import until
from tests.gateways.sandbox.conftest import ON, World


async def waiting_payout(world: World, key: str = "pout_1") -> None:
    token = await world.card("0014", f"card_{key}")
    await world.provider.send_payout(key, amount=500, currency="CNY", card_token=token, on=ON)


async def waiting_debit(world: World, key: str = "pay_1") -> None:
    token = await world.account("0014", f"bacc_{key}")
    await world.provider.start_debit(key, amount=500, currency="CNY", account_token=token, on=ON)


@pytest.mark.parametrize(
    ("kind", "act", "status", "cash", "reason"),
    [
        ("payouts", "deliver", "delivered", ["payout"], None),
        ("payouts", "fail", "failed", [], "declined_by_bank"),
        ("debits", "post", "posted", ["debit"], None),
        ("debits", "fail", "failed", [], "declined_by_bank"),
    ],
)
async def test_told_how_to_end(
    world: World, kind: str, act: str, status: str, cash: list[str], reason: str | None
) -> None:
    await (waiting_payout if kind == "payouts" else waiting_debit)(world, "row_1")
    answer = await world.tell(f"/{kind}/row_1/{act}", {"on": "2026-11-25"})
    assert (answer["status"], answer["reason"]) == (status, reason)
    [told] = await world.hears(1)
    assert (told["type"], told["effective_on"]) == (f"{kind[:-1]}.{status}", "2026-11-25")
    assert told["reason"] == reason
    assert [line[0] for line in await world.book()] == cash
    again = await world.tell(f"/{kind}/row_1/{act}", {"on": "2026-12-01"})
    assert again == answer, "the same end twice has one effect"
    assert len(await world.book()) == len(cash)


@pytest.mark.parametrize(("kind", "first"), [("payouts", "deliver"), ("debits", "post")])
async def test_returned(world: World, kind: str, first: str) -> None:
    await (waiting_payout if kind == "payouts" else waiting_debit)(world, "row_1")
    await world.tell(f"/{kind}/row_1/{first}", {"on": "2026-11-23"})
    await world.tell(f"/{kind}/row_1/return", {"on": "2026-11-27", "reason": "card_closed"})
    told = {item["type"]: item for item in await world.hears(2)}
    returned = told[f"{kind[:-1]}.returned"]
    assert (returned["effective_on"], returned["reason"]) == ("2026-11-27", "card_closed")
    assert [(line[0], line[3]) for line in await world.book()] == [
        (kind[:-1], "2026-11-23"),
        (f"{kind[:-1]}_return", "2026-11-27"),
    ]
    outcome = await world.provider.find("row_1")
    assert outcome is not None
    assert (outcome.status, outcome.effective_on) == (Status.RETURNED, date(2026, 11, 27))


async def test_without_a_date_it_happens_when_it_was_ordered(world: World) -> None:
    await waiting_payout(world)
    await world.tell("/payouts/pout_1/deliver", {})
    await world.tell("/payouts/pout_1/return")
    assert {item["effective_on"] for item in await world.hears(2)} == {"2026-11-22"}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/payouts/pout_1/return", ["deliver", "fail", "lose"]),
        ("/debits/pay_1/return", ["fail", "lose", "post"]),
    ],
)
async def test_a_move_out_of_turn(world: World, path: str, allowed: list[str]) -> None:
    await waiting_payout(world)
    await waiting_debit(world)
    answer = await world.tell(path, {}, 409)
    assert (answer["code"], answer["allowed"]) == ("invalid_transition", allowed)
    assert await world.book() == []


async def test_what_is_over_stays_over(world: World) -> None:
    await waiting_payout(world)
    await world.tell("/payouts/pout_1/fail")
    for act in ("deliver", "return", "lose"):
        await world.hears(1)
        assert (await world.tell(f"/payouts/pout_1/{act}", {}, 409))["allowed"] == []
    assert await world.book() == []


@pytest.mark.parametrize("path", ["/payouts/nope/deliver", "/debits/pout_1/post"])
async def test_no_such_order(world: World, path: str) -> None:
    await waiting_payout(world)
    assert (await world.tell(path, {}, 404))["code"] == "operation_not_found"


async def test_lost_news_is_found_by_asking(world: World) -> None:
    await waiting_payout(world)
    await world.tell("/payouts/pout_1/lose", {"on": "2026-11-24"})
    await waiting_payout(world, "pout_2")
    await world.tell("/payouts/pout_2/deliver")
    assert [item["key"] for item in await world.hears(1)] == ["pout_2"]
    outcome = await world.provider.find("pout_1")
    assert outcome is not None
    assert (outcome.status, outcome.effective_on) == (Status.DELIVERED, date(2026, 11, 24))
    assert len(await world.book()) == 2
    await world.tell("/payouts/pout_1/deliver")
    assert [item["key"] for item in await world.hears(2)] == ["pout_2", "pout_1"], "told after all"
    assert len(await world.book()) == 2


async def test_hold_until_told(world: World) -> None:
    await world.tell("/hold", {"on": True})
    token = await world.card()
    for key in ("pout_1", "pout_2"):
        await world.provider.send_payout(key, amount=5, currency="CNY", card_token=token, on=ON)
    await world.tell("/payouts/pout_2/deliver")
    assert [item["key"] for item in await world.hears(1)] == ["pout_2"]
    assert len(await world.book()) == 1
    await world.tell("/hold", {"on": False})
    assert [item["key"] for item in await world.hears(2)] == ["pout_2", "pout_1"]


async def test_money_that_arrives_unasked(world: World) -> None:
    body = {"amount": 900, "currency": "CNY", "on": "2026-12-01", "reference": "还款 loan_1"}
    key = {"Idempotency-Key": "wire-1"}
    first, again = [await world.control.post("/control/transfers", json=body, headers=key) for _ in range(2)]
    other = await world.control.post("/control/transfers", json=body | {"amount": 901}, headers=key)
    assert (first.status_code, again.json(), other.status_code) == (201, first.json(), 409)
    [told] = await world.hears(1)
    assert told["type"] == "transfer.received"
    assert (told["key"], told["reference"], told["effective_on"]) == (None, "还款 loan_1", "2026-12-01")
    await world.tell("/transfers", {"amount": 1, "currency": "CNY", "on": "2026-12-01"}, 201)
    await world.tell("/transfers", {"amount": 1, "currency": "CNY", "on": "2026-12-01"}, 201)
    page = await world.provider.cash_book()
    assert [(line.amount, line.key, line.reference) for line in page.entries] == [
        (900, None, "还款 loan_1"),
        (1, None, None),
        (1, None, None),
    ]
    assert await world.provider.find("transfer-wire-1") is None, "a transfer is nobody's order"


async def test_news_can_be_told_again(world: World) -> None:
    await world.tell("/transfers", {"amount": 1, "currency": "CNY", "on": "2026-12-01"}, 201)
    [told] = await world.hears(1)
    await world.tell(f"/news/{told['id']}/tell")
    await world.hears(2)
    assert world.ear.heard[0][1] == world.ear.heard[1][1]
    assert (await world.tell("/news/evt_nothing/tell", None, 404))["code"] == "event_not_found"
    [listed] = (await world.control.get("/control/news")).json()["data"]
    assert (listed["id"], listed["attempts"]) == (told["id"], 2)


async def test_what_is_under_way_is_counted_until_it_is_heard(world: World) -> None:
    async def under_way() -> tuple[int, int]:
        found = (await world.control.get("/control/under-way")).json()
        return found["orders"], found["news"]

    assert await under_way() == (0, 0)
    await waiting_payout(world)
    assert await under_way() == (0, 0), "it waits for a lever, not for time"
    await world.tell("/hold", {"on": True})
    token = await world.card("1234", "card_2")
    await world.provider.send_payout("pout_2", amount=500, currency="CNY", card_token=token, on=ON)
    assert await under_way() == (0, 0), "on hold nothing goes on by itself"
    world.ear.answers = [500] * 40
    await world.tell("/hold", {"on": False})
    assert sum(await under_way()) == 1
    await until(lambda: len(world.ear.heard) > SOON_HEARD)
    assert await under_way() == (0, 0), "what nobody hears is not waited for"
    world.ear.answers = []


async def test_the_cash_book_is_append_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "provider.db")
    try:
        await store.run(
            lambda db: db.execute(
                "INSERT INTO cash_book (kind, provider_id, amount, currency, effective_on, booked_at)"
                " VALUES ('transfer', 'tr_1', 1, 'CNY', '2026-11-22', '')"
            )
        )
        for sql in ("UPDATE cash_book SET amount = 2", "DELETE FROM cash_book"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                await store.run(lambda db, sql=sql: db.execute(sql))  # type: ignore[misc]
        assert await store.run(lambda db: db.execute("SELECT amount FROM cash_book").fetchone()[0]) == 1
    finally:
        store.close()


async def test_an_act_that_raises_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "provider.db")

    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO switches VALUES ('hold', 1)")
        raise LookupError("halfway")

    try:
        with pytest.raises(LookupError):
            await store.run(half)
        assert await store.run(lambda db: db.execute("SELECT count(*) FROM switches").fetchone()[0]) == 0
    finally:
        store.close()
