"""Seeding a real database: whole borrowers, once each, however often it is cut short."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from refi import clock, runtime, settings
from refi.api.app import create_app
from refi.borrowers import service as borrowers
from refi.cards import service as cards
from refi.db.work import SYSTEM, Actor
from refi.ids import BorrowerId, CardId
from refi.runtime import Runtime
from refi.seeding import card_clients, made_up
from refi.seeding import service as seeding
from refi.seeding.files_service import FIGURES, CardsFileMissing, NotText, figures_text, segments_lines
from tests.books import ON, opened
from tests.given import LIVE_MESSAGES
from tests.parsed import ROOT
from tests.seeding.given import HEADER, TRANSACTOR, csv_of, fifty, row

REAL = Path(os.environ.get("REFI_CARDS_CSV") or ROOT.parent / "shared" / "data" / "card_clients.csv")
needs_the_real_file = pytest.mark.skipif(
    not REAL.is_file(), reason=f"no card holders' file at {REAL}: set REFI_CARDS_CSV to it"
)


@pytest.fixture
async def made(database_url: str) -> AsyncIterator[Runtime]:
    built = runtime.build(settings.read(database_url=database_url, pool_size=4))
    await opened(built.database.engine)
    yield built
    await built.close()


def written(directory: Path, content: str) -> Path:
    path = directory / "cards.csv"
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, fifty())


async def rows(made: Runtime, query: str, **values: Any) -> list[Any]:
    async with made.database.engine.connect() as connection:
        return list(await connection.execute(text(query), values))


async def counts(made: Runtime) -> dict[str, int]:
    tables = ("borrowers", "consents", "bank_accounts", "cards", "statements")
    return {name: (await rows(made, f"SELECT count(*) FROM {name}"))[0][0] for name in tables}


def whole(people: int) -> dict[str, int]:
    return {
        "borrowers": people,
        "consents": 4 * people,
        "bank_accounts": people,
        "cards": people,
        "statements": 6 * people,
    }


class CutShort(Exception):
    """The run ends here."""


def cut_short_at(stop: int) -> Callable[[int, int], None]:
    def progress(done: int, _: int) -> None:
        if done >= stop:
            raise CutShort

    return progress


async def test_fifty_of_a_file(made: Runtime, file: Path) -> None:
    told: list[tuple[int, int]] = []
    report = await seeding.seed(made, cards=file, on_progress=lambda *at: told.append(at), batch=20)
    assert told == [(20, 50), (40, 50), (50, 50)]
    assert (report.borrowers, report.added, report.already_there, report.statements) == (50, 50, 0, 300)
    assert report.segments == {"persistent_revolver": 40, "transactor": 10}
    assert report.late == 5
    assert len(report.sample_phones) == 5
    assert await counts(made) == whole(50)


async def test_cut_short_and_run_again_gives_exactly_fifty(made: Runtime, file: Path) -> None:
    with pytest.raises(CutShort):
        await seeding.seed(made, cards=file, on_progress=cut_short_at(20), batch=10)
    assert await counts(made) == whole(20)
    report = await seeding.seed(made, cards=file, batch=15)
    assert (report.added, report.already_there) == (30, 20)
    assert await counts(made) == whole(50)
    assert (await seeding.seed(made, cards=file)).added == 0
    assert await counts(made) == whole(50)


async def test_cancelled_inside_a_batch_leaves_whole_batches(made: Runtime, file: Path) -> None:
    """The cancellation strikes at the next wait, which is inside the next transaction."""
    for stop in (3, 17):

        def cancel_at(done: int, _: int, stop: int = stop) -> None:
            task = asyncio.current_task()
            if done == stop and task is not None:
                task.cancel()

        running = asyncio.create_task(seeding.seed(made, cards=file, batch=1, on_progress=cancel_at))
        await asyncio.wait([running])
        assert running.cancelled()
        assert await counts(made) == whole(stop)
    await seeding.seed(made, cards=file)
    assert await counts(made) == whole(50)


async def test_two_at_once_double_nobody(made: Runtime, file: Path) -> None:
    found = await asyncio.gather(
        seeding.seed(made, cards=file, batch=7), seeding.seed(made, cards=file, batch=9)
    )
    assert sum(report.added for report in found) == 50
    assert await counts(made) == whole(50)


async def test_more_than_before_tops_up_and_both_sources_live_together(made: Runtime, file: Path) -> None:
    assert (await seeding.seed(made, borrowers=5)).added == 5
    assert (await seeding.seed(made, borrowers=8)).added == 3
    assert (await seeding.seed(made, borrowers=3, cards=file)).added == 3
    assert await counts(made) == whole(11)


async def test_samples_are_revolvers_worth_refinancing_or_else_anybody(made: Runtime, tmp_path: Path) -> None:
    late, paid = row(1, PAY_0="1"), row(2, **TRANSACTOR)
    small = row(3, BILL_AMT1="99.99")
    report = await seeding.seed(made, cards=written(tmp_path, csv_of(late, paid, small)))
    assert report.sample_phones == ("+8617005000001",)
    report = await seeding.seed(made, cards=written(tmp_path, csv_of(late, paid, small, row(4))))
    assert report.sample_phones == ("+8617005000004",)


async def test_somebody_has_the_phone(made: Runtime, file: Path) -> None:
    phone = made_up.phone(seeding.FROM_FILE + 1)
    async with made.database.work(SYSTEM) as work:
        known = await borrowers.register(work, phone)
    report = await seeding.seed(made, cards=file)
    assert (report.added, report.already_there) == (49, 1)
    async with made.database.work(SYSTEM, reading=True) as work:
        assert (await borrowers.get(work, BorrowerId(known.id))).name_sealed is None, "left alone"


async def test_a_seeded_borrower_is_complete_and_marked(made: Runtime, file: Path) -> None:
    await seeding.seed(made, borrowers=1, cards=file)
    async with made.database.work(SYSTEM, reading=True) as work:
        one = await borrowers.by_phone(work, made_up.phone(seeding.FROM_FILE + 1))
        assert one is not None
        key = BorrowerId(one.id)
        name, national_id = await borrowers.holder(work, key)
        [card] = await cards.cards_of(work, key)
        bills = await cards.statements_of(work, CardId(card.id))
        habit = cards.habit(bills)
        agreed = await borrowers.consented(work, key)
        [account] = await borrowers.bank_accounts(work, key)
    assert one.made_up
    assert name.startswith("样本")
    assert national_id[2:6] == "0000"
    assert one.monthly_income is not None
    assert 1_300_000 < one.monthly_income < 2_100_000, "a third of 50,000.00, give or take a fifth"
    assert {purpose.value for purpose in agreed} == {"bureau_query", "statement_read", "marketing", "contact"}
    assert account.verified
    assert account.token == f"tok_test_account_5000001_{account.last4}"
    assert (card.payable, card.credit_limit, str(card.apr)) == (True, 5_000_000, "0.182500")
    assert card.token == f"tok_test_card_5000001_{card.last4}"
    assert [bill.statement_balance for bill in bills] == [2_000_000 - 100_000 * k for k in range(6)]
    assert {bill.payments_since_last for bill in bills} == {100_000}
    assert bills[0].statement_date == ON - timedelta(days=10)
    assert (bills[0].due_date, bills[0].minimum_payment) == (ON + timedelta(days=10), 200_000)
    assert [bill.is_overdue for bill in bills] == [True, *[False] * 5], "PAY_0 is 2"
    assert habit.segment.value == "persistent_revolver"


async def test_seeded_bills_can_be_read_over_http(made: Runtime, file: Path) -> None:
    phone = (await seeding.seed(made, cards=file)).sample_phones[0]
    async with made.database.work(SYSTEM, reading=True) as work:
        one = await borrowers.by_phone(work, phone)
    assert one is not None
    token = made.tokens.issue(Actor("borrower", one.id), clock.utc_now())
    transport = httpx.ASGITransport(create_app(made))
    signed = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://refi.test", headers=signed) as http:
        me = (await http.get("/v1/me")).json()
        [card] = (await http.get("/v1/cards")).json()["data"]
        bills = (await http.get(f"/v1/cards/{card['id']}/statements")).json()["data"]
    assert me["name"].startswith("样本")
    assert card["payable"] is True
    assert [bill["statement_balance"] for bill in bills] == [2_000_000 - 100_000 * k for k in range(6)]
    assert bills[0]["aprs"] == [{"type": "purchase_apr", "apr": "0.182500", "balance_subject_to_apr": None}]


async def test_without_a_file_the_same_people_everywhere(made: Runtime) -> None:
    report = await seeding.seed(made)
    assert report.borrowers == seeding.MADE_UP_BORROWERS
    query = (
        "SELECT b.phone_index, b.born_on, b.monthly_income, s.statement_date, s.statement_balance"
        " FROM borrowers b JOIN cards c ON c.borrower_id = b.id JOIN statements s ON s.card_id = c.id"
        " ORDER BY 1, 4"
    )
    first = await rows(made, query)
    async with made.database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table in ("statements", "cards", "bank_accounts", "consents", "borrowers"):
            await connection.execute(text(f"DELETE FROM {table}"))
    await seeding.seed(made, batch=33)
    assert await rows(made, query) == first


BROKEN = [
    (csv_of(*(row(k) for k in range(1, 30)), row(30, PAY_AMT1="-1")), "FigureRefused"),
    (csv_of(row(1), row(4_000_000)), "NumberTooLarge"),
    ("", "CardsFileEmpty"),
    (csv_of(row(1), header=[name for name in HEADER if name != "AGE"]), "ColumnMissing"),
]


@pytest.mark.parametrize(("content", "name"), BROKEN)
async def test_a_broken_file_changes_nothing(made: Runtime, tmp_path: Path, content: str, name: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises((card_clients.CardsFileRefused, made_up.NumberTooLarge)) as refusal:
        await seeding.seed(made, cards=file, batch=5)
    assert type(refusal.value).__name__ == name
    assert await counts(made) == whole(0)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(CardsFileMissing, match="No such file"):
        list(segments_lines(tmp_path / "nothing.csv"))
    with pytest.raises(CardsFileMissing):
        list(segments_lines(tmp_path))
    (tmp_path / "gbk.csv").write_bytes("ID,样本\n".encode("gbk"))
    with pytest.raises(NotText, match=r"gbk\.csv is not UTF-8"):
        list(segments_lines(tmp_path / "gbk.csv"))


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "bom.csv").write_text(csv_of(row(4)), encoding="utf-8-sig")
    assert [line["id"] for line in segments_lines(tmp_path / "bom.csv")] == [4]


def elsewhere(**changed: Any) -> Runtime:
    return runtime.build(
        settings.read(database_url="postgresql+asyncpg://nobody@127.0.0.1:1/none", **changed)
    )


async def test_refused_in_live(file: Path) -> None:
    live = elsewhere(
        env="live",
        token_secret="t" * 40,
        data_keys="ZGF0YS1rZXktb2YtdGhlLXRlc3RzLTAwMDAwMDAwMDA=",
        index_key="i" * 40,
        webhook_secrets="whsec_" + "d" * 40,
        provider_key="p" * 40,
        provider_url="https://provider.test",
        **LIVE_MESSAGES,
    )
    with pytest.raises(seeding.SeedingRefusedInLive):
        await seeding.seed(live, cards=file)
    await live.close()


async def test_refused_for_another_market(file: Path) -> None:
    american = elsewhere(market="us")
    with pytest.raises(seeding.MarketNotSeeded):
        await seeding.seed(american, cards=file)
    await american.close()


async def test_no_more_people_than_there_are() -> None:
    nowhere = elsewhere()
    with pytest.raises(made_up.NumberTooLarge):
        await seeding.seed(nowhere, borrowers=seeding.FROM_FILE + 1)
    await nowhere.close()


@needs_the_real_file
def test_segments_of_the_real_card_holders() -> None:
    """RULES: persistent revolvers 65 %, transactors 18 %; the same-month mistake would say 77 %."""
    found = [line["segment"] for line in segments_lines(REAL)]
    assert {name: found.count(name) for name in sorted(set(found))} == {
        "inactive": 1100,
        "occasional_revolver": 3061,
        "persistent_revolver": 15_549,
        "transactor": 4290,
    }


@needs_the_real_file
def test_the_shipped_figures_are_those_of_the_real_card_holders() -> None:
    assert FIGURES.read_text(encoding="utf-8") == figures_text(REAL)


@needs_the_real_file
async def test_two_hundred_real_card_holders(made: Runtime) -> None:
    report = await seeding.seed(made, borrowers=200, cards=REAL)
    assert report.added == 200
    assert await counts(made) == whole(200)
    [(balance,)] = await rows(
        made,
        "SELECT s.statement_balance FROM statements s JOIN cards c ON c.id = s.card_id"
        " WHERE c.token LIKE 'tok_test_card_5000003_%' ORDER BY statement_date DESC LIMIT 1",
    )
    assert balance == 2_923_900, "29,239 of the third row, one to one"
