"""``refi reminders``: what the ladder would send on a day."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from refi.cli.running import with_runtime
from refi.cli.shared import AsJson, MaybeDay, app, show
from refi.collections import preview_service
from refi.db.work import SYSTEM
from refi.runtime import Runtime

reminders = typer.Typer(name="reminders", help="The reminder ladder.", no_args_is_help=True)
app.add_typer(reminders)


@reminders.callback()
def group() -> None:
    """The reminder ladder."""


@reminders.command()
def preview(
    on: MaybeDay = None,
    borrowers: Annotated[int, typer.Option(min=0, max=10_000, help="How many to show in full.")] = 20,
    after: Annotated[str, typer.Option(help="Show those after this borrower.")] = "",
    as_json: AsJson = False,
) -> None:
    """Who would be told what, when and by which rule; stores nothing and sends nothing."""

    async def act(runtime: Runtime) -> dict[str, Any]:
        async with runtime.database.work(SYSTEM, reading=True) as work:
            day = on or work.on
            counts = await preview_service.counts(work, day)
            lines, following = await preview_service.preview(
                work, day, runtime.channels, limit=max(borrowers, 1), after=after
            )
        return {
            "on": day.isoformat(),
            "planned": [
                {"stage": stage, "rule": rule, "arm": arm, "channel": channel, "borrowers": count}
                for (stage, rule, arm, channel), count in counts.items()
            ],
            "lines": [_plain(line) for line in lines] if borrowers else [],
            "more_after": following,
        }

    show(with_runtime(act, options=True), as_json, _table)


def _plain(line: preview_service.Line) -> dict[str, Any]:
    return {name: _text(value) for name, value in asdict(line).items()}


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _table(answer: dict[str, Any]) -> str:
    said = [f"{answer['on']}: {sum(each['borrowers'] for each in answer['planned'])} borrowers"]
    said += [
        f"  {each['stage']:5} {each['rule']:20} {each['arm']:12} {each['channel']:6} {each['borrowers']:8,}"
        for each in answer["planned"]
    ]
    for line in answer["lines"]:
        why = f" ({', '.join(line['reasons'])})" if line["reasons"] else ""
        said.append(
            f"{line['borrower_id']} {line['stage']} {line['rule'] or '-'} {line['arm']}"
            f" {line['channel'] or '-'} {line['at'] or '-'} {line['outcome']}{why}"
        )
        if line["text"]:
            said += [f"    {words}" for words in line["text"].splitlines() if words]
    if answer["more_after"]:
        said.append(f"more: --after {answer['more_after']}")
    return "\n".join(said)
