"""What every table shares: naming, column kinds, and the declarative base."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Enum,
    LargeBinary,
    MetaData,
    String,
    Text,
    any_,
    literal,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

IdText = String(40, collation="C")
Id = Annotated[str, mapped_column(IdText)]
PrimaryId = Annotated[str, mapped_column(IdText, primary_key=True)]
Amount = Annotated[int, mapped_column(BigInteger)]
Json = Annotated[dict[str, Any], mapped_column(JSONB)]


def states(kind: type[StrEnum]) -> Enum:
    """A state column: the enum's values as text with a CHECK, so that the table refuses an unknown state."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        name=kind.__name__.lower(),
        values_callable=lambda cls: [member.value for member in cls],
    )


def among(
    column: InstrumentedAttribute[str] | InstrumentedAttribute[str | None], values: Iterable[str]
) -> ColumnElement[bool]:
    """Whether the column is one of ``values``; one statement however many there are, unlike ``in_``."""
    return column == any_(literal(list(values), ARRAY(Text)))


class Base(DeclarativeBase):
    """Declarative base. Annotations choose the column: ``int`` is BIGINT, ``datetime`` has a zone."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own declaration
        int: BigInteger,
        str: Text,
        date: Date,
        datetime: DateTime(timezone=True),
        bytes: LargeBinary,
        dict[str, Any]: JSONB,
    }
