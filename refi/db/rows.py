"""Rows by their key over the driver: the mapped objects of a transaction, without the ORM's cost.

What an act reads, locks and writes by key goes this way; SQLAlchemy's session is made when something asks
for it (a query that joins, a page) and then takes over, with every object known so far. So a row is one
object in a transaction whichever way it was come by, and there is no stale copy of what was written.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Generic, TypeVar

import asyncpg
from sqlalchemy import JSON, Column, Enum, Table
from sqlalchemy import inspect as mapping_of
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper, make_transient_to_detached
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from refi.db.base import Base
from refi.db.connections import Lent
from refi.db.statements import Statement, run_together

R = TypeVar("R", bound=Base)


class Shape(Generic[R]):
    """A table's columns and the statements by key, worked out once.

    ``TypeError`` for what only the ORM does: a key of several columns, a version that it checks.
    """

    def __init__(self, kind: type[R]) -> None:
        mapper: Mapper[R] = mapping_of(kind)
        table = mapper.local_table
        if not isinstance(table, Table) or len(mapper.primary_key) != 1 or mapper.version_id_col is not None:
            raise TypeError(f"rows of {kind.__name__} are not read by one key alone")
        columns: dict[str, Column[Any]] = {each.key: each.columns[0] for each in mapper.column_attrs}  # type: ignore[misc]
        self.manager, self.keys = mapper.class_manager, tuple(columns)
        self.key = mapper.get_property_by_column(mapper.primary_key[0]).key
        self.names = {key: column.name for key, column in columns.items()}
        self.members = {
            key: {member.value: member for member in column.type.enum_class}
            for key, column in columns.items()
            if isinstance(column.type, Enum) and column.type.enum_class is not None
        }
        self.json = frozenset(key for key, column in columns.items() if isinstance(column.type, JSON))
        self.defaults = {
            key: column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
            for key, column in columns.items()
        }
        listed = ", ".join(self.names.values())
        places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
        self.select = f"SELECT {listed} FROM {table.name}"  # noqa: S608 - names of our own tables
        self.by_key = f"{self.select} WHERE {self.names[self.key]} = $1"
        self.insert = f"INSERT INTO {table.name} ({listed}) VALUES ({places})"  # noqa: S608
        self.table = table.name
        self._updates: dict[tuple[str, ...], str] = {}

    def values(self, record: asyncpg.Record) -> dict[str, Any]:
        """The attributes that a record of `select` has."""
        found = dict(zip(self.keys, record, strict=True))
        for key, members in self.members.items():
            if (told := found[key]) is not None:
                found[key] = members[told]
        return found

    def told(self, key: str, value: Any) -> Any:
        """An attribute's value as the driver takes it."""
        return json.dumps(value) if key in self.json and value is not None else value

    def update(self, changed: tuple[str, ...]) -> str:
        """The statement that writes ``changed`` ($2, $3, …) to the row of key $1."""
        if (made := self._updates.get(changed)) is not None:
            return made
        given = ", ".join(f"{self.names[key]} = ${n}" for n, key in enumerate(changed, start=2))
        made = f"UPDATE {self.table} SET {given} WHERE {self.names[self.key]} = $1"  # noqa: S608
        return self._updates.setdefault(changed, made)


@cache
def shape(kind: type[R]) -> Shape[R]:
    """The `Shape` of a mapped class."""
    return Shape(kind)


