"""The circuit breaker: a state machine without a clock, and the channel behind it that loses nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refi.gateways import breaker
from refi.gateways.breaker import CLOSED, Circuit, Tolerance
from refi.gateways.guarded import Guarded
from refi.notifications.channels import Answer, NotSent, Outgoing, Refused, Sent, Unknown
from tests.gateways.given import outgoing

THREE = Tolerance(failures=3, rest=10.0, longest=60.0)


def broken(times: int, at: float = 0.0) -> Circuit:
    circuit = CLOSED
    for _ in range(times):
        circuit = breaker.failed(circuit, THREE, at)
    return circuit


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    assert broken(2).state(0.0) == "closed"
    assert broken(3).state(0.0) == "open"
    assert breaker.ask(broken(3), THREE, 4.0) == (broken(3), 6.0)


def test_a_success_between_makes_it_forget() -> None:
    circuit = breaker.failed(breaker.succeeded(), THREE, 0.0)
    assert circuit.failures == 1


def test_half_open_lets_one_probe_through() -> None:
    circuit = broken(3)
    assert circuit.state(10.0) == "half_open"
    probing, wait = breaker.ask(circuit, THREE, 10.0)
    assert wait is None
    assert breaker.ask(probing, THREE, 10.0) == (probing, THREE.rest)


def test_a_probe_decides() -> None:
    probing, _ = breaker.ask(broken(3), THREE, 10.0)
    assert breaker.succeeded().state(10.0) == "closed"
    again = breaker.failed(probing, THREE, 12.0)
    assert (again.state(12.0), again.open_until, again.probing) == ("open", 32.0, False)


def test_rests_double_up_to_the_longest() -> None:
    circuit, now, rests = broken(3), 10.0, []
    for _ in range(5):
        circuit, wait = breaker.ask(circuit, THREE, now)
        assert wait is None
        circuit = breaker.failed(circuit, THREE, now)
        assert circuit.open_until is not None
        rests.append(circuit.open_until - now)
        now = circuit.open_until
    assert rests == [20.0, 40.0, 60.0, 60.0, 60.0]


def test_who_asks_for_rest_gets_it_at_once() -> None:
    circuit = breaker.failed(CLOSED, THREE, 5.0, asked=25.0)
    assert (circuit.state(29.9), circuit.state(30.0)) == ("open", "half_open")
    assert breaker.failed(CLOSED, THREE, 0.0, asked=1e9).open_until == THREE.longest


def test_calls_from_before_do_not_prolong_it() -> None:
    circuit = broken(3)
    assert breaker.failed(circuit, THREE, 9.0).open_until == circuit.open_until


@given(st.lists(st.tuples(st.sampled_from(["yes", "no", "rest"]), st.floats(0, 100)), max_size=60))
def test_whatever_happens_it_is_tried_again(story: list[tuple[str, float]]) -> None:
    circuit, now, under_way = CLOSED, 0.0, 0
    for what, pause in story:
        now += pause
        circuit, wait = breaker.ask(circuit, THREE, now)
        if wait is not None:
            assert 0 < wait <= THREE.longest
            assert circuit.state(now) != "closed"
            continue
        under_way += 1
        if what == "yes":
            circuit = breaker.succeeded()
        else:
            circuit = breaker.failed(circuit, THREE, now, 5.0 if what == "rest" else None)
        assert not circuit.probing
    assert breaker.ask(circuit, THREE, now + THREE.longest)[1] is None


@dataclass
class Moody:
    """A channel that answers what it is told to, and notes what reached it."""

    answers: list[Answer | BaseException]
    reached: list[str] = field(default_factory=list)
    name: str = "sms"
    deduplicates: bool = True
    can_ask: bool = True
    holding: asyncio.Event | None = None

    def opt_out_url(self, message_id: str) -> str | None:
        return f"https://refi.test/{message_id}"

    async def send(self, message: Outgoing) -> Answer:
        self.reached.append(message.id)
        if self.holding is not None:
            await self.holding.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def find(self, message_id: str) -> Sent | None:
        return Sent(message_id)


def guarded(moody: Moody) -> tuple[Guarded, list[float]]:
    now = [0.0]
    return Guarded(moody, THREE, lambda: now[0]), now


async def test_an_open_circuit_answers_not_sent_with_how_long_to_wait() -> None:
    moody = Moody([Unknown("ReadTimeout")] * 3 + [Sent("1")])
    channel, now = guarded(moody)
    for _ in range(3):
        assert await channel.send(outgoing()) == Unknown("ReadTimeout")
    now[0] = 4.0
    assert await channel.send(outgoing("msg_2")) == NotSent("circuit_open", 6.0)
    assert moody.reached == ["msg_1"] * 3
    now[0] = 10.0
    assert await channel.send(outgoing("msg_2")) == Sent("1")
    assert channel.state == "closed"


async def test_a_refusal_says_that_the_other_side_works() -> None:
    channel, _ = guarded(Moody([Refused("unreachable")] * 9))
    for _ in range(9):
        assert await channel.send(outgoing()) == Refused("unreachable")
    assert channel.state == "closed"


async def test_retry_after_holds_everybody_back() -> None:
    moody = Moody([NotSent("http_429", 42.0), Sent("1")])
    channel, now = guarded(moody)
    assert await channel.send(outgoing()) == NotSent("http_429", 42.0)
    assert await channel.send(outgoing()) == NotSent("circuit_open", 42.0)
    now[0] = 42.0
    assert await channel.send(outgoing()) == Sent("1")


async def test_one_probe_while_the_others_wait() -> None:
    moody = Moody([Unknown("x")] * 3 + [Sent("1")])
    channel, now = guarded(moody)
    for _ in range(3):
        await channel.send(outgoing())
    now[0], moody.holding = 10.0, asyncio.Event()
    probe = asyncio.create_task(channel.send(outgoing("msg_p")))
    await asyncio.sleep(0)
    others = await asyncio.gather(*(channel.send(outgoing(f"msg_{n}")) for n in range(20)))
    assert set(others) == {NotSent("circuit_open", THREE.rest)}
    moody.holding.set()
    assert await probe == Sent("1")
    assert moody.reached == ["msg_1"] * 3 + ["msg_p"]


@pytest.mark.parametrize("end", [asyncio.CancelledError(), RuntimeError("a bug")])
async def test_a_probe_that_dies_is_no_probe_for_ever(end: BaseException) -> None:
    moody = Moody([Unknown("x")] * 3 + [end, Sent("1")])
    channel, now = guarded(moody)
    for _ in range(3):
        await channel.send(outgoing())
    now[0] = 10.0
    with pytest.raises(type(end)):
        await channel.send(outgoing())
    now[0] = 30.0
    assert await channel.send(outgoing()) == Sent("1")


async def test_it_declares_what_the_channel_declares() -> None:
    channel, _ = guarded(Moody([]))
    assert (channel.name, channel.deduplicates, channel.can_ask) == ("sms", True, True)
    assert channel.opt_out_url("msg_1") == "https://refi.test/msg_1"
    assert await channel.find("msg_1") == Sent("msg_1")
