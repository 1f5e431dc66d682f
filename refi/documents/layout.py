"""A document as values: headings, paragraphs, facts and tables, before anybody draws them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DocumentKind(StrEnum):
    """The documents of a loan, as their addresses spell them."""

    AGREEMENT = "agreement"
    STATEMENT = "statement-of-account"
    SETTLEMENT = "settlement-letter"


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with what they say."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their share of the width; text stands left where ``left`` says so, figures right."""

    columns: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signs, and of which day the document is."""

    name: str
    day: str


Block = Heading | Paragraph | Facts | Table | Signed


@dataclass(frozen=True, slots=True)
class Document:
    """All that a reader sees. ``dated`` is a day of the record, never of the printing."""

    title: str
    number: str
    lender: str
    locale: str
    dated: date
    page: str
    blocks: tuple[Block, ...]
