"""When the same message may be sent again."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from refi.errors import Unavailable
from refi.notifications.channels import (
    Answer,
    ChannelUnavailable,
    NotSent,
    Outgoing,
    Refused,
    Sent,
    Unknown,
    may_send_again,
)


@dataclass(frozen=True)
class Kind:
    """What a channel declares of itself; it sends nothing."""

    deduplicates: bool
    can_ask: bool = False
    name: str = "sms"

    def opt_out_url(self, message_id: str) -> str | None:
        return None

    async def send(self, message: Outgoing) -> Answer:
        return NotSent("it sends nothing")

    async def find(self, message_id: str) -> Sent | None:
        return None


@pytest.mark.parametrize(
    ("answer", "deduplicates", "again"),
    [
        (Unknown("ReadTimeout"), False, False),
        (Unknown("ReadTimeout"), True, True),
        (NotSent("ConnectError"), False, True),
        (NotSent("ConnectError"), True, True),
        (Sent("sms_1"), True, False),
        (Refused("unreachable"), True, False),
    ],
)
def test_an_unknown_message_is_repeated_only_where_it_cannot_arrive_twice(
    answer: Answer, deduplicates: bool, again: bool
) -> None:
    assert may_send_again(answer, Kind(deduplicates)) is again


def test_a_channel_that_gives_no_answer_is_a_dependency_that_is_missing() -> None:
    assert issubclass(ChannelUnavailable, Unavailable)
    assert ChannelUnavailable("x").code == "dependency_unavailable"
