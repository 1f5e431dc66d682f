"""E-mail through a real SMTP server: the letter as it arrives, and every way in which it does not."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.smtp import AuthResult, Envelope, Session

from refi.gateways.smtp import Relay, Smtp
from refi.notifications.channels import Answer, Channel, ChannelUnavailable, NotSent, Refused, Sent, Unknown
from tests.gateways.given import outgoing

MailServer = aiosmtpd.SMTP
logging.getLogger("mail.log").setLevel(
    logging.WARNING
)  # it tells of a cut connection in the middle of another test
LINK = "https://refi.test/v1/opt-out/" + "msg_01j00000000000000000000000" + "." + "0" * 64


@dataclass
class Desk:
    """What a mail server says at each step (None: it agrees), and what it took."""

    mail: str | None = None
    rcpt: str | None = None
    data: str | None = None
    wait: float = 0.0
    cut: bool = False
    took: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's names
        self, server: MailServer, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.mail or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: MailServer, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt is None:
            envelope.rcpt_tos.append(address)
        return self.rcpt or "250 OK"

    async def handle_DATA(self, server: MailServer, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data is None:
            self.took.append((str(envelope.mail_from), envelope.rcpt_tos, bytes(envelope.content or b"")))
        if self.cut:
            assert server.transport is not None
            server.transport.abort()
        await asyncio.sleep(self.wait)
        return self.data or "250 OK"


@contextlib.asynccontextmanager
async def server(desk: Desk, **settings: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    running = await loop.create_server(lambda: MailServer(desk, **settings), "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


@contextlib.asynccontextmanager
async def post(desk: Desk, *, whole: float = 5.0, **relay: Any) -> AsyncIterator[Smtp]:
    async with server(desk) as port:
        fields = {"host": "127.0.0.1", "port": port, "security": "none", **relay}
        yield Smtp(Relay(**fields), "notice@refi.test", "Refi", lambda _: LINK, whole)


async def sent(desk: Desk, *, whole: float = 5.0, **message: Any) -> Answer:
    async with post(desk, whole=whole) as channel:
        return await channel.send(outgoing(**{"to": "wang@example.com", "subject": "Notice", **message}))


def opened(desk: Desk) -> EmailMessage:
    [(_, _, raw)] = desk.took
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(letter, EmailMessage)
    return letter


async def test_a_letter_as_it_arrives() -> None:
    desk = Desk()
    async with post(desk) as smtp:
        channel: Channel = smtp
        text = "您好：\n\n分期应还 ¥1,066.19。\n.\n" + "很长的一行" * 300
        answer = await channel.send(
            outgoing(to="wang@example.com", subject="瑞分期：您的账户有一条提醒", text=text)
        )
    assert answer == Sent("<msg_1@refi.test>")
    assert desk.took[0][:2] == ("notice@refi.test", ["wang@example.com"])
    letter = opened(desk)
    assert letter["Subject"] == "瑞分期：您的账户有一条提醒"
    assert (letter["From"], letter["To"]) == ("Refi <notice@refi.test>", "wang@example.com")
    assert (letter["Message-ID"], letter["Auto-Submitted"]) == ("<msg_1@refi.test>", "auto-generated")
    assert letter["Date"].datetime.tzinfo is not None
    assert letter.get_content_type() == "text/plain"
    assert letter.get_content().replace("\r\n", "\n").rstrip("\n") == text
    assert letter["List-Unsubscribe"] is None
    assert max(map(len, desk.took[0][2].splitlines())) <= 998
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("email", False, False)
    assert channel.opt_out_url("msg_1") == LINK


async def test_marketing_can_be_left_with_one_click() -> None:
    desk = Desk()
    assert isinstance(await sent(desk, opt_out_url=LINK), Sent)
    raw = desk.took[0][2]
    assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in raw  # in one piece, on one line
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert opened(desk)["Subject"] == "Notice"


@pytest.mark.parametrize(
    ("desk", "answer"),
    [
        (Desk(mail="550 5.7.1 sender rejected"), NotSent("smtp_550")),
        (Desk(mail="451 try later"), NotSent("smtp_451")),
        (Desk(rcpt="450 4.2.0 greylisted"), NotSent("smtp_450")),
        (Desk(rcpt="452 mailbox full"), NotSent("smtp_452")),
        (Desk(rcpt="421 too many connections"), NotSent("smtp_421")),
        (Desk(rcpt="550 5.1.1 no such user"), Refused("smtp_550")),
        (Desk(rcpt="553 mailbox name not allowed"), Refused("smtp_553")),
        (Desk(data="451 try later"), NotSent("smtp_451")),
        (Desk(data="554 5.7.1 looks like spam"), Refused("smtp_554")),
    ],
)
async def test_every_answer(desk: Desk, answer: Answer) -> None:
    assert await sent(desk) == answer
    assert desk.took == []


async def test_after_the_content_silence_is_doubt() -> None:
    slow, cut = Desk(wait=1.0), Desk(cut=True)
    assert isinstance(await sent(slow, whole=0.3), Unknown)
    assert isinstance(await sent(cut), Unknown)
    assert (len(slow.took), len(cut.took)) == (1, 1)  # it arrived: had it been repeated, it would be two


async def test_nobody_listens() -> None:
    async with server(Desk()) as port:
        pass
    channel = Smtp(Relay("127.0.0.1", port, "none"), "notice@refi.test", "Refi", lambda _: LINK, 5.0)
    assert await channel.send(outgoing(to="wang@example.com")) == NotSent("SMTPConnectError")


async def test_a_server_that_says_nothing() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        channel = Smtp(Relay("127.0.0.1", port, "none"), "notice@refi.test", "Refi", lambda _: LINK, 0.3)
        assert isinstance(await channel.send(outgoing(to="wang@example.com")), NotSent)


async def test_a_server_that_turns_everybody_away_or_talks_nonsense() -> None:
    for greeting in (b"554 no mail here\r\n", b"421 later\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"):

        async def greets(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = greeting
        ) -> None:
            writer.write(said)
            await reader.read()
            writer.close()

        async with await asyncio.start_server(greets, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            channel = Smtp(Relay("127.0.0.1", port, "none"), "notice@refi.test", "Refi", lambda _: LINK, 1.0)
            assert isinstance(await channel.send(outgoing(to="wang@example.com")), NotSent)


async def test_a_server_that_offers_no_encryption_gets_no_letter() -> None:
    desk = Desk()
    async with post(desk, security="starttls") as channel:
        assert isinstance(await channel.send(outgoing(to="wang@example.com")), NotSent)
    assert desk.took == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("password", "kind"), [("right", Sent), ("wrong", NotSent)])
async def test_the_credential(password: str, kind: type[Answer]) -> None:
    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right")

    desk = Desk()
    async with server(desk, authenticator=check, auth_required=True, auth_require_tls=False) as port:
        relay = Relay("127.0.0.1", port, "none", "refi", password)
        channel = Smtp(relay, "notice@refi.test", "Refi", lambda _: LINK, 5.0)
        assert isinstance(await channel.send(outgoing(to="wang@example.com", subject="x")), kind)
    assert len(desk.took) == (kind is Sent)


@pytest.mark.parametrize(
    "message",
    [
        {"to": "wang@example.com\r\nBcc: everybody@example.com"},
        {"to": "wang@example.com>\r\nRCPT TO:<everybody@example.com"},
        {"to": "not an address"},
        {"to": ""},
        {"subject": "Notice\r\nBcc: everybody@example.com"},
    ],
)
async def test_a_header_cannot_be_smuggled_in(message: dict[str, str]) -> None:
    desk = Desk()
    assert await sent(desk, **message) == Refused("address_malformed")
    assert desk.took == []


async def test_a_dot_on_a_line_does_not_end_the_letter() -> None:
    desk = Desk()
    await sent(desk, text="one\n.\nMAIL FROM:<evil@example.com>\n..\ntwo")
    assert opened(desk).get_content().splitlines() == [
        "one",
        ".",
        "MAIL FROM:<evil@example.com>",
        "..",
        "two",
    ]


async def test_it_cannot_be_asked() -> None:
    async with post(Desk()) as channel:
        with pytest.raises(ChannelUnavailable):
            await channel.find("msg_1")
