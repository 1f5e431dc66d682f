"""``refi templates``: every message in every wording, as a borrower would read it. No database."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from refi import policies
from refi.cli.shared import AsJson, app, fail, named_refusals, show
from refi.notifications import templates as wordings
from refi.notifications.segments import measure
from refi.notifications.words import TEMPLATES

SAMPLE: dict[str, object] = {
    "amount": 106_619,
    "due_on": date(2026, 12, 22),
    "code": "482913",
    "alert": "reason_mix",
    "figures": "psi 0.31, n 1200",
    "on": date(2026, 12, 20),
    "id": "alrt_01m81kfzpvea69h5nph4py78h3",
    "minutes": 5,
    "term": 6,
    "apr": Decimal("0.1200"),
    "everything": False,
    "debit_on": date(2026, 12, 22),
}
"""What a preview is filled with; the currency is the market's."""
LINK = "https://refi.example/v1/opt-out/…"


class Wanted(StrEnum):
    """What to do with templates."""

    LIST = "list"
    PREVIEW = "preview"


@app.command()
def templates(
    wanted: Annotated[Wanted, typer.Argument(help="List all, or preview one.")] = Wanted.LIST,
    name: Annotated[str | None, typer.Argument(help="The template to preview.")] = None,
    locale: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    channel: Annotated[str | None, typer.Option(help="sms, push, email or inbox; all without it.")] = None,
    version: Annotated[int | None, typer.Option(help="An earlier wording.")] = None,
    market: Annotated[str, typer.Option(help="Whose sender, lender and currency.")] = "cn",
    as_json: AsJson = False,
) -> None:
    """List the messages, or show one as it would be sent, with its length as an SMS."""
    with named_refusals(2):
        policy = policies.load(market)
    if wanted is Wanted.LIST:
        show({"data": [_line(each) for each in TEMPLATES]}, as_json, _list_table)
        return
    if name is None:
        fail("name the template to preview: refi templates list", 2)
    if name not in TEMPLATES:
        fail(f"there is no template {name}; there are {', '.join(TEMPLATES)}", 2)
    number = TEMPLATES[name].version if version is None else version
    if not 1 <= number <= TEMPLATES[name].version:
        fail(f"{name} has the versions 1 to {TEMPLATES[name].version}", 2)
    pairs = [
        (by, tongue)
        for by, tongue in TEMPLATES[name].versions[number - 1]
        if channel in (None, by) and locale in (None, tongue)
    ]
    if not pairs:
        fail(f"{name} says nothing by {channel or 'any channel'} in {locale or 'any language'}", 2)
    try:
        show({"data": [_preview(policy, name, number, *pair) for pair in pairs]}, as_json, _preview_table)
    except wordings.TemplateRefused as refused:
        fail(str(refused), 1)


def _line(name: str) -> dict[str, Any]:
    template = TEMPLATES[name]
    return {
        "template": name,
        "gate": template.gate.value,
        "version": template.version,
        "variables": sorted(template.variables),
        "channels": sorted({channel for channel, _ in template.versions[-1]}),
        "locales": sorted({locale for _, locale in template.versions[-1]}),
    }


def _preview(policy: policies.Policy, name: str, version: int, channel: str, locale: str) -> dict[str, Any]:
    values = {**SAMPLE, "currency": policy.market.currency, "opt_out": policy.contact.opt_out_words[0]}
    words = wordings.render(policy, name, channel, locale, values, version=version, opt_out_url=LINK)
    length = measure(words.text)
    sms = {"alphabet": length.alphabet, "units": length.units, "segments": length.segments}
    return {
        "template": name,
        "version": version,
        "channel": channel,
        "locale": locale,
        "subject": words.subject,
        "text": words.text,
        "characters": len(words.text),
        "sms": sms if channel == "sms" else None,
    }


def _list_table(answer: dict[str, Any]) -> str:
    return "\n".join(
        f"{line['template']:15} {line['gate']:16} version {line['version']}  "
        f"{' '.join(line['channels']):22} {' '.join(line['locales'])}"
        for line in answer["data"]
    )


def _preview_table(answer: dict[str, Any]) -> str:
    shown = []
    for each in answer["data"]:
        size = f"{each['characters']} characters"
        if each["sms"]:
            size = (
                f"{each['sms']['units']} units of {each['sms']['alphabet']}, parts: {each['sms']['segments']}"
            )
        head = (
            f"{each['template']} · version {each['version']} · {each['channel']} · {each['locale']} · {size}"
        )
        subject = [] if each["subject"] is None else [each["subject"]]
        shown.append("\n".join([head, *(f"  {line}" for line in (*subject, *each["text"].splitlines()))]))
    return "\n\n".join(shown)
