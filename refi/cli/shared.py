"""What every command shares: the application, answers, refusals and kinds of argument."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from refi import policies, settings
from refi.errors import Refusal

app = typer.Typer(
    name="refi",
    help="Credit-card refinancing and installments: run it, operate it, check its arithmetic.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def refi() -> None:
    """Credit-card refinancing and installments: run it, operate it, check its arithmetic."""


errors = Console(stderr=True, highlight=False, soft_wrap=True)
answers_json = ContextVar("answers_json", default=False)


def _remember(as_json: bool) -> bool:
    answers_json.set(as_json)
    return as_json


AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, refusals too.", callback=_remember)]


def fail(message: str, code: int = 1, named: Mapping[str, Any] = MappingProxyType({})) -> NoReturn:
    """Say what is wrong on stderr (under ``--json`` as JSON, with what is ``named``); end with ``code``."""
    if answers_json.get():
        typer.echo(json.dumps({**named, "detail": message}, ensure_ascii=False, default=str), err=True)
    else:
        faults = "".join(f"\n  {fault['pointer']}: {fault['code']}" for fault in named.get("errors", ()))
        errors.print(f"refi: {message}{faults}", style="red", markup=False)
    raise typer.Exit(code)


@contextmanager
def named_refusals(code: int = 1) -> Iterator[None]:
    """Turn a refusal into a sentence and an exit code."""
    try:
        yield
    except Refusal as refusal:
        faults = [{"pointer": fault.pointer, "code": fault.code} for fault in refusal.faults]
        named = {"refusal": type(refusal).__name__, "code": refusal.code, "errors": faults}
        fail(refusal.detail, code, {**refusal.facts, **named})
    except (settings.SettingsRefused, policies.PolicyError) as error:
        fail(str(error), 2)


def show(answer: dict[str, Any], as_json: bool, table: Callable[[dict[str, Any]], str]) -> None:
    """Print an answer as JSON or as a table."""
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else table(answer))


def rate(text: str | Decimal) -> Decimal:
    """A decimal rate from the command line (defaults come as they are)."""
    if isinstance(text, Decimal):
        return text
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not a decimal number") from None
    if not text.isascii() or "_" in text or not value.is_finite():
        raise typer.BadParameter(f"{text!r} is not a decimal number")
    return value


def day(text: str | date) -> date:
    """A date from the command line (defaults come as they are)."""
    if isinstance(text, date):
        return text
    try:
        if len(text) != 10 or not text.isascii():
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date (YYYY-MM-DD)") from None


Rate = Annotated[Decimal, typer.Option(parser=rate, metavar="RATE")]
Day = Annotated[date, typer.Option(parser=day, metavar="DATE")]
MaybeRate = Annotated[Decimal | None, typer.Option(parser=rate, metavar="RATE")]
MaybeDay = Annotated[date | None, typer.Option(parser=day, metavar="DATE")]


def yuan(amount: int) -> str:
    """Minor units with two decimals."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d}"
