"""Templates to text: Jinja2 in its sandbox, amounts and dates by Babel. Pure.

A template is one of ours, never a borrower's; values are plain and are not evaluated again. A missing
variable, template or language is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_percent, get_currency_precision
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from refi.notifications.words import SENDER, TEXTS


class TemplateRefused(Exception):
    """The message cannot be worded: no such template, no such language, or a value is missing."""


@lru_cache(maxsize=64)
def _template(name: str, channel: str, locale: str) -> Template:
    try:
        text = TEXTS[name][channel, locale]
    except KeyError:
        raise TemplateRefused(f"there is no template {name} for {channel} in {locale}") from None
    tongue = Locale.parse(locale, sep="-")
    # text messages are not HTML: escaping would garble them
    sandbox = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    sandbox.filters["money"] = lambda amount, currency: _money(amount, currency, tongue)
    sandbox.filters["day"] = lambda on: _day(on, tongue)
    sandbox.filters["rate"] = lambda rate: format_percent(rate, format="0.00%", locale=tongue)
    return sandbox.from_string(text)


def render(name: str, channel: str, locale: str, values: Mapping[str, object]) -> str:
    """The text of template ``name`` for ``channel`` in ``locale``.

    Amounts in ``values`` are minor units, dates are dates, rates fractions. Raises `TemplateRefused`.
    """
    template = _template(name, channel, locale)
    try:
        return template.render(values, sender=SENDER[locale])
    except (TemplateError, TypeError, ValueError) as error:
        raise TemplateRefused(f"the template {name} for {channel} in {locale}: {error}") from error


def _money(amount: int, currency: str, locale: Locale) -> str:
    if type(amount) is not int:
        raise TypeError(f"an amount is whole minor units, not {amount!r}")
    major = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(major, currency, locale=locale)


def _day(on: date, locale: Locale) -> str:
    if type(on) is not date:
        raise TypeError(f"a date, not {on!r}")
    return format_date(on, "long" if locale.language == "zh" else "medium", locale=locale)