class Rows:
    """The rows that one transaction knows."""

    def __init__(self, connection: Lent) -> None:
        self.raw = connection.raw
        self._connection = connection
        self._made: AsyncSession | None = None
        self._known: dict[tuple[type[Base], str], Base] = {}

    @property
    def session(self) -> AsyncSession:
        """The ORM on the same transaction, with all that is known; made the first time."""
        if self._made is None:
            self._made = self._connection.session()
            for row in self._known.values():
                _hand_over(row, self._made)
        return self._made

    async def get(self, kind: type[R], key: str) -> R | None:
        """The row of that key, as it was first read in this transaction."""
        known = self._find(kind, key)
        if known is not None and not instance_state(known).expired_attributes:
            return known
        return await self._read(kind, shape(kind).by_key, key)

    async def lock(self, kind: type[R], key: str) -> R | None:
        """The row of that key, locked and as it is now."""
        known = self._find(kind, key)
        if known is not None and instance_state(known).modified:
            await self.save()
        return await self._read(kind, f"{shape(kind).by_key} FOR NO KEY UPDATE", key)

    async def select(self, kind: type[R], rest: str, *given: object) -> list[R]:
        """The rows that ``rest`` (WHERE, ORDER BY, LIMIT) chooses; those known already stay as they are."""
        await self.save()
        records = await self.raw.fetch(f"{shape(kind).select} {rest}", *given)
        return [self._know(kind, record, anew=False) for record in records]

    async def add(self, row: Base) -> None:
        """Write a new row now."""
        if self._made is not None:
            self._made.add(row)
            await self._made.flush()
            return
        about = shape(type(row))
        values = {key: row.__dict__.get(key, default) for key, default in about.defaults.items()}
        await self.raw.execute(about.insert, *(about.told(*each) for each in values.items()))
        for name in tuple(instance_state(row).committed_state):
            set_committed_value(row, name, values[name])
        row.__dict__.update(values)
        self._known[type(row), str(values[about.key])] = row

    async def save(self, *besides: Statement) -> None:
        """Write what was changed on the rows, and ``besides`` in the same statement."""
        if self._made is not None:
            await self._made.flush()
            await run_together(self.raw, besides)
        else:
            await run_together(self.raw, [*self._unsaved(), *besides])

    def _unsaved(self) -> list[Statement]:
        """The statements that write what was changed; it counts as written."""
        found = []
        for (kind, key), row in self._known.items():
            before = instance_state(row).committed_state
            if not before:
                continue
            about, now = shape(kind), row.__dict__
            changed = tuple(name for name in about.keys if name in before and before[name] != now[name])
            if changed:
                values = [about.told(name, now[name]) for name in changed]
                found.append(Statement(about.update(changed), (key, *values)))
            for name in tuple(before):
                set_committed_value(row, name, now[name])
        return found

    async def aclose(self) -> None:
        """Let go of the ORM, if it was asked for; the objects keep what they hold."""
        if self._made is not None:
            await self._made.close()

    def _find(self, kind: type[R], key: str) -> R | None:
        found: Any = self._known.get((kind, key))
        if found is None and self._made is not None:
            identity = mapping_of(kind).identity_key_from_primary_key((key,))
            found = self._made.sync_session.identity_map.get(identity)
        return found  # type: ignore[no-any-return]

    async def _read(self, kind: type[R], statement: str, key: str) -> R | None:
        record = await self.raw.fetchrow(statement, key)
        return None if record is None else self._know(kind, record, anew=True)

    def _know(self, kind: type[R], record: asyncpg.Record, *, anew: bool) -> R:
        about = shape(kind)
        values = about.values(record)
        row = self._find(kind, values[about.key])
        if row is None:
            row = about.manager.new_instance()
            row.__dict__.update(values)  # as the ORM's loader does: nothing to notice, nothing has changed
            self._known[kind, values[about.key]] = row
            if self._made is not None:
                _hand_over(row, self._made)
        elif anew:
            for name, value in values.items():
                set_committed_value(row, name, value)
        return row


def _hand_over(row: Base, session: AsyncSession) -> None:
    """Have the ORM know a row as one of its own, with what was changed on it and is not written yet."""
    changed = {name: row.__dict__[name] for name in instance_state(row).committed_state}
    for name, before in tuple(instance_state(row).committed_state.items()):
        set_committed_value(row, name, before)
    make_transient_to_detached(row)
    session.add(row)
    for name, now in changed.items():
        setattr(row, name, now)
