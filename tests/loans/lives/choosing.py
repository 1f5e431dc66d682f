"""What happens next to a loan, by chance: from the loan as it was seen and one event's own generator. Pure.

A choice may turn out to be impossible (a limit of the policy, somebody was faster): it is then refused by
name and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from refi.loans.acts import ActKind
from refi.loans.holds import HoldKind
from refi.loans.replaying import account_of
from refi.loans.states import LoanStatus
from refi.payments.provider_events import EventType
from refi.schedules.contract import Mode, State
from tests.loans.lives.bank import Happening
from tests.loans.lives.looking import Look, Paid

LONG = 40
"""Movements and acts after which a life is brought to an end: what is replayed stays small."""
MODES = (Mode.DUE, Mode.DUE, Mode.DUE, Mode.PREPAY_LOWER, Mode.PREPAY_SHORTEN)


@dataclass(frozen=True)
class Choice:
    """One event: its name (a key of `tests.loans.lives.doing.DO`), what it needs, and the bank's part."""

    name: str
    said: dict[str, Any] = field(default_factory=dict)
    bank: Happening | None = None


Way = tuple[float, Callable[[], Choice]]


def choose(random: Random, seen: Look | None, *, renewed: bool = True) -> Choice:
    """The next event. ``renewed``: a life that has ended may be followed by another."""
    if seen is None:
        return sign(random)
    ways = WAYS[seen.stored.status](random, seen)
    if not renewed:
        ways = [(weight, way) for weight, way in ways if not isinstance(way, Sign)]
    elif seen.errands() or seen.tries or seen.loose():  # nobody comes back to a loan that was left
        ways = [(weight, _errands if isinstance(way, Sign) else way) for weight, way in ways]
    return random.choices([way for _, way in ways], [weight for weight, _ in ways])[0]()


