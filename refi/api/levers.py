"""Pulling a lever of the sandbox provider, and waiting until what it set off is done."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select

from refi.api.settling import ACT_WITHIN, jobs_done, settle
from refi.db.work import Work
from refi.errors import NotFound
from refi.gateways.sandbox_control import ProviderRefuses
from refi.payments.tables import Payout
from refi.runtime import Runtime
from refi.web.fields import known_id


async def payout_of(work: Work, text: str) -> str:
    """The payout of that id, or the newest of the loan of that id; `NotFound`."""
    if text.startswith("loan_"):
        newest = select(Payout.id).where(Payout.loan_id == known_id(text, "loan")).order_by(Payout.id.desc())
        found = await work.session.scalar(newest.limit(1))
    else:
        found = await work.session.scalar(select(Payout.id).where(Payout.id == known_id(text, "pout")))
    if found is None:
        raise NotFound("no such payout")
    return str(found)


async def answered(runtime: Runtime, order: str, act: str, on: date) -> dict[str, Any]:
    """Let the provider answer an order: ``order`` is its path. Money reaches a payee, and comes back, ``on``.

    What comes back was there before: an order that was not answered yet is first delivered or posted.
    """
    body = {"on": on.isoformat()} if act in ("deliver", "return") else None
    try:
        return await control(runtime, f"{order}/{act}", body)
    except ProviderRefuses as refusal:
        first = {"deliver", "post"}.intersection(refusal.allowed)
        if act != "return" or not first:
            raise
        await control(runtime, f"{order}/{first.pop()}")
    return await control(runtime, f"{order}/{act}", body)


async def control(
    runtime: Runtime, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
) -> dict[str, Any]:
    """Pull a lever of the provider when our orders are out, then wait until its news is handled."""
    await jobs_done(runtime.database, ACT_WITHIN)
    said = await runtime.sandbox.command(path, body, key=key)
    await settle(runtime, ACT_WITHIN)
    return said
