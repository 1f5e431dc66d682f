"""A circuit breaker: who keeps failing is left alone for a while, then tried with one call.

The state is a value and its moves are pure functions, so that they are tested without a clock. Closed, every
call may go. After ``failures`` in a row the circuit opens for ``rest`` seconds, or for as long as the other
side asked. Then it is half open: one call probes while the others still wait. A success closes it; a failure
opens it again for twice as long, up to ``longest``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How many failures in a row open the circuit, and for how many seconds at first and at most."""

    failures: int = 5
    rest: float = 30.0
    longest: float = 600.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """Failures in a row, until when the circuit is open (None: closed), its rest, whether it is probed."""

    failures: int = 0
    open_until: float | None = None
    rest: float = 0.0
    probing: bool = False

    def state(self, now: float) -> str:
        """``closed``, ``open`` or ``half_open`` at the instant ``now`` (seconds of a monotonic clock)."""
        if self.open_until is None:
            return "closed"
        return "open" if now < self.open_until else "half_open"


CLOSED = Circuit()


def ask(circuit: Circuit, tolerance: Tolerance, now: float) -> tuple[Circuit, float | None]:
    """May a call go now? The circuit with that call under way and None, or itself and the seconds to wait."""
    state = circuit.state(now)
    if state == "closed":
        return circuit, None
    if state == "half_open" and not circuit.probing:
        return replace(circuit, probing=True), None
    left = (circuit.open_until or now) - now
    return circuit, left if left > 0 else tolerance.rest


def succeeded() -> Circuit:
    """A call was answered, by a yes or by a no: the other side works."""
    return CLOSED


def failed(circuit: Circuit, tolerance: Tolerance, now: float, asked: float | None = None) -> Circuit:
    """A call was not answered or turned away; ``asked``: for how many seconds the other side wants rest."""
    failures = circuit.failures + 1
    known = circuit.open_until is not None
    if not known and asked is None and failures < tolerance.failures:
        return replace(circuit, failures=failures)
    if known and not circuit.probing and asked is None:
        return replace(circuit, failures=failures)  # a call from before it opened
    rest = min(tolerance.longest, circuit.rest * 2 if circuit.probing else tolerance.rest)
    wait = min(tolerance.longest, asked) if asked is not None else rest
    until = max(now + wait, circuit.open_until or now)
    return Circuit(failures, until, rest, probing=False)
