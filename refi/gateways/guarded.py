"""A channel behind a circuit breaker: while its provider is down nothing is called, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from refi import clock
from refi.gateways import breaker
from refi.gateways.breaker import CLOSED, Tolerance
from refi.notifications.channels import Answer, Channel, NotSent, Outgoing, Refused, Sent

log = structlog.get_logger("refi.gateways")


class Guarded:
    """``channel`` as it is, except that an open circuit answers `NotSent` with how long to wait.

    The circuit belongs to this process; ``now`` is a monotonic clock in seconds, for tests to fix.
    """

    def __init__(
        self, channel: Channel, tolerance: Tolerance | None = None, now: Callable[[], float] = clock.monotonic
    ) -> None:
        self._channel = channel
        self._tolerance = tolerance or Tolerance()
        self._now = now
        self._circuit = CLOSED
        self.name = channel.name
        self.deduplicates = channel.deduplicates
        self.can_ask = channel.can_ask

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``."""
        return self._circuit.state(self._now())

    def opt_out_url(self, message_id: str) -> str | None:
        """As the channel says."""
        return self._channel.opt_out_url(message_id)

    async def send(self, message: Outgoing) -> Answer:
        """Send, unless the circuit is open."""
        self._circuit, wait = breaker.ask(self._circuit, self._tolerance, self._now())
        if wait is not None:
            return NotSent("circuit_open", wait)
        answer: Answer | None = None
        try:
            answer = await self._channel.send(message)
        finally:  # a call that was cancelled counts as one without an answer, or a probe would stay for ever
            self._learn(answer)
        return answer

    async def find(self, message_id: str) -> Sent | None:
        """As the channel says; questions are few and change nothing, so they are always let through."""
        return await self._channel.find(message_id)

    def _learn(self, answer: Answer | None) -> None:
        before, now = self._circuit, self._now()
        if isinstance(answer, Sent | Refused):
            self._circuit = breaker.succeeded()
        else:
            asked = answer.retry_after if isinstance(answer, NotSent) else None
            self._circuit = breaker.failed(before, self._tolerance, now, asked)
        self._tell(before.state(now), self._circuit.state(now))

    def _tell(self, before: str, after: str) -> None:
        if before != after:
            log.warning("circuit_changed", channel=self.name, before=before, after=after)
