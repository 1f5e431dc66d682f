"""Composition root: the one place that knows every part and wires them.

Engine, vault, policy and gateways; which handlers hear which event; which function does which job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from refi import events, policies
from refi.applications import review_service, warning_jobs
from refi.applications.warning_service import TELL
from refi.collections import jobs as collections
from refi.collections import ladder
from refi.collections import service as reminders
from refi.crosssell import handlers as on_crosssell
from refi.crosssell import service as suggestions
from refi.db.tables import EventRow
from refi.db.vault import Vault
from refi.db.work import SYSTEM, Database, Work, connect
from refi.gateways.breaker import Tolerance
from refi.gateways.bureau_http import BureauHttp
from refi.gateways.choosing import Channels, channels_of
from refi.gateways.line import Line, Patience, open_client
from refi.gateways.payment_http import PaymentHttp
from refi.gateways.sandbox_control import SandboxControl
from refi.loans import act_service as loan_acts
from refi.loans import hold_service
from refi.notifications import asking_jobs as asking
from refi.notifications import handlers as on_notifications
from refi.notifications import jobs as messages
from refi.notifications import news_jobs as message_news
from refi.notifications import templates
from refi.notifications.claiming_service import StillWanted, code_still_wanted
from refi.notifications.receipts_service import OPTED_OUT, opted_out_still_wanted
from refi.payments import autopay_jobs as autopay
from refi.payments import correction_service, notice_service, payout_service, suspense_act_service
from refi.payments import handlers as on_payments
from refi.payments import jobs as payments
from refi.payments import news_jobs as provider_news
from refi.payments.reconciliation import Waits
from refi.settings import Settings
from refi.staff.roles import Role
from refi.staff.service import Act
from refi.underwriting import shipped_service
from refi.web.tokens import Tokens

LANES = 2
"""Batches of messages under way at once in a process: one is claimed or recorded while another is sent."""


@dataclass(frozen=True)
class Runtime:
    """Everything a process of the service holds."""

    settings: Settings
    database: Database
    tokens: Tokens
    line: Line
    processor: PaymentHttp
    bureau: BureauHttp | None
    sandbox: SandboxControl
    channels: Channels
    waits: Waits
    lanes: asyncio.Semaphore

    async def close(self) -> None:
        """Let go of connections."""
        await self.line.aclose()
        if self.bureau is not None:
            await self.bureau.aclose()
        await self.channels.aclose()
        await self.database.engine.dispose()


class TryAgain(Exception):
    """The job cannot be done yet; the worker runs it again after ``delay``."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(f"again in {delay}")
        self.delay = delay


Job = Callable[[Runtime, dict[str, Any]], Awaitable[object]]
Handler = Callable[[Work, Any], Awaitable[None]]


async def _provider_news(runtime: Runtime, payload: dict[str, Any]) -> None:
    if (wait := await provider_news.handle_news(runtime.database, payload["id"])) is not None:
        raise TryAgain(wait)


async def _message_news(runtime: Runtime, payload: dict[str, Any]) -> None:
    if (wait := await message_news.handle_news(runtime.database, payload["id"])) is not None:
        raise TryAgain(wait)


async def _ask_receipts(runtime: Runtime, _payload: dict[str, Any]) -> None:
    if (wait := await asking.ask(runtime.database, runtime.channels.reports)) is not None:
        raise TryAgain(wait)


async def _event(runtime: Runtime, payload: dict[str, Any]) -> None:
    """Hand one announced event to its handlers, in one transaction."""
    async with runtime.database.work(SYSTEM) as work:
        row = await work.session.get_one(EventRow, payload["id"])
        for handler in HANDLERS[row.type]:
            await handler(work, events.load(row.type, row.body))


async def _plan_reminders(runtime: Runtime, payload: dict[str, Any]) -> None:
    on = date.fromisoformat(payload["on"])
    await collections.plan_reminders(runtime.database, on, payload["stage"], payload["borrowers"])


async def _send_messages(runtime: Runtime, payload: dict[str, Any]) -> None:
    """A batch waits for a lane before it is claimed, so that what is claimed is sent at once."""
    async with runtime.lanes:
        await messages.send_messages(runtime.database, runtime.channels, MESSAGE_KINDS, payload["ids"])


JOBS: dict[str, Job] = {
    "event": _event,
    "send_order": lambda r, p: payments.send_order(r.database, r.processor, p["id"]),
    "resolve_order": lambda r, p: payments.resolve_order(
        r.database, r.processor, p["id"], r.waits.answer_within
    ),
    "provider_news": _provider_news,
    "autopay": lambda r, p: autopay.order_debits(
        r.database, date.fromisoformat(p["on"]), p["first"], p["last"]
    ),
    "message_news": _message_news,
    "ask_receipts": _ask_receipts,
    "send_message": lambda r, p: messages.send_messages(r.database, r.channels, MESSAGE_KINDS, [p["id"]]),
    "send_messages": _send_messages,
    "plan_reminders": _plan_reminders,
    TELL: lambda r, p: warning_jobs.tell(r.database, r.settings.operators, p["alert"]),
}

