"""A company whose process dies while we connect: an answer of the line, never an exception."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
import uvloop

from refi.gateways.calls import Silence
from refi.gateways.line import Line, Patience, open_client

ORDERS = 300


@pytest.fixture
def cutting() -> Iterator[str]:
    """The address of a server that accepts every connection and resets it at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listening.accept()
                except OSError:
                    return
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                accepted.close()

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


async def order(url: str) -> Counter[str]:
    """What became of a few hundred orders."""
    seen: Counter[str] = Counter()
    async with open_client(url) as client:
        line = Line(client, "credential", Patience(attempts=1))
        for number in range(ORDERS):
            got = await line.order("/v1/payouts", f"pout_{number}", {"amount": 1})
            assert isinstance(got, Silence)
            seen[got.cause] += 1
    return seen


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_connection_cut_in_the_making_is_silence(cutting: str, loop: Callable[[], Any]) -> None:
    def run() -> Counter[str]:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(order(cutting))

    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(run).result()
    assert sum(seen.values()) == ORDERS
    assert set(seen) <= {"ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}
