"""``refi score``: train a scorecard, measure one, score card holders. No database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from refi.cli.arithmetic import CardsFile
from refi.cli.shared import AsJson, app, fail, named_refusals, show
from refi.seeding import scoring
from refi.seeding.files_service import clients_in
from refi.underwriting import shipped_service, training
from refi.underwriting.scorecard import Scorecard

SHIPPED = "cn-2026-11"

score = typer.Typer(
    name="score", help="Scorecards: train, evaluate, score. No database.", no_args_is_help=True
)
app.add_typer(score)

CardFile = Annotated[Path | None, typer.Option(help="A scorecard's JSON; the shipped one if not given.")]


def _card(path: Path | None) -> Scorecard:
    return shipped_service.shipped(SHIPPED) if path is None else shipped_service.card_in(path)


@score.command()
def train(
    cards: CardsFile,
    out: Annotated[Path | None, typer.Option(help="Where to write the card; stdout if not given.")] = None,
    version: Annotated[str, typer.Option(help="What the card is called.")] = "trained",
    folds: Annotated[int, typer.Option(min=2, max=20, help="Folds of its cross-validation.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Train a scorecard on card holders whose outcome is known; the same rows give the same card."""
    if not shipped_service.NAME.fullmatch(version):
        fail("--version takes small letters, digits, dots and dashes", 2)
    with named_refusals(2):
        clients = list(clients_in(cards))
        made = training.train(
            scoring.histories_of(clients), scoring.outcomes_of(clients), version, folds=folds
        )
    text = shipped_service.text_of(made)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}")
    kept = ("people", "defaults", "cross_validated")
    show(
        {"out": str(out), "version": version, **{name: made.training[name] for name in kept}}, as_json, _made
    )


def _made(answer: dict[str, Any]) -> str:
    found = answer["cross_validated"]
    return (
        f"{answer['out']}: {answer['people']} people, {answer['defaults']} defaults; on people not seen: "
        f"AUC {found['auc_mean']} ({found['folds']} folds), never late {found['never_late']['auc']}"
    )


@score.command()
def evaluate(cards: CardsFile, scorecard: CardFile = None, as_json: AsJson = False) -> None:
    """How well a scorecard tells who defaults: everybody, and those who were never late."""
    with named_refusals(2):
        answer = scoring.evaluate(_card(scorecard), list(clients_in(cards)))
    show(answer, as_json, _evaluation)


def _evaluation(answer: dict[str, Any]) -> str:
    card = answer["scorecard"]
    lines = [f"scorecard {card['version']} ({card['fingerprint'][:12]})"]
    if (seen := card["cross_validated"]) is not None:
        unseen = (
            f"AUC {seen['auc_mean']}, and {seen['never_late']['auc']} of the never late "
            f"({seen['folds']} folds)."
        )
        lines.append(
            "It was trained on these very rows: what counts is what it says of rows that it did not see, "
            + unseen
            if card["trained_on_these_rows"]
            else "In its training it said of rows that it did not see: " + unseen
        )
    lines += [_group("all", answer), _group("never late", answer["never_late"]), ""]
    lines.append(
        f"{'score':>11} {'people':>8} {'defaults':>9} {'observed':>9} {'expected':>9}   observed, 95 %"
    )
    lines += [
        f"{each['from_score']:>5}-{each['to_score']:<5} {each['n']:>8} {each['defaults']:>9} "
        f"{each['observed']:>9.4f} {each['expected']:>9.4f}   {_between(each['observed_ci'])}"
        for each in answer["bins"]
    ]
    lines += ["", f"{'stability (PSI)':40} {'psi':>8} {'noise':>8} {'n':>8}"]
    lines += [
        f"{name:40} {each['psi']:>8.4f} {each['noise'] if each['noise'] is not None else 0:>8.4f} "
        f"{each['n']:>8} {each['verdict']}"
        for name, each in answer["stability"].items()
    ]
    return "\n".join(lines)


def _group(name: str, told: dict[str, Any]) -> str:
    if told["auc"] is None:
        return f"{name:10}  {told['n']} people, {told['defaults']} defaults: too few of an outcome to tell"
    slope = told["calibration_slope"]
    figures = [
        f"{words} {told[key]:.4f} ({_between(told[f'{key}_ci'])})"
        for words, key in (("AUC", "auc"), ("Gini", "gini"), ("KS", "ks"))
    ]
    figures.append(
        "calibration slope not to be told"
        if slope is None
        else f"calibration slope {slope:.3f} ({_between(told['calibration_slope_ci'], 3)})"
    )
    return f"{name:10}  {told['n']} people, {told['defaults']} defaults: {', '.join(figures)}"


def _between(ends: list[float], digits: int = 4) -> str:
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}"


@score.command(name="score")
def score_rows(cards: CardsFile, scorecard: CardFile = None, as_json: AsJson = False) -> None:
    """Score each card holder of a CSV, one line each, with what cost most points."""
    with named_refusals(2):
        card = _card(scorecard)
        for line in scoring.lines(card, list(clients_in(cards))):
            typer.echo(json.dumps(line) if as_json else f"{line['id']}\t{line['score']}\t{line['segment']}")
