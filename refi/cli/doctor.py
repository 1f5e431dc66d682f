"""``refi doctor``: is everything there that an installation needs, and what to do where it is not."""

from __future__ import annotations

import sys
from typing import Any

import typer

from refi import settings
from refi.cli import health
from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, app, named_refusals, show
from refi.runtime import Runtime


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check settings, database, clocks, queue, channels and provider; exit 1 if one is not well."""
    with named_refusals():
        chosen = settings.current()
    checks = [
        health.line("python", sys.version_info >= (3, 11), sys.version.split()[0], "install Python 3.11"),
        health.line("settings", True, f"{chosen.env.value}, market {chosen.market}", ""),
    ]
    weak = chosen.weaknesses()
    seen = f"{len(weak)} settings fit for the sandbox only" if weak else "none is published or short"
    checks.append(health.line("secrets", not (chosen.live and weak), seen, ""))
    found, channels = with_runtime(_look)
    checks += found
    show({"checks": checks, "channels": channels}, as_json, _table)
    if not all(line["ok"] for line in checks):
        raise typer.Exit(1)


async def _look(runtime: Runtime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found, at_head = await health.database(runtime)
    found.insert(0, health.policy(runtime))
    channels = []
    if at_head:
        found += await health.day_and_clockwork(runtime)
        channels = await health.channels(runtime)
        found += [health.channel_line(each) for each in channels]
        found += await health.waiting_for_people(runtime)
        found.append(await health.early_warning(runtime))
    found.append(await health.provider(runtime))
    found.append(health.bureau(runtime))
    return found, channels


def _table(answer: dict[str, Any]) -> str:
    width = max(len(line["what"]) for line in answer["checks"])
    return "\n".join(
        f"{'ok' if line['ok'] else 'NOT OK':7} {line['what']:{width}}  {line['saw']}"
        + (f"  -> {line['mend']}" if line["mend"] else "")
        for line in answer["checks"]
    )
