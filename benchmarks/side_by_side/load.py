"""The load generator, a process of its own: prepared requests, each sent once, over kept connections.

It reads a `Shot` as JSON from its standard input and writes a `Hit` as JSON. Every connection sends its next
request when the answer to the one before has come (a closed loop), so ``concurrency`` requests are under way.
An answer with another status than expected ends it: a refused request is quick and would flatter.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import httptools
import uvloop

TIME_LIMIT = 120.0  # seconds that one shot may take


class WrongAnswer(Exception):
    """An answer was not what the yardstick expects."""


@dataclass(frozen=True)
class Call:
    """One POST."""

    path: str
    body: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Shot:
    """What to send: to which port of the loopback, how many at a time, and the status that is right."""

    port: int
    concurrency: int
    status: int
    calls: Sequence[Call]


@dataclass(frozen=True)
class Hit:
    """How it went: requests a second, the median and the 95th percentile in ms, and the last answer."""

    per_second: float
    p50: float
    p95: float
    answer: str


def fire(shot: Shot) -> Hit:
    """Run the generator for ``shot``. Raises `WrongAnswer` with its words when it fails."""
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.side_by_side.load"],
        input=json.dumps(asdict(shot)).encode(),
        capture_output=True,
        check=False,
        timeout=TIME_LIMIT + 30,
    )
    if made.returncode:
        raise WrongAnswer(made.stderr.decode()[-2000:])
    return Hit(**json.loads(made.stdout))


class Connection(asyncio.Protocol):
    """One kept connection; `post` sends a request and waits for its answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(error or ConnectionResetError("the server hung up"))

    async def post(self, request: bytes) -> tuple[int, bytes]:
        self.answered = asyncio.get_running_loop().create_future()
        self.parser = httptools.HttpResponseParser(self)
        self.body = b""
        self.transport.write(request)
        return await self.answered

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.answered.set_result((self.parser.get_status_code(), self.body))


def written(call: Call) -> bytes:
    body = call.body.encode()
    headers = {
        "host": "127.0.0.1",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **call.headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {call.path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def run(shot: Shot) -> Hit:
    loop = asyncio.get_running_loop()
    waiting: Iterator[bytes] = iter([written(call) for call in shot.calls])
    took: list[float] = []
    last = b""

    async def one(connection: Connection) -> None:
        nonlocal last
        for request in waiting:
            started = time.perf_counter()
            status, last = await connection.post(request)
            took.append(time.perf_counter() - started)
            if status != shot.status:
                raise WrongAnswer(f"{status} instead of {shot.status}: {last[:1000]!r}")

    made = [await loop.create_connection(Connection, "127.0.0.1", shot.port) for _ in range(shot.concurrency)]
    started = time.perf_counter()
    async with asyncio.timeout(TIME_LIMIT), asyncio.TaskGroup() as group:
        for _, connection in made:
            group.create_task(one(connection))
    seconds = time.perf_counter() - started
    for transport, _ in made:
        transport.close()
    took.sort()
    return Hit(
        len(took) / seconds, took[len(took) // 2] * 1e3, took[int(len(took) * 0.95)] * 1e3, last.decode()
    )


def main() -> None:
    asked = json.load(sys.stdin)
    asked["calls"] = [Call(**call) for call in asked["calls"]]
    json.dump(asdict(uvloop.run(run(Shot(**asked)))), sys.stdout)


if __name__ == "__main__":
    main()
