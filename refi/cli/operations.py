"""The commands that set an installation up, close its days and check it."""

from __future__ import annotations

import dataclasses
import re
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from refi import audit as audits
from refi import clock
from refi import close as closing
from refi.cli.close_report import close_table
from refi.cli.progress import counting, steps_of
from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, app, day, fail, show
from refi.db import migrate as migrations
from refi.db import resealing
from refi.db.work import SYSTEM
from refi.notifications import push_opt_in_service as push_opt_in
from refi.runtime import Runtime
from refi.seeding import service as seeding
from refi.staff import service as staff
from refi.staff.roles import Role

SHORTEST_PASSWORD = 12
USERNAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,59}")


@app.command()
def optin(as_json: AsJson = False) -> None:
    """How many allow push, by the moment at which they were asked."""

    async def act(runtime: Runtime) -> dict[str, Any]:
        async with runtime.database.work(SYSTEM, reading=True) as work:
            rates = await push_opt_in.measured(work)
        experiment = runtime.database.policy.contact.push_opt_in.experiment
        return {"experiment": experiment, "moments": [dataclasses.asdict(each) for each in rates]}

    def table(answer: dict[str, Any]) -> str:
        lines = [f"{answer['experiment']}: granted of asked, 95 % interval; reachable since"]
        for row in answer["moments"]:
            share = "nobody was asked"
            if row["asked"]:
                share = f"{row['rate']:7.1%}  [{row['low']:.1%}, {row['high']:.1%}]"
            counts = f"{row['granted']:>7} of {row['asked']:<7}"
            lines.append(f"  {row['moment']:<22}{counts}{share}  {row['reachable']} reachable")
        return "\n".join(lines)

    show(with_runtime(act), as_json, table)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema and open its books."""

    async def act(runtime: Runtime) -> date:
        await migrations.upgrade(runtime.settings.database_url)
        today = clock.local_date(clock.utc_now(), runtime.database.zone)
        return await migrations.open_books(runtime.database.engine, runtime.settings.market, today)

    typer.echo(f"schema {migrations.head()}, business date {with_runtime(act, make=True)}")


@app.command()
def close(
    to: Annotated[
        date | None,
        typer.Option("--date", parser=day, metavar="DATE", help="Close every date through this one."),
    ] = None,
    catch_up: Annotated[bool, typer.Option(help="Close every date before today.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what it would do; nothing is written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Close the open business date, a given one, or every missed one, in order."""
    if catch_up and to is not None:
        fail("--catch-up closes every date before today: leave out --date", 2)

    async def act(runtime: Runtime) -> dict[str, Any]:
        with steps_of("steps") as tick:
            closed = await closing.close_command(
                runtime, to, catch_up=catch_up, dry_run=dry_run, on_progress=tick
            )
        currency = runtime.database.policy.market.currency
        return {"closed": closed, "dry_run": dry_run, "currency": currency}

    show(with_runtime(act, options=True), as_json, close_table)


@app.command()
def seed(
    borrowers: Annotated[int | None, typer.Option(min=1, max=1_000_000)] = None,
    cards: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Make borrowers with cards and bills: from a CSV of card holders, or made up."""

    async def act(runtime: Runtime) -> dict[str, Any]:
        with counting("borrowers") as tick:
            made = await seeding.seed(runtime, borrowers=borrowers, cards=cards, on_progress=tick)
        return dataclasses.asdict(made)

    show(with_runtime(act), as_json, _seed_table)


def _seed_table(answer: dict[str, Any]) -> str:
    segments = ", ".join(f"{name} {count}" for name, count in sorted(answer["segments"].items()))
    return (
        f"{answer['borrowers']} borrowers: {answer['added']} added, {answer['already_there']} already there; "
        f"{answer['statements']} bills\n{segments}\nsign in as {', '.join(answer['sample_phones'])}"
    )


@app.command()
def reseal(as_json: AsJson = False) -> None:
    """Seal every sensitive field anew with the first of REFI_DATA_KEYS; then an old key can go."""
    answer = with_runtime(lambda runtime: resealing.reseal(runtime.database))
    show(dict(answer), as_json, lambda a: "\n".join(f"{name} {count}" for name, count in a.items()))


@app.command()
def hire(
    username: Annotated[str, typer.Argument(help="Letters, digits, dot and dash.")],
    role: Annotated[list[Role], typer.Option(help="Repeat for several.")],
) -> None:
    """Give a member of staff a sign-in; the password is asked for, or read from a pipe."""
    if sys.stdin.isatty():
        password = typer.prompt("password", hide_input=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if len(password) < SHORTEST_PASSWORD:
        fail(f"a password has at least {SHORTEST_PASSWORD} characters", 2)
    if not USERNAME.fullmatch(username):
        fail("a username has 2 to 60 small letters, digits, dots and dashes", 2)

    async def act(runtime: Runtime) -> str:
        async with runtime.database.work(SYSTEM) as work:
            if await staff.by_username(work, username) is not None:
                fail(f"{username} was hired before")
            return (await staff.hire(work, username, password, role)).id

    typer.echo(with_runtime(act))


@app.command()
def audit(as_json: AsJson = False) -> None:
    """Check every invariant of the books; exit 1 with the offending ids if one fails."""

    async def act(runtime: Runtime) -> audits.Report:
        return await audits.run(runtime.database, runtime.processor)

    report = with_runtime(act)
    show(dataclasses.asdict(report), as_json, _audit_table)
    if not report.clean:
        raise typer.Exit(1)


def _audit_table(answer: dict[str, Any]) -> str:
    wrong: dict[str, int] = {}
    for item in answer["findings"]:
        wrong[item["check"]] = wrong.get(item["check"], 0) + 1
    lines = [f"{'FAILED' if wrong.get(name) else 'ok':7} {name}" for name in answer["checked"]]
    lines += [f"skipped {name}: {why}" for name, why in answer["skipped"].items()]
    lines += [f"{item['check']}  {item['id']}  {item['what']}" for item in answer["findings"]]
    return "\n".join(lines)
