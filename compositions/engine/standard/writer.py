"""The one writer of a process: a thread that commits what many executions have to say, together.

A life hands in what happened and waits; while one commit is on its way to the disk, the next fills up. So the cost of
a commit is shared, and grows with load as little as it can. What is written stands under the execution's fence: a life
whose fence is no longer its execution's is told that it is Lost.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from compositions.models import Execution, TaskToken
from controlplane.kernel import clock

from . import ends
from .ends import Ended
from .statements import End, Line, Release, Statements, statements

MOST_JOBS: Final = 2000
FIRST_RETRY_S: Final = 0.05
LONGEST_RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


class Lost(Exception):
    """The execution has another owner, or none, or the lease is over: this life of it ends without a word."""


class Crash(BaseException):
    """Raised by a fault that a test has put in: the process is gone from here on."""


class Job:
    """What one commit says of one execution. `tasks`, `children` and `closed` are written with it."""

    __slots__ = ("children", "closed", "done", "end", "ended", "line", "release", "tasks")

    def __init__(self, line: Line | None) -> None:
        self.line = line
        self.tasks: list[TaskToken] = []
        self.closed: list[tuple[str, str]] = []
        self.children: list[Execution] = []
        self.end: End | None = None
        self.ended: Ended | None = None
        self.release: Release | None = None
        self.done: asyncio.Future[None] | None = None


class Writer:
    """`fault(when, n)` is called "before" and "after" the n-th commit, inside and behind its transaction."""

    def __init__(self, fault: Callable[[str, int], None] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._fault = fault
        self._waiting: list[Job] = []
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._closing = False
        self._given_up = False
        self.commits = 0
        self.crashed = False
        self._thread = threading.Thread(target=self._run, name="saga-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> "asyncio.Future[None]":
        """Done when it is committed; raises Lost when it was refused."""
        job.done = self._loop.create_future()
        with self._lock:
            self._waiting.append(job)
        self._something.set()
        return job.done

    def give_up(self) -> None:
        """The lease is over: what is waiting will never be written, and nor will what comes."""
        self._given_up = True
        self._something.set()

    async def close(self, patience_s: float = 5.0) -> None:
        """Write what is waiting, then end the thread; a database that is away is waited for no longer than that."""
        self._closing = True
        self._something.set()
        await asyncio.to_thread(self._thread.join, patience_s)
        if self._thread.is_alive():
            self.give_up()
            await asyncio.to_thread(self._thread.join)

    # In the thread ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        dialect = statements()
        try:
            while True:
                self._something.wait()
                self._something.clear()
                while jobs := self._taken():
                    self._write_until_written(dialect, jobs)
                if self._closing:
                    return
        except Crash:
            self.crashed = True
        finally:
            connection.close()

    def _taken(self) -> list[Job]:
        with self._lock:
            jobs = self._waiting[:MOST_JOBS]
            del self._waiting[:MOST_JOBS]
        return jobs

    def _write_until_written(self, dialect: Statements, jobs: list[Job]) -> None:
        wait_s = FIRST_RETRY_S
        while not self._given_up:
            try:
                held = self._write(dialect, jobs)
            except Exception as error:  # of an ending as well: the thread must outlive whatever one execution has wrong
                if len(jobs) > 1 and not isinstance(error, _away()):
                    # One of them cannot be written as it is; the others must not suffer for it.
                    for job in jobs:
                        self._write_until_written(dialect, [job])
                    return
                if not isinstance(error, _away()):
                    log.error("saga_not_writable", execution=_execution_of(jobs[0]), exc_info=error)
                    connection.close()
                    break
                # Committing twice is harmless: a row that is there already is left alone, under the same fence.
                log.warning("sagas_not_written", error=str(error), executions=len(jobs))
                connection.close()
                time.sleep(wait_s)
                wait_s = min(wait_s * 2, LONGEST_RETRY_S)
                continue
            self._tell(jobs, held)
            return
        self._tell(jobs, set())

    def _write(self, dialect: Statements, jobs: Sequence[Job]) -> set[str]:
        self.commits += 1
        with transaction.atomic():
            held: set[str] = set()
            releasing = [job.release for job in jobs if job.release]
            ending = [job.end for job in jobs if job.end]
            # Lines first: they are refused to whoever has lost the execution, and an ended one takes no more of them.
            lines = [job.line for job in jobs if job.line]
            if lines:
                held |= dialect.tell(lines)
                _write_beside([job for job in jobs if job.tasks or job.closed or job.children], held)
            if ending:
                done = dialect.end(ending)
                held |= done
                gone = [job.ended for job in jobs if job.ended and job.ended.id in done]
                if gone:
                    ends.end(gone)
            if releasing:
                held |= dialect.release(releasing)
            if self._fault is not None:
                self._fault("before", self.commits)
        if self._fault is not None:
            self._fault("after", self.commits)
        return held

    def _tell(self, jobs: Sequence[Job], held: set[str]) -> None:
        self._loop.call_soon_threadsafe(_settle, jobs, held)


def _write_beside(jobs: Sequence[Job], held: set[str]) -> None:
    """Tasks and children of steps: they come to be with the entry that speaks of them."""
    known = [job for job in jobs if job.line is not None and job.line.execution in held]
    tasks = [task for job in known for task in job.tasks]
    if tasks:
        names = [field.name for field in TaskToken._meta.fields if field.name != "token"]
        TaskToken.objects.bulk_create(tasks, update_conflicts=True, unique_fields=["token"], update_fields=names)
    children = [child for job in known for child in job.children]
    if children:
        Execution.objects.bulk_create(children, ignore_conflicts=True)
    for token, status in [closed for job in known for closed in job.closed]:
        TaskToken.objects.filter(pk=token, status="WAITING").update(status=status, ended_at=clock.now())


def _settle(jobs: Sequence[Job], held: set[str]) -> None:
    for job in jobs:
        if job.done is None or job.done.done():
            continue
        if _execution_of(job) in held:
            job.done.set_result(None)
        else:
            job.done.set_exception(Lost())


def _execution_of(job: Job) -> str:
    told = job.line or job.end or job.release
    return told.execution if told else ""


def _away() -> tuple[type[Exception], ...]:
    """The database is out of reach, or in somebody else's way: trying again helps."""
    if connection.vendor == "postgresql":
        import psycopg

        return (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
    import sqlite3

    return (OperationalError, InterfaceError, sqlite3.OperationalError)
