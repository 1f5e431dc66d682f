"""Which channels there are: the sandbox's, or the providers that the settings choose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import httpx

from refi.db.work import Database
from refi.gateways.breaker import Tolerance
from refi.gateways.guarded import Guarded
from refi.gateways.in_app import InApp
from refi.gateways.jpush import JPush
from refi.gateways.jpush_reports import JPushReports
from refi.gateways.line import Line, open_client
from refi.gateways.messages_http import MessagesHttp
from refi.gateways.operator_webhook import OperatorWebhook
from refi.gateways.smtp import Relay, Smtp
from refi.gateways.twilio import Twilio
from refi.notifications.channels import Channel, Reports
from refi.notifications.opting_out import link_of
from refi.settings import Settings


class Channels(dict[str, Channel]):
    """The channels by name, and the connections that they hold.

    ``reports`` is whom to ask for receipts of pushes, where the provider does not tell them by itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clients: list[httpx.AsyncClient] = []
        self.reports: Reports | None = None

    async def aclose(self) -> None:
        """Let go of the connections."""
        for client in self.clients:
            await client.aclose()


def channels_of(settings: Settings, database: Database, line: Line) -> Channels:
    """Every channel that ``settings`` switch on; the app's inbox is always there. Opens no connection yet.

    A provider of our own choosing stands behind a circuit breaker. The sandbox does not: it is there to fail.
    """
    made = Channels()
    links = partial(link_of, database.vault.index, settings.public_url)
    tolerance = Tolerance(settings.circuit_failures, settings.circuit_seconds)
    for name, provider in settings.message_channels.items():
        if provider == "sandbox":
            made[name] = MessagesHttp(line, name, links if name == "email" else None)
        elif provider != "off":
            made[name] = Guarded(_provider(provider, settings, database, links, made.clients), tolerance)
    if settings.push_channel == "jpush":
        made.clients.append(open_client(settings.jpush_report_url))
        made.reports = JPushReports(
            made.clients[-1], settings.jpush_app_key, settings.jpush_master_secret.get_secret_value()
        )
    made["inbox"] = InApp(database)
    if settings.operator_webhook_url:
        made.clients.append(open_client(settings.operator_webhook_url, connections=4))
        secret = settings.operator_webhook_secret.get_secret_value()
        made["webhook"] = Guarded(OperatorWebhook(made.clients[-1], secret), tolerance)
    return made


def _provider(
    name: str,
    settings: Settings,
    database: Database,
    links: Callable[[str], str],
    clients: list[httpx.AsyncClient],
) -> Channel:
    if name == "twilio":
        clients.append(open_client(settings.twilio_url))
        return Twilio(
            clients[-1],
            settings.twilio_account_sid,
            settings.twilio_auth_tokens[0].get_secret_value(),
            settings.twilio_sender,
            partial(receipts_at, settings.public_url),
        )
    if name == "jpush":
        clients.append(open_client(settings.jpush_url))
        return JPush(
            clients[-1],
            settings.jpush_app_key,
            settings.jpush_master_secret.get_secret_value(),
            production=settings.jpush_apns_production,
        )
    relay = Relay(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_username or None,
        settings.smtp_password.get_secret_value() or None,
    )
    market = database.policy.market
    return Smtp(relay, settings.smtp_sender, database.policy.messages.sender[market.default_locale], links)


def receipts_at(public_url: str, message_id: str) -> str:
    """Where Twilio tells what became of a message."""
    return f"{public_url.rstrip('/')}/hooks/v1/messages/twilio?message={quote(message_id, safe='')}"
