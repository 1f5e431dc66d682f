"""``refi demo``: start everything, tell one borrower's life, then stay up until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console
from sqlalchemy import func, select

from refi import audit as audits
from refi.borrowers import service as people
from refi.borrowers.tables import Borrower
from refi.cli.progress import counting
from refi.cli.shared import app, fail
from refi.db.embedded import EmbeddedPostgresError
from refi.db.work import SYSTEM, Actor
from refi.demo.installation import Installation, NotStarted, installation
from refi.demo.story import tell
from refi.demo.walker import NeverHappened, Unexpected, Walker
from refi.runtime import Runtime, build
from refi.seeding import made_up
from refi.seeding import service as seeding
from refi.staff import service as staff
from refi.staff.roles import Role

STAFF_PASSWORD = "demo-password-1"  # noqa: S105 - printed on the screen, sandbox only
STAFF = {f"{role.value.replace('_', '-')}-{n}": role for role in Role for n in (1, 2)}
HEROES = 9_000_000
"""Numbers of the made-up people whose lives the demo tells."""

out = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Sample:
    """What to try at once: a borrower's phone with a fresh token, and their loan if a story was told."""

    phone: str
    token: str
    loan: str | None


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1024, max=65534, help="Of the HTTP service.")] = 8700,
    data: Annotated[Path, typer.Option(help="Where database, provider and logs live.")] = Path(".refi"),
    borrowers: Annotated[int, typer.Option(min=1, max=100_000, help="How many to seed.")] = 200,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell no story.")] = False,
) -> None:
    """Run a whole installation here, and tell one borrower's life."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell may have started us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        with installation(data.absolute(), port) as made:
            sample = asyncio.run(_prepare(made, borrowers, quiet=quiet))
            _welcome(made, sample)
            _stay(made)
    except KeyboardInterrupt:
        out.print("stopped")
    except (NotStarted, EmbeddedPostgresError) as error:
        fail(str(error))
    except (Unexpected, NeverHappened) as error:
        fail(f"the road is broken: {error}")


async def _prepare(made: Installation, borrowers: int, *, quiet: bool) -> Sample:
    runtime = build(made.settings)
    try:
        await _hire(runtime)
        told = None if quiet else await _story(made, runtime)
        with counting("borrowers") as tick:
            cards = os.environ.get("REFI_CARDS_CSV")
            report = await seeding.seed(
                runtime, borrowers=borrowers, cards=Path(cards) if cards else None, on_progress=tick
            )
        if told is None:
            return await _sample(runtime, report.sample_phones[0], None)
        await _audit(runtime)
        return await _sample(runtime, *told)
    finally:
        await runtime.close()


async def _hire(runtime: Runtime) -> None:
    async with runtime.database.work(SYSTEM) as work:
        for username, role in STAFF.items():
            if await staff.by_username(work, username) is None:
                await staff.hire(work, username, STAFF_PASSWORD, [role])


async def _story(made: Installation, runtime: Runtime) -> tuple[str, str]:
    """Tell it; answers the borrower's phone and the loan's id."""
    async with runtime.database.work(SYSTEM, reading=True) as work:
        known = await work.session.scalar(select(func.count()).select_from(Borrower))
        on = work.on
    person = made_up.person(seeding.SEED, HEROES + int(known or 0), age=34, on=on)
    async with httpx.AsyncClient(base_url=made.url, timeout=60) as client:
        out.print("\n[b]One borrower's life[/b] (every figure is an answer of the service)\n")
        return person.phone, await tell(Walker(client), person, out.print)


async def _audit(runtime: Runtime) -> None:
    report = await audits.run(runtime.database, runtime.processor)
    verdict = "clean" if report.clean else f"{len(report.findings)} findings"
    out.print(f"            refi audit: {len(report.checked)} checks, [b]{verdict}[/b]\n")


async def _sample(runtime: Runtime, phone: str, loan: str | None) -> Sample:
    async with runtime.database.work(SYSTEM, reading=True) as work:
        borrower = await people.by_phone(work, phone)
        if borrower is None:
            raise NotStarted(f"the sample borrower {phone} was not seeded")
        return Sample(phone, runtime.tokens.issue(Actor("borrower", borrower.id), work.wall), loan)


def _welcome(made: Installation, sample: Sample) -> None:
    url = made.url
    json = "-H 'Content-Type: application/json'"
    bill = '{"balance": 1200000, "card_apr": "0.1825"}'
    out.print(f"[b]open[/b]      {url}/docs   every operation, to try in the browser")
    whose = f"the story's, with {sample.loan}" if sample.loan else "seeded, with a card"
    out.print(f"[b]borrower[/b]  {sample.phone}   {whose}")
    out.print(f"          one-time codes arrive at {url}/sandbox/v1/messages")
    first = ", ".join(name for name in STAFF if name.endswith("-1"))
    out.print(f"[b]staff[/b]     {first}")
    out.print(f"          and the same with -2; password {STAFF_PASSWORD}")
    out.print(f"[b]logs[/b]      {made.processes.log_dir}")
    where = f"REFI_DATA_DIR={shlex.quote(str(made.settings.data_dir))}"
    out.print(f"[b]check[/b]     {where} REFI_PROVIDER_URL={made.settings.provider_url} .venv/bin/refi audit")
    if sample.loan:
        out.print(f"          {where} .venv/bin/refi replay {sample.loan}")
    minutes = made.settings.access_token_minutes
    out.print(
        f"[b]try[/b]       the borrower's token below lives {minutes} minutes; then sign in: docs/tutorial.md"
    )
    sys.stdout.flush()
    for line in (
        f"curl -s {url}/v1/quotes {json} -d '{bill}'",
        f"curl -s {url}/v1/cards -H 'Authorization: Bearer {sample.token}'",
        f"curl -s -X POST {url}/sandbox/v1/business-date/advance {json} -d '{{\"days\": 1}}'",
    ):
        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"ready {url}\n")
    sys.stdout.flush()


def _stay(made: Installation) -> None:
    """Wait for Ctrl-C; a part that ends by itself ends the demo with the end of its log."""
    while True:
        time.sleep(1)
        if dead := made.processes.dead():
            raise NotStarted(f"{dead[0]} ended:\n{made.processes.log_tail(dead[0])}")
