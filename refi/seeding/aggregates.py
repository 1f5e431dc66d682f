"""Card holders made up from aggregate figures of the real ones, so that nobody needs the file. Pure.

`derive` counts and takes quantiles; `client` draws a card holder from them. The figures (shipped as
``card_holders.json``) are counts of groups and rounded quantiles: no row of the data set is in them, and a
group of fewer than `SMALLEST_GROUP` people is not mentioned.

A card holder is drawn in this order: habit (revolved cycles of cycles with a balance), lateness of the newest
bill, limit and newest utilization of that habit; then month by month back in time how the bill changed
and which part of it was paid. The habit drawn is the habit that the bills show.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypedDict

from refi.cards.revolving import closed_cycles
from refi.money import round_div
from refi.seeding import made_up, segments
from refi.seeding.card_clients import MINOR_UNITS, Client, age_of
from refi.seeding.headers import MONTHS

SMALLEST_GROUP = 20
MARKS = (25, 100, 200, 300, 400, 500, 600, 700, 800, 900, 975)
"""The quantiles kept, in thousandths: the tails beyond them belong to single people."""
STEP_OF_A_LIMIT = 10_000 * MINOR_UNITS
CLOSED = MONTHS - 1
LEAST_BILL = 2 * MINOR_UNITS
MOST_OF_A_LIMIT = 1200
"""Thousandths of the limit that a made-up bill may reach."""


class Group(TypedDict):
    """The people of one segment: shares are thousandths, limits minor units; quantiles at `MARKS`."""

    habits: list[list[int]]
    """``[revolved cycles, cycles with a balance, people]``"""
    late: list[list[int]]
    """``[months late at the newest bill, people]``; 0 is not late"""
    ages: list[int]
    limits: list[int]
    utilization: list[int]
    paid: list[int]
    """Part paid of the bill before, in the cycles that revolved"""
    growth: list[int]
    """A bill to the bill before it, both above zero"""


Figures = Mapping[str, Group]


@dataclass(slots=True)
class _Seen:
    habits: Counter[tuple[int, int]]
    late: Counter[int]
    values: defaultdict[str, list[int]]


def derive(clients: Iterable[Client]) -> dict[str, Group]:
    """The figures of ``clients``, by segment; small groups are left out."""
    seen: defaultdict[str, _Seen] = defaultdict(lambda: _Seen(Counter(), Counter(), defaultdict(list)))
    for one in clients:
        habit = segments.habit(one)
        group = seen[habit.segment.value]
        group.habits[habit.revolved_cycles, habit.cycles_with_balance] += 1
        group.late[max(one.statuses[0], 0)] += 1
        _collect(one, group.values)
    found = {name: _group(group) for name, group in sorted(seen.items())}
    return {name: group for name, group in found.items() if group["habits"] and group["late"]}


def _collect(one: Client, values: defaultdict[str, list[int]]) -> None:
    values["ages"].append(age_of(one))
    values["limits"].append(one.limit)
    if one.bills[0] > 0 and one.limit:
        values["utilization"].append(round_div(1000 * one.bills[0], one.limit))
    for cycle in closed_cycles(list(zip(one.bills, one.payments, strict=True))):
        if cycle.revolved:
            values["paid"].append(round_div(1000 * cycle.paid, cycle.balance))
    for newer, older in pairwise(one.bills):
        if newer > 0 and older > 0:
            values["growth"].append(round_div(1000 * newer, older))


def _group(seen: _Seen) -> Group:
    return Group(
        habits=[[*key, n] for key, n in sorted(seen.habits.items()) if n >= SMALLEST_GROUP],
        late=[[key, n] for key, n in sorted(seen.late.items()) if n >= SMALLEST_GROUP],
        ages=_quantiles(seen.values["ages"]),
        limits=_quantiles(seen.values["limits"]),
        utilization=_quantiles(seen.values["utilization"]),
        paid=_quantiles(seen.values["paid"]),
        growth=_quantiles(seen.values["growth"]),
    )


def _quantiles(values: list[int]) -> list[int]:
    """Values at `MARKS`, rounded to three significant digits; nothing for a small group."""
    if len(values) < SMALLEST_GROUP:
        return []
    ordered = sorted(values)
    return [_rounded(ordered[mark * (len(ordered) - 1) // 1000]) for mark in MARKS]


def _rounded(value: int) -> int:
    unit: int = 10 ** max(len(str(abs(value))) - 3, 0)
    return round_div(value, unit) * unit


def client(figures: Figures, seed: int, number: int) -> Client:
    """The card holder ``number`` of the world ``seed``; equal arguments, equal card holder."""

    def chance(what: str, below: int) -> int:
        return made_up.draw(seed, number, what, below)

    names = sorted(figures)
    people = [sum(n for *_, n in figures[name]["habits"]) for name in names]
    group = figures[names[_weighted(people, chance("segment", sum(people)))]]
    revolved, with_balance = _pick(group["habits"], chance, "habit")
    (late,) = _pick(group["late"], chance, "late")
    steps = round_div(_from(group["limits"], chance, "limit"), STEP_OF_A_LIMIT)
    limit = max(steps, 1) * STEP_OF_A_LIMIT
    balances = _balances(group, limit, _chosen(range(CLOSED), with_balance, chance, "balance"), chance)
    billed = [month for month in range(CLOSED) if balances[month + 1] > 0]
    unpaid = set(_chosen(billed, revolved, chance, "revolved"))
    payments = [
        _part(group, balances[month + 1], chance, month) if month in unpaid else max(balances[month + 1], 0)
        for month in range(CLOSED)
    ]
    statuses = [0 if month in unpaid else -1 if month in billed else -2 for month in range(CLOSED)]
    return Client(
        id=number,
        limit=limit,
        age=_from(group["ages"], chance, "age"),
        statuses=(late, *statuses),
        bills=tuple(balances),
        payments=(*payments, 0),
    )


Chance = Callable[[str, int], int]


def _weighted(weights: Sequence[int], drawn: int) -> int:
    return bisect_right(list(accumulate(weights)), drawn)


def _pick(rows: Sequence[Sequence[int]], chance: Chance, what: str) -> Sequence[int]:
    """One of ``rows`` by the weight in its last place, without that weight."""
    weights = [row[-1] for row in rows]
    return rows[_weighted(weights, chance(what, sum(weights)))][:-1]


def _from(quantiles: Sequence[int], chance: Chance, what: str) -> int:
    """A value between the quantiles, by linear interpolation; 0 where there are none."""
    if not quantiles:
        return 0
    drawn = MARKS[0] + chance(what, MARKS[-1] - MARKS[0])
    place = bisect_right(MARKS, drawn) - 1
    low, high = quantiles[place], quantiles[place + 1]
    return low + round_div((high - low) * (drawn - MARKS[place]), MARKS[place + 1] - MARKS[place])


def _chosen(of: Sequence[int], count: int, chance: Chance, what: str) -> list[int]:
    """``count`` different ones of ``of``."""
    return sorted(of, key=lambda one: (chance(f"{what}{one}", 1 << 40), one))[:count]


def _balances(group: Group, limit: int, closed: list[int], chance: Chance) -> list[int]:
    """Six bills, newest first: the newest from the utilization, each older one from how bills change.

    ``closed`` are the closed cycles (0 is the one that the newest bill closed) that have a balance.
    """
    most = limit * MOST_OF_A_LIMIT // 1000
    newest = round_div(limit * _from(group["utilization"], chance, "utilization"), 1000)
    bills = [min(newest, most)]
    current = max(newest, LEAST_BILL)
    for month in range(CLOSED):
        growth = max(_from(group["growth"], chance, f"growth{month}"), 50)
        current = min(max(round_div(1000 * current, growth), LEAST_BILL), most)
        bills.append(current if month in closed else 0)
    return bills


def _part(group: Group, balance: int, chance: Chance, month: int) -> int:
    """What is paid of a bill that revolves: less than all of it."""
    part = round_div(balance * _from(group["paid"], chance, f"paid{month}"), 1000)
    return min(part, balance - 1)
