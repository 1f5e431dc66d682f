"""The same decision one by one over HTTP and in bulk, for clients of the real data set (``REFI_CARDS_CSV``).

Clients are drawn at random, seeded with their six bills, and each applies over HTTP to have the newest bill
paid off. The engine decides the same wishes at once from the file. Outcome, reasons, score, band, price,
expected loss and limit must be the same of every one; a counter-offer must be what the bulk approves too.
"""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
import pytest

from refi.demo.walker import Walker
from refi.policies import Policy
from refi.seeding import borrowing, made_up
from refi.seeding.card_clients import Client
from refi.seeding.files_service import clients_in
from refi.seeding.service import FROM_FILE, SEED
from refi.underwriting import bulk, reasons, shipped_service
from refi.underwriting.card_history import Month, history_of
from refi.underwriting.characteristics import Histories
from refi.underwriting.decision import Outcome
from refi.underwriting.facts import Fact, Facts, Product, Source, Wish
from refi.underwriting.strategy import Strategy
from tests.books import ON
from tests.proofs import Proof
from tests.slices.road import rows
from tests.slices.test_real_clients import CARDS, all_of, clients
from tests.stack import Stack, running_stack

TERM = 6
TRIES = 4
DECIDED = "SELECT subject, record FROM decisions"
needs_real = pytest.mark.skipif(not Path(CARDS).is_file(), reason="REFI_CARDS_CSV names no file")


def drawn(path: Path, count: int, random: Random) -> Path:
    """A file of ``count`` clients of the real one."""
    header, *lines = Path(CARDS).read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([header, *random.sample(lines, count)]), encoding="utf-8")
    return path


def alike(policy: Policy, term: int) -> Facts:
    """What every one of these borrowers has in common: seeded, consenting, owing us nothing."""

    def told(value: Any, source: Source = Source.OUR_BOOKS) -> Fact[Any]:
        return Fact(value, source, ON if value is not None else None)

    billed, due = ON - borrowing.BILLED_BEFORE, ON - borrowing.BILLED_BEFORE + borrowing.GRACE
    return Facts(
        on=ON, wish=Wish(Product.CARD_REFINANCE, 0, term, policy.product.default_method),
        age=told(40), identity_verified=told(True), fraud_signals=told(()),
        consents=told(("bureau_query", "contact", "marketing", "statement_read")),
        issuer=told("any"), card_payable=told(True), card_apr=told(policy.card.apr),
        statement_date=told(billed), statement_due_date=told(due), statement_balance=told(0),
        statement_minimum=told(0), statement_overdue=told(False), refinanced=told(0),
        monthly_income=told(0), other_card_minimums=told(0), loan_installments=told(0), exposure=told(0),
        days_past_due=told(0), worst_days_past_due=told(0), charged_off=told(False), bureau=told(None),
        issuer_exposure=told(0), portfolio_exposure=told(0),
    )  # fmt: skip


def months_of(client: Client, policy: Policy) -> tuple[Month, ...]:
    return tuple(
        Month(
            bill.statement_date,
            bill.statement_balance,
            bill.minimum_payment,
            bill.payments_since_last,
            bill.is_overdue,
            None,
        )
        for bill in borrowing.bills(client, policy.card, ON)
    )


def in_bulk(people: Sequence[Client], amounts: Sequence[int], term: int, strategy: Strategy) -> bulk.Decided:
    """The bulk's decisions about these wishes."""
    policy = strategy.policy
    scored = [history_of(months_of(one, policy), one.limit) for one in people]
    blank = Histories(np.ones(1), np.zeros((1, 6)), np.zeros((1, 5)), np.zeros((1, 6)))
    each = [one or blank for one in scored]
    stacked = (np.concatenate([getattr(h, n) for h in each]) for n in ("limits", "bills", "paid", "late"))
    incomes = [made_up.monthly_income(SEED, FROM_FILE + one.id, one.limit) for one in people]
    return bulk.decide_many(
        bulk.Applicants(
            alike=alike(policy, term),
            amounts=np.array(amounts, dtype=np.int64),
            balances=np.array([one.bills[0] for one in people], dtype=np.int64),
            incomes=np.array(incomes, dtype=np.int64),
            overdue=np.array([one.statuses[0] >= 1 for one in people]),
            histories=Histories(*stacked),
            scorable=np.array([one is not None for one in scored]),
        ),
        strategy,
    )


async def seeded(stack: Stack, file: Path, count: int) -> list[tuple[Client, Walker]]:
    """The clients of the file, each signed in as the borrower that was made up around them."""
    by_phone = {made_up.phone(FROM_FILE + one.id): one for one in clients_in(file)}
    walkers = {walker.id: walker for walker in await clients(stack, count, file)}
    found = await rows(stack.runtime.database, "SELECT id, phone_sealed FROM borrowers")
    vault = stack.runtime.database.vault
    return [(by_phone[vault.open(row.phone_sealed)], walkers[row.id]) for row in found]


