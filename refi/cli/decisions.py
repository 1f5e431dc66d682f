"""``refi decisions``: make decisions again, and explain one."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from refi import policies
from refi.applications import warning_service
from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, app, day, fail, named_refusals, show
from refi.db.work import SYSTEM
from refi.errors import Refusal
from refi.runtime import Runtime
from refi.underwriting import alert_service, replay_service, shipped_service
from refi.underwriting import service as underwriting
from refi.underwriting.monitoring import Moved
from refi.underwriting.strategy import Strategy
from refi.underwriting.tables import Alert

SHOWN = 20

decisions = typer.Typer(name="decisions", help="Make decisions again, and explain one.", no_args_is_help=True)
app.add_typer(decisions)


@decisions.command()
def replay(
    first: Annotated[date, typer.Option("--from", parser=day, metavar="DATE", help="First business date.")],
    last: Annotated[date, typer.Option("--to", parser=day, metavar="DATE", help="Last business date.")],
    strategy: Annotated[
        Path | None,
        typer.Option(help="An overlay; what decided then if not given.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide a period again: identical by what decided then, or see whom another strategy would change."""

    if last < first:
        fail("--to is before --from: nothing was decided then", 2)

    async def act(runtime: Runtime) -> replay_service.Replayed:
        other = None if strategy is None else _strategy(strategy, runtime.settings.market)
        async with runtime.database.work(SYSTEM, reading=True) as work:
            return await replay_service.replay(work, first, last, other)

    with named_refusals(2):
        found = with_runtime(act)
    show({**asdict(found), "moves": dict(sorted(found.moves.items()))}, as_json, _replayed)
    if found.differing:
        raise typer.Exit(1)


def _strategy(path: Path, market: str) -> Strategy:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path} cannot be read: {error}", 2)
    return shipped_service.strategy_of(policies.overlaid_on(market, text, path.name))


def _replayed(answer: dict[str, Any]) -> str:
    lines = [f"{answer['decisions']} decisions made again"]
    if answer["unreplayable"]:
        lines.append(f"{len(answer['unreplayable'])} of before strategies were kept: left out")
    lines += [f"{count:>8}  {move}" for move, count in answer["moves"].items()]
    lines += [f"DIFFERS FROM ITS RECORD  {each}" for each in answer["differing"]]
    changes = answer["changes"]
    kinds = Counter(f"{each['was']} -> {each['would_be']}" for each in changes)
    if changes:
        lines.append(f"{len(changes)} would change: " + ", ".join(f"{kind} {n}" for kind, n in kinds.items()))
    for each in changes[:SHOWN]:
        lines.append(
            f"{each['application']}  {each['was']} -> {each['would_be']}  "
            f"{each['band_was'] or '-'} -> {each['band_would_be'] or '-'}"
        )
    if len(changes) > SHOWN:
        lines.append(f"and {len(changes) - SHOWN} more: --json lists all")
    return "\n".join(lines)


@decisions.command()
def monitor(as_json: AsJson = False) -> None:
    """Early warning as of today, every stability index with its noise, alerts of the last thirty days."""

    async def act(runtime: Runtime) -> dict[str, Any]:
        async with runtime.database.work(SYSTEM, reading=True) as work:
            seen = await warning_service.look(work, work.on)
            rows = await alert_service.since(work, work.on - timedelta(days=30))
            return {
                "on": work.on.isoformat(),
                "now": [asdict(each) for each in seen.alerts],
                "stability": [_moved(each) for each in seen.moves],
                "raised": [_raised(row) for row in rows],
            }

    show(with_runtime(act), as_json, _monitored)


def _monitored(answer: dict[str, Any]) -> str:
    lines = [f"{answer['on']}: " + ("nothing to look at" if not answer["now"] else "look at")]
    lines += [f"  {each['name']}  {each['figures']}" for each in answer["now"]]
    if answer["raised"]:
        lines.append("alerts:")
    for each in answer["raised"]:
        until = f"over since {each['ended_on']}" if each["ended_on"] else f"seen on {each['last_seen_on']}"
        by = f"acknowledged by {each['acknowledged_by']}" if each["acknowledged_by"] else "NOT ACKNOWLEDGED"
        lines.append(f"  {each['id']}  {each['on']}  {each['name']}  {each['figures']}  {until}, {by}")
    lines.append(f"{'stability (PSI)':40} {'against':>9} {'psi':>8} {'noise':>8} {'n':>8}")
    lines += [
        f"{each['what']:40} {each['against']:>9} {each['psi']:>8.4f} {each['noise']:>8.4f} {each['n']:>8} "
        f"{each['verdict']}"
        for each in answer["stability"]
    ]
    if not answer["stability"]:
        lines.append("  too few decisions to tell")
    return "\n".join(lines)


def _moved(each: Moved) -> dict[str, Any]:
    told = each.told
    figures = {"psi": round(told.psi, 6), "noise": round(told.noise, 6), "n": told.n}
    return {"what": each.what, "against": each.against, **figures, "verdict": told.verdict}


def _raised(row: Alert) -> dict[str, Any]:
    return {
        "id": row.id,
        "on": row.raised_on.isoformat(),
        "name": row.name,
        "figures": row.figures,
        "last_seen_on": row.last_seen_on.isoformat(),
        "ended_on": row.ended_on and row.ended_on.isoformat(),
        "acknowledged_by": row.acknowledged_by,
        "note": row.note,
    }


@decisions.command()
def explain(
    decision: Annotated[str, typer.Argument(help="Its id, or the application's.")], as_json: AsJson = False
) -> None:
    """Everything that made one decision, as staff may see it; of an application, the engine's."""

    async def act(runtime: Runtime) -> dict[str, Any]:
        async with runtime.database.work(SYSTEM, reading=True) as work:
            try:
                if decision.startswith("app_"):
                    row, _ = await underwriting.engine_decision(work, decision)
                else:
                    row = await underwriting.get(work, decision)
            except Refusal as refusal:
                fail(refusal.detail)
            if row.decided_by != underwriting.ENGINE:
                fail("a person decided; what they wrote is with the review")
            return replay_service.explained(row)

    show(with_runtime(act), as_json, _explained)


def _explained(answer: dict[str, Any]) -> str:
    offer = " (something else is offered)" if answer["counter_offer"] else ""
    lines = [
        f"{answer['id']}  {answer['outcome']}{offer}  on {answer['decided_on']}",
        f"policy {answer['policy_version']}, scorecard {answer['model_version'] or '-'}, arm {answer['arm']}",
        "reasons: " + (", ".join(each["code"] for each in answer["reasons"]) or "none"),
    ]
    if scored := answer["scored"]:
        lines.append(f"score {scored['score']} ({scored['segment']}, base {scored['base']})")
        lines += [f"  {each['points']:>5}  {each['name']}" for each in scored["contributions"]]
    lines += [
        f"{each['effect']:8} {each['rule']:24} " + ", ".join(f"{k} {v}" for k, v in each["seen"].items())
        for each in answer["findings"]
    ]
    return "\n".join(lines)
