"""Templates to text: Jinja2 in its sandbox, amounts and dates by Babel, legal lines enforced. Pure.

A template is one of ours, never a borrower's; values are plain and are not evaluated again. A missing
variable, template or language is refused by name. What every class of contact must say, and what a locked
screen may show, is checked by `breaches` on every wording in force.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_percent, get_currency_precision
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2 import Template as Compiled
from jinja2.sandbox import SandboxedEnvironment

from refi.notifications.messages import Gate
from refi.notifications.segments import measure
from refi.notifications.words import OPT_OUT, TEMPLATES, Template, Words
from refi.policies import Policy

GIVEN = frozenset({"sender", "lender", "opt_out_line"})
"""Variables that every template may use beside its own."""
ON_A_LOCKED_SCREEN = frozenset({"sender", "opt_out_line"})
"""All that a push, or the subject of an e-mail, may name: no person, amount, date or debt."""
SAYS_LENDER = frozenset({Gate.REMINDER, Gate.COLLECTION, Gate.MARKETING})
LONGEST_VALUE = 200
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S*|\b[\w-]+(?:\.[\w-]+)+/\S*", re.IGNORECASE)


class TemplateRefused(Exception):
    """The message cannot be worded: no such template or language, a value is missing, a rule is broken."""


@lru_cache(maxsize=8)
def _environment(locale: str) -> SandboxedEnvironment:
    tongue = Locale.parse(locale, sep="-")
    # text messages are not HTML: escaping would garble them
    sandbox = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    sandbox.filters["money"] = lambda amount, currency: _money(amount, currency, tongue)
    sandbox.filters["day"] = lambda on: _day(on, tongue)
    sandbox.filters["rate"] = lambda rate: format_percent(rate, format="0.00%", locale=tongue)
    return sandbox


@lru_cache(maxsize=256)
def _compiled(text: str, locale: str) -> tuple[Compiled, frozenset[str]]:
    sandbox = _environment(locale)
    return sandbox.from_string(text), frozenset(meta.find_undeclared_variables(sandbox.parse(text)))


def words_of(name: str, channel: str, locale: str, version: int | None = None) -> tuple[int, Words]:
    """The version in force (or ``version``) of a template, and its words. Raises `TemplateRefused`."""
    template = TEMPLATES.get(name)
    if template is None:
        raise TemplateRefused(f"there is no template {name}")
    number = template.version if version is None else version
    if not 1 <= number <= template.version:
        raise TemplateRefused(f"the template {name} has no version {number}")
    words = template.versions[number - 1].get((channel, locale))
    if words is None:
        raise TemplateRefused(f"there is no template {name} for {channel} in {locale} (version {number})")
    return number, words


def render(
    policy: Policy,
    name: str,
    channel: str,
    locale: str,
    values: Mapping[str, object],
    *,
    version: int | None = None,
    opt_out_url: str | None = None,
) -> Words:
    """The words of template ``name`` for ``channel`` in ``locale``, as they stand in ``version``.

    Amounts in ``values`` are minor units, dates are dates, rates fractions; text is cleaned (`plain`).
    Sender, lender and the opt-out line come from the policy and cannot be set by a value. Raises
    `TemplateRefused`.
    """
    number, words = words_of(name, channel, locale, version)
    said = f"the template {name} for {channel} in {locale} (version {number})"
    given: dict[str, object] = {
        key: plain(value) if isinstance(value, str) else value for key, value in values.items()
    }
    given["sender"] = policy.messages.sender[locale]
    given["lender"] = policy.messages.lender[locale]
    given.pop("opt_out_line", None)
    if (channel, locale) in OPT_OUT:
        line = {"opt_out_word": policy.contact.opt_out_words[0]}
        line |= {} if opt_out_url is None else {"opt_out_url": opt_out_url}
        template, wanted = _compiled(OPT_OUT[channel, locale], locale)
        if wanted <= set(line):
            given["opt_out_line"] = template.render(line)
    done = Words(_filled(said, words.text, locale, given), None)
    if words.subject is not None:
        done = Words(done.text, _filled(said, words.subject, locale, given))
    if channel == "sms" and measure(done.text).segments > policy.messages.sms_segments:
        raise TemplateRefused(f"{said}: longer than {policy.messages.sms_segments} parts")
    return done


def _filled(said: str, text: str, locale: str, given: Mapping[str, object]) -> str:
    try:
        template, wanted = _compiled(text, locale)
        if missing := sorted(wanted - set(given)):
            raise TemplateRefused(f"{said}: missing {', '.join(missing)}")
        return template.render(given)
    except (TemplateError, TypeError, ValueError, AttributeError) as error:
        raise TemplateRefused(f"{said}: {error}") from error


def plain(text: str) -> str:
    """A value as text that can do no harm: one line, no control or direction marks, no link, not endless."""
    kinds = ((mark, unicodedata.category(mark)) for mark in text)
    shown = "".join(" " if kind == "Cc" else mark for mark, kind in kinds if kind not in ("Cf", "Cs", "Co"))
    return _LINK.sub("…", " ".join(shown.split()))[:LONGEST_VALUE].rstrip()


def breaches(template: Template, version: int | None = None) -> list[str]:
    """What a wording (by default the one in force) lacks or must not have, as sentences."""
    found = []
    for (channel, locale), words in template.versions[(version or template.version) - 1].items():
        here = f"{template.name} for {channel} in {locale}"
        try:
            used = _compiled(words.text, locale)[1]
            subject = _compiled(words.subject, locale)[1] if words.subject is not None else frozenset[str]()
        except TemplateError as error:
            found.append(f"{here}: {error}")
            continue
        found += [f"{here}: {name} is not declared" for name in (used | subject) - template.variables - GIVEN]
        if "sender" not in used | subject:
            found.append(f"{here}: does not say who sends it")
        if template.gate in SAYS_LENDER and channel != "push" and "lender" not in used:
            found.append(f"{here}: does not name the lender")
        if template.gate is Gate.MARKETING and "opt_out_line" not in used:
            found.append(f"{here}: does not say how to opt out")
        seen = used | subject if channel == "push" else subject if channel == "email" else frozenset[str]()
        found += [f"{here}: {name} would show on a locked screen" for name in seen - ON_A_LOCKED_SCREEN]
        if words.subject is not None and "\n" in words.subject:
            found.append(f"{here}: a subject is one line")
        if words.subject is None and channel in ("push", "email", "inbox"):
            found.append(f"{here}: has no subject")
    return sorted(found)


def require(policy: Policy) -> None:
    """Refuse (`TemplateRefused`) wordings that break a rule, or a ladder whose words are missing."""
    found = [line for template in TEMPLATES.values() for line in breaches(template)]
    for rule in (rule for version in policy.ladder.versions for rule in version.rules):
        instead = [other for channel in rule.channels for other in policy.messages.instead.get(channel, ())]
        found += [
            f"rule {rule.name}: no words for {rule.template} by {channel}"
            for channel in sorted({*rule.channels, *instead})
            if not has_words(str(rule.template), channel, policy.market.locales)
        ]
    if found:
        raise TemplateRefused("; ".join(found))


def has_words(name: str, channel: str, locales: Iterable[str]) -> bool:
    """Whether the template says something by that channel in each of the languages."""
    template = TEMPLATES.get(name)
    return template is not None and all((channel, one) in template.versions[-1] for one in locales)


def _money(amount: int, currency: str, locale: Locale) -> str:
    if type(amount) is not int:
        raise TypeError(f"an amount is whole minor units, not {amount!r}")
    major = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(major, currency, locale=locale)


def _day(on: date, locale: Locale) -> str:
    if type(on) is not date:
        raise TypeError(f"a date, not {on!r}")
    return format_date(on, "long" if locale.language == "zh" else "medium", locale=locale)