HANDLERS: dict[str, list[Handler]] = {
    "OneTimeCodeIssued": [on_notifications.one_time_code_issued],
    "EmailGiven": [on_notifications.email_given],
    "MoneySetAside": [on_payments.money_set_aside],
    "PaymentPosted": [on_crosssell.payment_posted],
}

MESSAGE_KINDS: dict[str, StillWanted] = {
    "one_time_code": code_still_wanted,
    OPTED_OUT: opted_out_still_wanted,
    warning_jobs.KIND: warning_jobs.still_wanted,
    reminders.KIND: reminders.still_wanted,
    notice_service.KIND: notice_service.still_wanted,
    suggestions.KIND: suggestions.still_wanted,
}
"""Whether a message of each kind is still right when it is about to be sent, and what fills its template."""

ACTS: dict[str, Act] = {
    review_service.ACT: review_service.act,
    suspense_act_service.ACT: suspense_act_service.act,
    payout_service.ACT: payout_service.act,
    hold_service.ACT: hold_service.act,
    **loan_acts.ACTS,
    correction_service.ACT: correction_service.act,
}
"""What happens to a proposal of each kind when a second person answers it."""


def _policy(market: str) -> policies.Policy:
    """The market's policy; `PolicyError` when its ladder asks for words that nobody wrote, or words break a
    rule."""
    policy = policies.load(market)
    locales = policy.market.locales
    for path, reason in ladder.unworded(
        policy.ladder, lambda name, channel: templates.has_words(name, channel, locales)
    ):
        raise policies.refusal(market, path, reason)
    try:
        templates.require(policy)
    except templates.TemplateRefused as error:
        raise policies.PolicyError("wording", None, str(error)) from error
    require_strategies(market, policy)
    require_roles(market, policy)
    return policy


def require_roles(market: str, policy: policies.Policy) -> None:
    """`PolicyError` for what a role may do that nobody can be hired for."""
    said = (
        (("underwriting", "review", "authority"), policy.underwriting.review.authority),
        (("changes", "waive_alone"), policy.changes.waive_alone),
        (("changes", "authority"), policy.changes.authority),
    )
    for path, allowed in said:
        for place, each in enumerate(allowed):
            if each.role not in set(Role):
                raise policies.refusal(market, (*path, place), f"there is no role {each.role}")


def require_strategies(market: str, policy: policies.Policy) -> None:
    """`PolicyError` for a scorecard that there is not, and what is wrong with a strategy beside this one."""
    try:
        shipped_service.strategy_of(policy)
    except shipped_service.ScorecardFileRefused as error:
        raise policies.refusal(market, ("underwriting", "score", "card"), error.detail) from error
    try:
        shipped_service.arms_of(policy)
    except shipped_service.ScorecardFileRefused as error:
        raise policies.refusal(market, ("underwriting", "challengers"), error.detail) from error


BUREAU_PATIENCE = Patience(attempts=1, connect=2.0, read=4.0, whole=5.0)
"""A borrower waits for the answer: two questions of two attempts each."""


def _bureau(settings: Settings) -> BureauHttp | None:
    """The bureau, where there is one."""
    if not settings.bureau_url:
        return None
    client = open_client(settings.bureau_url, BUREAU_PATIENCE)
    return BureauHttp(
        Line(client, settings.bureau_key.get_secret_value(), BUREAU_PATIENCE),
        Tolerance(settings.circuit_failures, settings.circuit_seconds),
    )


def build(settings: Settings) -> Runtime:
    """Everything wired for ``settings``; opens no connection yet."""
    vault = Vault(
        [key.get_secret_value() for key in settings.data_keys], settings.index_key.get_secret_value()
    )
    policy = _policy(settings.market)
    database = connect(
        settings.database_url,
        policy,
        vault,
        sandbox=not settings.live,
        pool_size=settings.pool_size,
    )
    client = open_client(settings.provider_url)
    line = Line(client, settings.provider_key.get_secret_value())
    return Runtime(
        settings=settings,
        database=replace(database, subscribed=frozenset(HANDLERS)),
        tokens=Tokens(
            settings.token_secret.get_secret_value(), timedelta(minutes=settings.access_token_minutes)
        ),
        line=line,
        processor=PaymentHttp(line),
        bureau=_bureau(settings),
        sandbox=SandboxControl(client, settings.provider_key.get_secret_value()),
        channels=channels_of(settings, database, line),
        lanes=asyncio.Semaphore(LANES),
        waits=Waits(
            answer_within=timedelta(seconds=settings.answer_within_seconds),
            sweep_after=timedelta(seconds=settings.sweep_after_seconds),
            news_within=timedelta(seconds=settings.news_within_seconds),
        ),
    )