async def ask(walker: Walker, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
    """One answer; a busy server may have let go of the line, so it is asked again under the same key."""
    key = str(uuid.uuid4())
    for _ in range(TRIES):
        with contextlib.suppress(httpx.TransportError):
            return await walker.send(method, path, body, key=key)
    return await walker.send(method, path, body, key=key)


async def apply(walker: Walker) -> dict[str, Any]:
    """The application for all of the newest bill, or the refusal."""
    card = (await ask(walker, "GET", "/v1/cards")).json()["data"][0]
    bill = (await ask(walker, "GET", f"/v1/cards/{card['id']}/statements")).json()["data"][0]
    answer = await ask(walker, "POST", "/v1/applications", {"statement": bill["id"], "term": TERM})
    assert answer.status_code in (201, 422), answer.text
    found: dict[str, Any] = answer.json()
    return found


def agrees(told: dict[str, Any], record: dict[str, Any], made: bulk.Decided, k: int, policy: Policy) -> None:
    """What the borrower was told, and what was written down, is what the bulk says of row ``k``."""
    said, band = told["decision"], policy.price.bands[made.bands[k]]
    outcome = "declined" if said["counter_offer"] else said["outcome"]
    assert outcome == bulk.OUTCOMES[made.outcomes[k]].value
    codes = [bulk.REASONS[code] for code in made.reasons[k] if code >= 0]
    assert [each["code"] for each in record["reasons"]][: bulk.SHOWN] == codes
    wanted = reasons.shown([reasons.Reason(code, 0) for code in codes], bulk.SHOWN)
    assert [each["code"] for each in said["reasons"]] == [each.code for each in wanted]
    scored = record["scored"]
    assert (bulk.NO_SCORE if scored is None else scored["score"]) == made.scores[k]
    found = {each["rule"]: each["seen"] for each in record["findings"]}
    assert (found["BAND_LIMIT"]["band"], found["BAND_LIMIT"]["limit"]) == (
        band.name,
        policy.underwriting.limits.of_band(band.name),
    )
    assert found["PRICE_CARRIES_LOSS"]["cost"] == made.costs[k]
    assert found["PRICE_CARRIES_LOSS"]["expected_loss"] == made.expected_losses[k]
    if outcome == "approved":
        [offer] = told["offers"]
        priced(offer, made, k, policy, TERM)


def priced(offer: dict[str, Any], made: bulk.Decided, k: int, policy: Policy, term: int) -> None:
    """The offer over HTTP has the bulk's price of row ``k``."""
    listed = policy.price.bands[made.bands[k]].price(term)
    assert offer["term"] == term
    assert offer["installment_amount"] == made.installments[k]
    assert offer["total_interest"] + offer["total_fees"] == made.costs[k]
    assert Decimal(offer["annual_rate"]) == listed.annual_rate


@needs_real
async def test_same_decision_over_http_and_in_bulk(database_url: str, tmp_path: Path, proof: Proof) -> None:
    count = proof.size(small=60, full=600, of="clients")
    file = drawn(tmp_path / "clients.csv", count, proof.random())
    async with running_stack(database_url, tmp_path) as stack:
        people = await seeded(stack, file, count)
        told = await all_of(apply, [walker for _, walker in people])
        kept = {row.subject: row.record for row in await rows(stack.runtime.database, DECIDED)}
        policy = stack.runtime.database.policy
    strategy, seen = shipped_service.strategy_of(policy), Counter[str]()
    asked = [(client, answer) for (client, _), answer in zip(people, told, strict=True) if "id" in answer]
    for (client, _), answer in zip(people, told, strict=True):
        if "id" not in answer:
            assert client.bills[0] < policy.product.minimum_amount
            seen[f"refused: {answer['code']}"] += 1
    made = in_bulk([one for one, _ in asked], [one.bills[0] for one, _ in asked], TERM, strategy)
    for k, (client, answer) in enumerate(asked):
        agrees(answer, kept[answer["id"]], made, k, policy)
        seen[answer["decision"]["outcome"]] += 1
        if answer["decision"]["counter_offer"]:
            [offer] = answer["offers"]
            instead = in_bulk([client], [offer["amount"]], offer["term"], strategy)
            assert bulk.OUTCOMES[instead.outcomes[0]] is Outcome.APPROVED
            priced(offer, instead, 0, policy, offer["term"])
            seen["of them countered"] += 1
    proof.record(agreed=len(asked), **dict(sorted(seen.items())))
    assert len(asked) + sum(n for what, n in seen.items() if what.startswith("refused")) == count
    assert {"approved", "referred", "declined"} <= set(seen)
