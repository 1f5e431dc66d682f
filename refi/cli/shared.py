"""What every command shares: the application, answers, refusals and kinds of argument."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer
import typer.core
from rich.console import Console
from typer.exceptions import TyperException

from refi import policies, settings
from refi.errors import Refusal
from refi.schedules.dates import written


class Commands(typer.core.TyperGroup):
    """Commands whose wrong use is told as JSON under ``--json``, as every other refusal is."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was typed."""
        as_json = "--json" in ctx.args
        try:
            return super().invoke(ctx)
        except TyperException as error:  # what cannot be read; refusals of the rules end in `fail`
            if not as_json:
                raise
            answers_json.set(True)
            said = error.format_message().replace("Value error, ", "")
            fail(said, error.exit_code, {"code": "validation_failed", "errors": _faults(error)})


def _faults(error: TyperException) -> list[dict[str, str]]:
    """The option or argument that cannot be read, as the fault of a field."""
    param, unknown = getattr(error, "param", None), getattr(error, "option_name", None)
    if param is not None:
        code = "missing" if hasattr(error, "param_type") else "not_valid"
        return [{"pointer": f"/{param.name}", "code": code}]
    return [{"pointer": "/" + unknown.lstrip("-").replace("-", "_"), "code": "unknown"}] if unknown else []


app = typer.Typer(
    name="refi",
    cls=Commands,
    help="Credit-card refinancing and installments: run it, operate it, check its arithmetic.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def refi() -> None:
    """Credit-card refinancing and installments: run it, operate it, check its arithmetic."""


RATE_OPTIONS = frozenset({"/annual_rate", "/apr", "/card_apr", "/monthly_fee_rate"})
TOO_HIGH = frozenset({"above_cap", "out_of_range", "too_large"})
"""Why a rate is refused that somebody may have typed in percent."""

errors = Console(stderr=True, highlight=False, soft_wrap=True)
answers_json = ContextVar("answers_json", default=False)


def _remember(as_json: bool) -> bool:
    answers_json.set(as_json)
    return as_json


AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, refusals too.", callback=_remember)]


def fail(
    message: str, code: int = 1, named: Mapping[str, Any] = MappingProxyType({}), *, options: bool = False
) -> NoReturn:
    """Say what is wrong on stderr (under ``--json`` as JSON, with what is ``named``); end with ``code``.

    With ``options`` a pointer is the name of an option, and shown as it is typed: ``--annual-rate``.
    """
    if answers_json.get():
        typer.echo(json.dumps({**named, "detail": message}, ensure_ascii=False, default=str), err=True)
    else:
        told = _typed if options else str
        faults = "".join(
            f"\n  {told(fault['pointer'])}: {fault['code']}" for fault in named.get("errors", ())
        )
        hint = f"\n  {named['hint']}" if "hint" in named else ""
        errors.print(f"refi: {message}{faults}{hint}", style="red", markup=False)
    raise typer.Exit(code)


def _typed(pointer: str) -> str:
    """``--card-apr`` for ``/card_apr``, ``--terms`` for ``/terms/1``, ``--on`` for ``/query/on``."""
    return "--" + pointer.removeprefix("/query").split("/")[1].replace("_", "-")


@contextmanager
def named_refusals(code: int = 1, *, options: bool = False) -> Iterator[None]:
    """Turn a refusal into a sentence and an exit code; ``options``: its pointers name options (`fail`)."""
    try:
        yield
    except Refusal as refusal:
        faults = [{"pointer": fault.pointer, "code": fault.code} for fault in refusal.faults]
        named = {"refusal": type(refusal).__name__, "code": refusal.code, "errors": faults}
        if options and any(
            fault.pointer in RATE_OPTIONS and fault.code in TOO_HIGH for fault in refusal.faults
        ):
            named["hint"] = "a rate is a fraction: 0.1825 is 18.25 %"
        fail(refusal.detail, code, {**refusal.facts, **named}, options=options)
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


_WHOLE = re.compile(r"-?[0-9]{1,40}")


def _whole(text: str | int, unit: str) -> int:
    if isinstance(text, int):
        return text
    if not _WHOLE.fullmatch(text):
        raise typer.BadParameter(f"{text!r} is not a whole number{unit}")
    return int(text)


def minor_units(text: str | int) -> int:
    """Money from the command line: ASCII digits, nothing else. A negative amount is the rule's to refuse."""
    return _whole(text, " of minor units")


def count(text: str | int) -> int:
    """A count from the command line, as strict as money."""
    return _whole(text, "")


def day(text: str | date) -> date:
    """A date from the command line (defaults come as they are)."""
    if isinstance(text, date):
        return text
    try:
        return written(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date (YYYY-MM-DD)") from None


Amount = Annotated[
    int,
    typer.Option(parser=minor_units, metavar="AMOUNT", help="In minor units (fen): 1200000 is 12,000.00."),
]
Count = Annotated[int, typer.Option(parser=count, metavar="NUMBER")]
Rate = Annotated[Decimal, typer.Option(parser=rate, metavar="RATE", help="A fraction: 0.12 is 12 %.")]
Day = Annotated[date, typer.Option(parser=day, metavar="DATE")]
MaybeRate = Annotated[
    Decimal | None, typer.Option(parser=rate, metavar="RATE", help="A fraction: 0.12 is 12 %.")
]
MaybeDay = Annotated[date | None, typer.Option(parser=day, metavar="DATE")]


def yuan(amount: int) -> str:
    """Minor units with two decimals."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d}"
