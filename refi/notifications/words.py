"""Every word that is sent to borrowers, read once from ``wording/*.toml``: one file a template. Pure.

A file says for which class of contact its template is, which variables it is given, and its versions from
the first to the newest, each a text (and for push, e-mail and inbox a subject) per channel and language. A
text never changes under its version: a new wording is a new ``[[versions]]`` at the end, so that whatever
was sent can be worded again. The files are part of the program and read as an import is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from refi.errors import FileRefused
from refi.notifications.messages import Gate


@dataclass(frozen=True, slots=True)
class Words:
    """What a channel shows in one language: ``subject`` is a push's title, an e-mail's subject, or None."""

    text: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """One message in all its wordings; ``versions[0]`` is version 1, the last one is in force."""

    name: str
    gate: Gate
    variables: frozenset[str]
    versions: tuple[Mapping[tuple[str, str], Words], ...]

    @property
    def version(self) -> int:
        """The number of the wording in force."""
        return len(self.versions)


def read_template(name: str, text: str) -> Template:
    """The template that a file describes. Raises ``KeyError`` or ``ValueError`` for another shape."""
    document = tomllib.loads(text)
    return Template(
        name=name,
        gate=Gate(document["gate"]),
        variables=frozenset(document["variables"]),
        versions=tuple(MappingProxyType(_wordings(each)) for each in document["versions"]),
    )


def _wordings(version: Mapping[str, Any]) -> dict[tuple[str, str], Words]:
    return {
        (channel, locale): Words(words["text"].strip(), words.get("subject"))
        for channel, locales in version.items()
        for locale, words in locales.items()
    }


def _shipped() -> dict[str, Template]:
    files = resources.files("refi.notifications").joinpath("wording").iterdir()
    texts = {file.name.removesuffix(".toml"): file for file in files if file.name.endswith(".toml")}
    return {name: _of_file(name, texts[name].read_text(encoding="utf-8")) for name in sorted(texts)}


def _of_file(name: str, text: str) -> Template:
    """`read_template`; `FileRefused` names the file that has another shape."""
    try:
        return read_template(name, text)
    except KeyError as error:
        raise FileRefused(f"wording/{name}.toml: {error} is missing") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise FileRefused(f"wording/{name}.toml: {error}") from error


TEMPLATES: Mapping[str, Template] = MappingProxyType(_shipped())

OPT_OUT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("sms", "zh-CN"): "拒收请回复 {{ opt_out_word | upper }}",
        ("sms", "en"): "Reply {{ opt_out_word | upper }} to opt out.",
        ("push", "zh-CN"): "如需退订，请在应用设置中关闭。",
        ("push", "en"): "Opt out in settings.",
        ("inbox", "zh-CN"): "如需退订，请在应用设置中关闭。",
        ("inbox", "en"): "Opt out in settings.",
        ("email", "zh-CN"): "退订：{{ opt_out_url }}",
        ("email", "en"): "To unsubscribe: {{ opt_out_url }}",
    }
)
"""The line that marketing must carry, as ``opt_out_line``: how to opt out by the same channel."""