class Sign:
    """The way to another loan."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def __call__(self) -> Choice:
        return sign(self.random)


def _errands() -> Choice:
    return Choice("errands")


def sign(random: Random) -> Choice:
    """A new loan, small or large, with interest or a monthly fee."""
    said = {
        "principal": random.choice((random.randint(100, 5_000), random.randint(5_000, 3_000_000))),
        "term": random.choice((3, 3, 6, 12)),
        "rate": random.choice(("0.12", "0.108", "0")),
        "fee": random.choice(("0", "0", "0.004")),
        "autopay": random.choice((None, None, 0, 3)),
    }
    return Choice("sign", said)


def _waiting(random: Random, seen: Look) -> list[Way]:
    """The payoff was ordered."""
    payout = seen.payouts[-1]
    ways: list[Way] = [
        (1, lambda: Choice("cancel")),
        (1, lambda: Choice("withdraw")),
        (1, lambda: Choice("transfer", bank=_transfer(random, seen, 5_000))),
        (0.5, lambda: Choice("errands")),
    ]
    if payout.call in ("accepted", "unknown"):
        back = random.choice((0, 0, 1))
        on = seen.on - timedelta(days=back)
        for weight, kind, why in (
            (20, EventType.PAYOUT_DELIVERED, None),
            (2, EventType.PAYOUT_FAILED, "card_restricted"),
        ):
            what = Happening(kind, payout.amount, on, key=payout.id, reason=why)
            ways.append((weight, lambda what=what: Choice("news", bank=what)))
    else:
        ways.append((15, lambda: Choice("errands")))
    return ways


def _cancelled(random: Random, seen: Look) -> list[Way]:
    """The payoff failed, came back, or was called off."""
    return [
        (6, Sign(random)),
        (3, lambda: Choice("send_again")),
        (1, lambda: Choice("propose_again")),
        (1, lambda: Choice("transfer", bank=_transfer(random, seen, 5_000))),
        (0.3, lambda: Choice("act", _modification(random, seen))),
        *_loose_ends(random, seen),
    ]


def _paid_off(random: Random, seen: Look) -> list[Way]:
    """Nothing is owed; money and the bank may come late all the same."""
    return [
        (6, Sign(random)),
        (1, lambda: Choice("transfer", bank=_transfer(random, seen, 5_000))),
        (0.5, lambda: Choice("debit", {"amount": 100, "mode": "due"})),
        (0.5, lambda: Choice("act", _modification(random, seen))),
        (0.5, lambda: _undo(random, seen)),
        (0.2, lambda: _payout_back(seen)),
        *_loose_ends(random, seen),
    ]


def _active(random: Random, seen: Look) -> list[Way]:
    """A loan in its best years, good or bad."""
    account = account_of(seen.stored.contract, seen.stored.movements, seen.stored.acts)
    state = account.state(max(seen.on, account.last_day))
    owed = account.payoff(max(seen.on, account.last_day)).total
    late = seen.stored.unmet_on is not None and (seen.on - seen.stored.unmet_on).days > 60
    tired = seen.weight > LONG
    return [
        (4 if tired else 26, lambda: _money(random, seen, owed)),
        (30 if tired else 2, lambda: _settlement(random, seen, owed)),
        (2, lambda: Choice("announce", _order(random, owed))),
        (0 if tired else 7, lambda: Choice("debit", _order(random, owed))),
        (3, lambda: Choice("transfer", bank=_transfer(random, seen, owed, astray=True))),
        (0 if tired else 9, lambda: Choice("act", _modification(random, seen, state))),
        (5, lambda: Choice("act", _waiver(random, seen))),
        (6 if late else 0.5, lambda: Choice("act", {"kind": ActKind.CHARGE_OFF.value, "arguments": {}})),
        (3 if seen.stored.acts else 0.2, lambda: _undo(random, seen)),
        (0.4 if not tired else 4, lambda: _payout_back(seen)),
        (2, lambda: _hold(random, seen)),
        (1, lambda: Choice("mandate", {"offset": random.choice((0, 1, 3, 11))})),
        (0.5 if seen.mandate else 0.1, lambda: Choice("revoke")),
        (1, lambda: Choice("cancel")),
        *_loose_ends(random, seen),
    ]


def _charged_off(random: Random, seen: Look) -> list[Way]:
    """Written off: what comes is a recovery, unless it is undone."""
    principal = seen.stored.contract.terms.principal
    return [
        (8, lambda: _money(random, seen, principal)),
        (2, lambda: _undo(random, seen)),
        (1, lambda: Choice("act", _waiver(random, seen))),
        (0.3, lambda: _payout_back(seen)),
        (2 + seen.weight / 10, Sign(random)),
        *_loose_ends(random, seen),
    ]


WAYS: dict[LoanStatus, Callable[[Random, Look], list[Way]]] = {
    LoanStatus.PENDING_DISBURSEMENT: _waiting,
    LoanStatus.CANCELLED: _cancelled,
    LoanStatus.PAID_OFF: _paid_off,
    LoanStatus.ACTIVE: _active,
    LoanStatus.CHARGED_OFF: _charged_off,
}


def _loose_ends(random: Random, seen: Look) -> list[Way]:
    """What waits at the payments desk: debits under way, money to be sent, proposals, posted payments."""
    posted = [row for row in seen.payments if row.status == "posted"]
    gone = [row for row in seen.payments if row.status == "reversed" and row.returned_on is None]
    under_way = [r for r in seen.payments if r.status == "pending" and r.call in ("accepted", "unknown")]
    announced = [row for row in seen.payments if row.status == "pending" and row.source == "transfer"]
    ways: list[Way] = [(1, lambda: Choice("errands"))] if seen.errands() or seen.tries or seen.loose() else []
    if under_way:
        ways.append((20, lambda: Choice("news", bank=_debit_ends(random, seen, random.choice(under_way)))))
    if announced:
        row = random.choice(announced)
        what = Happening(EventType.TRANSFER_RECEIVED, row.amount, _back(random, seen), reference=row.id)
        ways.append((3, lambda: Choice("transfer", bank=what)))
    if posted:
        ways.append((3, lambda: Choice("news", bank=_taken_back(seen, random.choice(posted)))))
        ways.append((2, lambda: Choice("reverse", {"payment": random.choice(posted).id})))
    if gone:
        ways.append((3, lambda: Choice("news", bank=_taken_back(seen, random.choice(gone)))))
    if seen.approvals:
        ways.append((12, lambda: _answer(random, seen)))
    if open_items := [item for item in seen.items if item.status == "open"]:
        ways.append((8, lambda: _mend(random, random.choice(open_items))))
    return ways


def _back(random: Random, seen: Look) -> date:
    return seen.on - timedelta(days=random.choice((0, 0, 0, 0, 1, 3, 9, 40)))


def _transfer(random: Random, seen: Look, amount: int, *, astray: bool = False) -> Happening:
    reference = None if astray else seen.stored.id
    part = max(1, amount * random.choice((5, 10, 50, 100, 130)) // 100)
    return Happening(EventType.TRANSFER_RECEIVED, part, _back(random, seen), reference=reference)


def _money(random: Random, seen: Look, owed: int) -> Choice:
    """Some, exactly enough, or too much; now or dated back."""
    part = random.choice((5, 20, 34, 34, 34, 50, 100, 130))
    amount = max(1, owed * part // 100 + random.randint(-3, 3))
    return Choice(
        "transfer",
        bank=Happening(EventType.TRANSFER_RECEIVED, amount, _back(random, seen), reference=seen.stored.id),
    )


def _settlement(random: Random, seen: Look, owed: int) -> Choice:
    """A payoff quote, settled by a debit or by a transfer of exactly its total."""
    if random.random() < 0.5:
        return Choice("debit", {"amount": max(1, owed), "mode": Mode.PAYOFF.value})
    what = Happening(EventType.TRANSFER_RECEIVED, max(1, owed), seen.on, reference=seen.stored.id)
    return Choice("transfer", bank=what)


def _order(random: Random, owed: int) -> dict[str, Any]:
    amount = max(1, owed * random.choice((5, 20, 34, 60, 100, 120)) // 100)
    return {"amount": amount, "mode": random.choice(MODES).value}


def _debit_ends(random: Random, seen: Look, row: Paid) -> Happening:
    first = date.fromisoformat(row.ordered_on)
    on = min(seen.on, first + timedelta(days=random.choice((0, 0, 1, 2))))
    if random.random() < 0.2:
        why = random.choice(("insufficient_funds", "insufficient_funds", "account_closed"))
        return Happening(EventType.DEBIT_FAILED, row.amount, on, key=row.id, reason=why)
    return Happening(EventType.DEBIT_POSTED, row.amount, on, key=row.id)


def _taken_back(seen: Look, row: Paid) -> Happening:
    transfer = row.source == "transfer"
    return Happening(
        EventType.DEBIT_RETURNED,
        row.amount,
        seen.on,
        key=row.id,
        of=row.provider_id if transfer else None,
        reason="chargeback",
    )


def _payout_back(seen: Look) -> Choice:
    payout = seen.payouts[-1]
    what = Happening(EventType.PAYOUT_RETURNED, payout.amount, seen.on, key=payout.id, reason="returned")
    return Choice("news", bank=what)


def _modification(random: Random, seen: Look, state: State | None = None) -> dict[str, Any]:
    due = None if state is None else state.next_due_date
    near = (due or seen.on) + timedelta(days=random.randint(1, 28))
    later = seen.on + timedelta(days=random.randint(1, 45))
    kind, arguments = random.choice(
        (
            (ActKind.DEFER, {"months": random.randint(1, 2)}),
            (ActKind.DEFER, {"months": 1, "interest_free": True}),
            (ActKind.DUE_DATE_CHANGE, {"first_due_date": near.isoformat()}),
            (ActKind.RE_AGE, {}),
            (ActKind.RE_AGE, {"installments": random.randint(1, 9), "first_due_date": later.isoformat()}),
            (ActKind.EXTEND, {"installments": random.randint(1, 18)}),
            (ActKind.EXTEND, {"installments": random.randint(3, 12), "annual_rate": "0.06"}),
        )
    )
    return {"kind": kind.value, "arguments": arguments}


def _waiver(random: Random, seen: Look) -> dict[str, Any]:
    most = max(2, seen.stored.contract.terms.principal // random.choice((2, 10, 200)))
    part = random.choice(("penalty", "interest", "principal", "fee"))
    return {
        "kind": ActKind.WAIVE.value,
        "arguments": {"amount": random.randint(1, most), "component": part},
    }


def _undo(random: Random, seen: Look) -> Choice:
    acts = [act.id for act in seen.stored.acts] or ["lact_of_nobody"]
    return Choice("act", {"kind": ActKind.REVERSAL.value, "arguments": {}, "undoes": random.choice(acts)})


def _hold(random: Random, seen: Look) -> Choice:
    if seen.holds and random.random() < 0.6:
        return Choice("lift", {"hold": random.choice(seen.holds)})
    until = seen.on + timedelta(days=random.choice((0, 5, 30, 90)))
    kind = random.choice(list(HoldKind))
    return Choice("hold", {"kind": kind.value, "until": until.isoformat()})


def _answer(random: Random, seen: Look) -> Choice:
    row = random.choice(seen.approvals)
    return Choice("answer", {"approval": row.id, "kind": row.kind, "yes": random.random() < 0.75})


def _mend(random: Random, item: Any) -> Choice:
    remedies = {
        "unmatched": ("match", "match", "refund"),
        "refund_failed": ("refund",),
        "refunded_and_returned": ("settle",),
    }[item.kind]
    return Choice("mend", {"item": item.id, "remedy": random.choice(remedies)})
