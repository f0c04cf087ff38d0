"""The SQL of the hot paths, for PostgreSQL and for SQLite: journal rows, ends and releases under a fence.

Raw, because each runs once for many executions. Whatever an execution's owner writes is written only where its fence
still is the one that the owner was given; the rows that were held to it are named by what each function returns.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from django.db import connection

from compositions.models import Execution, JournalEntry

EXECUTION = Execution._meta.db_table
JOURNAL = JournalEntry._meta.db_table


class Line(NamedTuple):
    """One row of the journal, with the fence that it is written under."""

    execution: str
    fence: int
    number: int
    at: datetime
    begins: bool
    told: str


class End(NamedTuple):
    """How an execution ends."""

    execution: str
    fence: int
    status: str
    output: str
    error: str
    cause: str
    ended_at: datetime
    caught: bool
    done: int
    undone: int


class Release(NamedTuple):
    """How an execution is let go. `wake_at` None: until something outside happens; something that already has since
    `signals` makes it due at once."""

    execution: str
    fence: int
    wake_at: datetime | None
    signals: int
    parked_on: str
    parked_why: str
    parked_at: datetime | None
    park_count: int
    trial_count: int
    priority: int
    caught: bool
    done: int
    undone: int


class Statements(Protocol):
    def tell(self, lines: Sequence[Line]) -> set[str]: ...
    def end(self, ends: Sequence[End]) -> set[str]: ...
    def release(self, releases: Sequence[Release]) -> set[str]: ...


def statements() -> Statements:
    return Postgres() if connection.vendor == "postgresql" else Sqlite()


class Postgres:
    """One round trip each, however many rows: arrays are unnested on the server. They travel in binary form, which is
    thirty times cheaper to make than the text of an array."""

    TELL = f"""
        WITH held AS (
            SELECT e.id FROM {EXECUTION} e
            JOIN unnest(%b::text[], %b::int[]) AS w(id, fence) ON e.id = w.id AND e.fence = w.fence
            WHERE e.status = 'RUNNING'
            FOR NO KEY UPDATE OF e
        ), told AS (
            INSERT INTO {JOURNAL} (execution, number, at, begins, told)
            SELECT r.execution, r.number, r.at, r.begins, r.told
            FROM unnest(%b::text[], %b::int[], %b::timestamptz[], %b::bool[], %b::text[])
                AS r(execution, number, at, begins, told)
            JOIN held ON held.id = r.execution
            ON CONFLICT DO NOTHING
        )
        SELECT id FROM held"""
    END = f"""
        UPDATE {EXECUTION} e
        SET status = w.status, output = w.output, error = w.error, cause = w.cause, ended_at = w.ended_at,
            caught = w.caught, calls_done = w.done, calls_undone = w.undone,
            owner = '', wake_at = NULL, parked_on = '', parked_why = '', parked_at = NULL
        FROM unnest(%b::text[], %b::int[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
                    %b::bool[], %b::int[], %b::int[])
            AS w(id, fence, status, output, error, cause, ended_at, caught, done, undone)
        WHERE e.id = w.id AND e.fence = w.fence AND e.status = 'RUNNING'
        RETURNING e.id"""
    RELEASE = f"""
        UPDATE {EXECUTION} e
        SET wake_at = CASE WHEN e.signals = w.signals THEN w.wake_at ELSE now() END, owner = '',
            parked_on = w.parked_on, parked_why = w.parked_why, parked_at = w.parked_at, park_count = w.park_count,
            trial_count = w.trial_count, priority = w.priority, caught = w.caught, calls_done = w.done,
            calls_undone = w.undone
        FROM unnest(%b::text[], %b::int[], %b::timestamptz[], %b::int[], %b::text[], %b::text[], %b::timestamptz[],
                    %b::int[], %b::int[], %b::int[], %b::bool[], %b::int[], %b::int[])
            AS w(id, fence, wake_at, signals, parked_on, parked_why, parked_at, park_count, trial_count, priority,
                 caught, done, undone)
        WHERE e.id = w.id AND e.fence = w.fence AND e.status = 'RUNNING'
        RETURNING e.id"""

    def tell(self, lines: Sequence[Line]) -> set[str]:
        fences = {line.execution: line.fence for line in lines}
        rows = [(line.execution, line.number, line.at, line.begins, line.told) for line in lines]
        return self._held(self.TELL, [list(fences), list(fences.values()), *_columns(rows)])

    def end(self, ends: Sequence[End]) -> set[str]:
        return self._held(self.END, _columns(ends))

    def release(self, releases: Sequence[Release]) -> set[str]:
        return self._held(self.RELEASE, _columns(releases))

    def _held(self, sql: str, parameters: list[list[Any]]) -> set[str]:
        import psycopg

        connection.ensure_connection()
        # The driver's own cursor: parameters travel beside the statement, which the server keeps prepared.
        with psycopg.Cursor(connection.connection) as cursor:
            cursor.execute(sql, parameters, prepare=True)
            return {row[0] for row in cursor.fetchall()}


class Sqlite:
    """Inside an IMMEDIATE transaction there is no other writer, so looking first is enough."""

    TELL = f"INSERT OR IGNORE INTO {JOURNAL} (execution, number, at, begins, told) VALUES (?, ?, ?, ?, ?)"
    END = f"""
        UPDATE {EXECUTION}
        SET status = ?, output = ?, error = ?, cause = ?, ended_at = ?, caught = ?, calls_done = ?, calls_undone = ?,
            owner = '', wake_at = NULL, parked_on = '', parked_why = '', parked_at = NULL
        WHERE id = ?"""
    RELEASE = f"""
        UPDATE {EXECUTION}
        SET wake_at = CASE WHEN signals = ? THEN ? ELSE ? END, owner = '',
            parked_on = ?, parked_why = ?, parked_at = ?, park_count = ?, trial_count = ?, priority = ?,
            caught = ?, calls_done = ?, calls_undone = ?
        WHERE id = ?"""

    def tell(self, lines: Sequence[Line]) -> set[str]:
        held = self._held(lines)
        rows = [
            (line.execution, line.number, _stored(line.at), line.begins, line.told)
            for line in lines
            if line.execution in held
        ]
        self._many(self.TELL, rows)
        return held

    def end(self, ends: Sequence[End]) -> set[str]:
        held = self._held(ends)
        self._many(
            self.END,
            [
                (e.status, e.output, e.error, e.cause, _stored(e.ended_at), e.caught, e.done, e.undone, e.execution)
                for e in ends
                if e.execution in held
            ],
        )
        return held

    def release(self, releases: Sequence[Release]) -> set[str]:
        held = self._held(releases)
        now = _stored(_now())
        self._many(
            self.RELEASE,
            [
                (
                    *(r.signals, _stored(r.wake_at), now, r.parked_on, r.parked_why, _stored(r.parked_at)),
                    *(r.park_count, r.trial_count, r.priority, r.caught, r.done, r.undone, r.execution),
                )
                for r in releases
                if r.execution in held
            ],
        )
        return held

    def _held(self, written: Sequence[Line] | Sequence[End] | Sequence[Release]) -> set[str]:
        fences = {one.execution: one.fence for one in written}
        held: set[str] = set()
        names = list(fences)
        connection.ensure_connection()
        for start in range(0, len(names), 500):
            some = names[start : start + 500]
            marks = ",".join("?" * len(some))
            sql = f"SELECT id, fence FROM {EXECUTION} WHERE status = 'RUNNING' AND id IN ({marks})"
            held |= {id for id, fence in connection.connection.execute(sql, some) if fences[id] == fence}
        return held

    def _many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            connection.connection.executemany(sql, rows)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _stored(moment: datetime | None) -> str | None:
    return None if moment is None else connection.ops.adapt_datetimefield_value(moment)


def _now() -> datetime:
    from controlplane.kernel import clock

    return clock.now()
