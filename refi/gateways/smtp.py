"""E-mail by SMTP: one connection a message, and the step at which it fails decides what that means.

Before the content is handed over nothing was sent. An answer to the content is a yes, a "later" (4xx) or a
no (5xx). When the line is cut or silent from then on, nobody can tell: a mail server neither deduplicates by
our id nor can be asked, so that stays unknown and is never sent again.

Letters are plain text. Marketing carries a one-click opt-out (RFC 2369, RFC 8058); whoever relays signs with
DKIM over those headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib
from aiosmtplib import SMTP

from refi import clock
from refi.notifications.channels import Answer, ChannelUnavailable, NotSent, Outgoing, Refused, Sent, Unknown

ONE_CLICK = "List-Unsubscribe=One-Click"
WHOLE = 60.0
"""Seconds for one letter from connecting to the last answer."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A mail server: ``security`` is ``tls`` (from the first byte), ``starttls`` (required) or ``none``."""

    host: str
    port: int
    security: str = "starttls"
    username: str | None = None
    password: str | None = None


class Smtp:
    """E-mail through ``relay`` from the address ``sender``, shown as ``shown_as``.

    ``links`` gives a message's one-click opt-out; ``whole`` bounds one letter, in seconds.
    """

    name = "email"
    deduplicates = False
    can_ask = False

    def __init__(
        self,
        relay: Relay,
        sender: str,
        shown_as: str,
        links: Callable[[str], str],
        whole: float = WHOLE,
    ) -> None:
        self._relay = relay
        self._sender = sender
        self._from = Address(display_name=shown_as, addr_spec=sender)
        self._domain = self._from.domain
        self._links = links
        self._whole = whole

    def opt_out_url(self, message_id: str) -> str | None:
        """Where one click opts out."""
        return self._links(message_id)

    def provider_id(self, message_id: str) -> str:
        """The letter's Message-ID, which a bounce names."""
        return f"<{message_id}@{self._domain}>"

    async def send(self, message: Outgoing) -> Answer:
        """Hand one letter over."""
        try:
            letter = self._letter(message)
        except (ValueError, IndexError):
            return Refused("address_malformed")
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            use_tls=relay.security == "tls",
            start_tls=relay.security == "starttls",
            username=relay.username,
            password=relay.password,
            timeout=self._whole,
        )
        handing_over = False
        try:
            async with asyncio.timeout(self._whole):
                try:
                    await client.connect()
                    await client.mail(self._sender)
                except aiosmtplib.SMTPResponseException as error:  # our credential or our sender
                    return NotSent(f"smtp_{error.code}")
                await client.rcpt(message.to)
                handing_over = True
                await client.data(letter)
                handing_over = False
        except aiosmtplib.SMTPResponseException as error:
            code = f"smtp_{error.code}"
            return Refused(code) if 500 <= error.code < 600 else NotSent(code)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            cause = type(error).__name__
            return Unknown(cause) if handing_over else NotSent(cause)
        finally:
            client.close()
        return Sent(self.provider_id(message.id))

    async def find(self, message_id: str) -> Sent | None:
        """A mail server is not asked. Raises `ChannelUnavailable`."""
        raise ChannelUnavailable(f"a mail server cannot be asked about {message_id}")

    def _letter(self, message: Outgoing) -> bytes:
        """The letter as it goes over the wire. ``ValueError`` for an address or a subject that is none."""
        letter = EmailMessage(policy=SMTP_POLICY)
        letter["From"] = self._from
        letter["To"] = Address(addr_spec=message.to)
        letter["Subject"] = message.subject or ""
        letter["Date"] = format_datetime(clock.utc_now())
        letter["Message-ID"] = self.provider_id(message.id)
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text)
        if message.opt_out_url is None:
            return bytes(letter)
        # set by hand: the library would fold or encode an address longer than a line
        one_click = f"List-Unsubscribe: <{message.opt_out_url}>\r\nList-Unsubscribe-Post: {ONE_CLICK}\r\n"
        return one_click.encode("ascii") + bytes(letter)
