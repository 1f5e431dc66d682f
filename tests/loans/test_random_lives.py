"""Random lives: after every event what is stored of a loan is what its history makes of it.

Processes live hundreds of loans (`tests.loans.lives`): money of every kind, acts of staff with second people,
autopay, payoffs that fail or come back, suspense, holds, refunds; days close in between by the code of
production, and the processes are killed by SIGKILL in the middle and started again.

What is claimed, and how it is looked at:

- *After each event derived = stored.* The loan is read with its whole history and recomputed, as the audit
  does it; for a loan that several events hit at once, the state after each commit must be explained by the
  history as it then is, whichever came first.
- *Σ transfers explains every balance.* The principal owed, the cash that the bank moved, and the money of
  each payment that waits in suspense, after each event; the whole book with the bank's own cash book, line
  by line, by `refi.audit` at intervals and in the end.
- *Each event has one effect.* Every event has its key. Who takes over from a killed process does its events
  again under the same keys, and the bank tells again what it had told; the bank's book, which is written by
  itself before ours, would show a payment that is booked twice or not at all.
- *Same seed, same digest* is about the lanes that one process lives at a time: their events, plans,
  balances, payments and refunds without ids and instants. Neither the number of processes nor who is killed
  and when changes it. Which of several events at once comes first is not the seed's to say: for these lanes
  the first three claims hold and the digest leaves them out.

At full size the two seeds make a million events, if the machine does 140 a second for the hour that each has
(``REFI_PROOF_MINUTES`` gives them less or more); how many it did the record says (``facts.events``).
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from tests.loans.lives.reckoning import answers, digest
from tests.loans.lives.town import Lives, a_town
from tests.loans.lives.worker import REFUSED
from tests.postgres import RunServer
from tests.proofs import Proof

MINUTES = "REFI_PROOF_MINUTES"


async def told(here: Lives, proof: Proof) -> None:
    """What happened, for the record."""
    found = await answers(here.bank)
    refused = {name.removeprefix(REFUSED): n for name, n in found.items() if name.startswith(REFUSED)}
    happened = {name: n for name, n in found.items() if not name.startswith(REFUSED)}
    loans = await here.bank.pool.fetchval("SELECT count(*) FROM loans")
    proof.record(
        loans=loans,
        events=here.events + here.raced,
        rounds=here.rounds,
        events_alone=here.events,
        events_at_once=here.raced,
        business_days_closed=here.days,
        happened=dict(sorted(happened.items())),
        refused_by_name=dict(sorted(refused.items())),
        digest=await digest(here.bank),
    )
    assert sum(found.values()) == here.events + here.raced  # each key has one answer, and none is missing


async def test_random_lives_are_explained_by_their_history(
    cloned_database_url: str, tmp_path: Path, proof: Proof
) -> None:
    events = proof.size(small=420, full=500_000, of="events, if there is time for them")
    workers = proof.size(small=2, full=4, of="processes")
    lanes = proof.size(small=24, full=400, of="loans at a time that one process lives")
    shared = proof.size(small=4, full=60, of="loans at a time that all processes live")
    kill_every = proof.size(small=120, full=2_500, of="half-events between two kills")
    each = proof.size(small=5, full=8, of="events of a loan in a round")
    audits = proof.size(small=1, full=4, of="audits on the way")
    minutes = proof.size(small=5, full=int(os.environ.get(MINUTES, "60")), of="minutes at most")
    async with a_town(
        cloned_database_url, tmp_path, proof, workers=workers, lanes=lanes, shared=shared,
        kill_every=kill_every,
    ) as here:  # fmt: skip
        rounds = here.rounds_of(events, each=each, racing=2)
        await here.run(rounds, each=each, racing=2, audits=audits, within=timedelta(minutes=minutes))
        await told(here, proof)
    assert proof.faults["kill -9"] > 0


async def test_the_same_seed_makes_the_same_books(
    run_server: RunServer, tmp_path: Path, proof: Proof
) -> None:
    events = proof.size(small=80, full=10_000, of="events, twice")
    lanes = proof.size(small=8, full=200, of="loans at a time")
    found = []
    kill_every = proof.size(small=60, full=500, of="half-events between two kills")
    for workers, often in ((2, kill_every), (3, 0)):  # who does it, and who is killed, changes nothing
        name = run_server.clone()
        async with a_town(
            run_server.url(name), tmp_path, proof, workers=workers, lanes=lanes, shared=1,
            kill_every=often,
        ) as here:  # fmt: skip
            await here.run(-(-events // (5 * lanes)), each=5, racing=1, audits=0)
            found.append(await digest(here.bank))
        run_server.drop(name)
    proof.record(digest=found[0])
    assert found[0] == found[1]
