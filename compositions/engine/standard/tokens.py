"""Steps that wait for a token to come back: from a person at the inbox, or from a system that was given it.

    the task's row, committed -> the resource is called with the token, unless a person is meant -> until the row ends

The row is the truth: whoever gives the result writes it there and signals the execution, which reads it in whichever
life it is then. Time limits are in the row as well.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from compositions import callees
from compositions.asl import errors
from compositions.asl.errors import StatesError
from compositions.asl.ports import Place, TaskCall
from compositions.asl.values import Json, text
from compositions.models import TaskToken
from compositions.models.executions import TaskStatus
from compositions.resources import WAITS_FOR_TOKEN
from controlplane.kernel import clock

from . import claims
from .journal import storable

if TYPE_CHECKING:
    from .life import Life
    from .ports import Clock

_TITLE: Final = "A task of a workflow"

Call = Callable[[TaskCall, "Clock"], Awaitable[tuple[Json, dict[str, Any] | None]]]


class Tokens:
    def __init__(self, life: Life, call: Call) -> None:
        self._life, self._call = life, call
        self._waiting: dict[tuple[Any, int], TaskCall] = {}

    async def serve(self, task: TaskCall, clock_: Clock) -> Json:
        life, at = self._life, task.place[:2]
        token = task.token
        assert token is not None
        self._waiting[at] = task
        try:
            if life.memory.known.get(Place(*at, "token")) is None:
                life.add_task(self._row(task, token))
                life.tell(Place(*at, "token"), {"token": token}, firm=True)
                await life.settle()
            if not is_manual(task) and life.memory.known.get(Place(*at, "submitted")) is None:
                output, _ = await self._call(_without_token(task), clock_)
                life.tell(Place(*at, "submitted"), {"output": output}, firm=True)
            return await self._result(task, token)
        except BaseException:
            # Given up: for its time, because a branch beside it failed, or because the execution is put away.
            if task.timed_out:
                life.close_task(token, TaskStatus.TIMED_OUT)
            elif not life.is_leaving:
                life.close_task(token, TaskStatus.CANCELLED)
            raise
        finally:
            del self._waiting[at]

    async def _result(self, task: TaskCall, token: str) -> Json:
        life, place = self._life, Place(*task.place[:2], "token")
        while True:
            row = await life.engine.ask(claims.task, token)
            if row is None or row.status == TaskStatus.CANCELLED:
                raise StatesError("Task.Cancelled", "Nobody waits for this task any more.", told=True)
            if row.status == TaskStatus.SUCCEEDED:
                return msgspec.json.decode(row.output)
            if row.status == TaskStatus.FAILED:
                raise StatesError(row.error or errors.TASK_FAILED, row.cause or None, told=True)
            await life.wait_for_signal(place)

    async def silence(self, place: Place, longest_s: float) -> None:
        """Returns when no heartbeat came for `longest_s`, or after one that did, which the task is then told."""
        life, task = self._life, self._waiting.get(place[:2])
        until = time.time() + longest_s
        if task is not None and task.token is not None:
            row = await life.engine.ask(claims.task, task.token)
            if row is not None and row.heartbeat_at is not None:
                until = row.heartbeat_at.timestamp()
        await life.wait(until, place)
        if task is not None and task.token is not None:
            row = await life.engine.ask(claims.task, task.token)
            if row is not None and row.heartbeat_at is not None and row.heartbeat_at.timestamp() > until:
                task.beat()

    def _row(self, task: TaskCall, token: str) -> TaskToken:
        row, now = self._life.row, clock.now()
        asked = task.parameters.get("MessageBody", {}) if isinstance(task.parameters, dict) else {}
        asked = asked if isinstance(asked, dict) else {"message": asked}
        manual = is_manual(task)
        form = asked.get("form") if manual else None
        heartbeat_s = task.heartbeat_s
        return TaskToken(
            token=token,
            execution=row.id,
            place=text(task.place),
            state=task.state[:80],
            composition=row.composition,
            resource=task.resource[:500],
            manual=manual,
            status=TaskStatus.WAITING,
            title=storable(str(asked.get("title") or (task.state if manual else _TITLE))[:200]),
            details=storable(text(_details(asked) if manual else task.parameters)),
            form=text(form) if isinstance(form, dict) else "",
            assignee=storable(str(asked.get("assignee") or "")[:200]) if manual else "",
            created_at=now,
            due_at=_due(asked, now) if manual else None,
            timeout_at=None if task.timeout_s is None else now + timedelta(seconds=task.timeout_s),
            heartbeat_s=heartbeat_s,
            heartbeat_at=None if heartbeat_s is None else now + timedelta(seconds=heartbeat_s),
        )


def is_manual(task: TaskCall) -> bool:
    """Whether a person is asked."""
    return isinstance(task.parameters, dict) and callees.is_manual(task.resource, task.parameters.get("QueueUrl"))


def _details(asked: dict[str, Json]) -> Json:
    return {name: value for name, value in asked.items() if name not in ("title", "form", "due_s", "assignee")}


def _due(asked: dict[str, Json], now: datetime) -> datetime | None:
    seconds = asked.get("due_s")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 10**9:
        return now + timedelta(seconds=seconds)
    return None


def _without_token(task: TaskCall) -> TaskCall:
    return TaskCall(
        task.state,
        task.resource.removesuffix(WAITS_FOR_TOKEN),
        task.parameters,
        task.place,
        timeout_s=task.timeout_s,
        heartbeat_s=task.heartbeat_s,
        token=task.token,
        credentials=task.credentials,
    )
