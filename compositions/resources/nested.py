"""Workflows in workflows: another composition as a Task, found by its slug or by an ARN that ends in it.

startSyncExecution            runs it here and gives what Step Functions' API gives: texts, and a failure as a status
startExecution.sync:2, .sync  gives the described execution; a failure is the task's
startExecution                starts it and goes on

A composition of type EXPRESS runs here, within the deadline of the run that calls it. One of type STANDARD lives on its
own, and only a STANDARD run can start it.
"""

import json
import time
import uuid
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.frames import ACCOUNT
from compositions.asl.ports import TaskCall
from compositions.asl.timestamps import written
from compositions.asl.values import Json, text
from compositions.engine.catalog import Compiled

from .context import CallContext, Child, ResourceError

MOST_DEPTH: Final = 8
_MACHINE: Final = ":stateMachine:"


async def start_sync(task: TaskCall, context: CallContext) -> Json:
    compiled, value, name = _asked(task, context, "Sfn")
    if compiled.type != "EXPRESS":
        cause = f"Composition {compiled.slug!r} has the type STANDARD; startSyncExecution runs EXPRESS ones only."
        raise ResourceError("Sfn.StateMachineTypeNotSupportedException", cause)
    child = await _run(compiled, value, name, task, context)
    return {
        **_described(compiled, child, value, name, as_text=True),
        "BillingDetails": {"BilledDurationInMilliseconds": _duration_ms(child), "BilledMemoryUsedInMB": 64},
    }


async def start_and_wait(task: TaskCall, context: CallContext) -> Json:
    return await _ended(task, context, as_text=True)


async def start_and_wait_parsed(task: TaskCall, context: CallContext) -> Json:
    return await _ended(task, context, as_text=False)


async def start(task: TaskCall, context: CallContext) -> Json:
    compiled, value, name = _asked(task, context, _service(task))
    if context.start_execution is None:
        cause = (
            f"An EXPRESS run cannot leave {compiled.slug!r} running behind it. Give the composition the type STANDARD."
        )
        raise ResourceError("Resource.NeedsStandard", cause)
    child = await context.start_execution(compiled, value, name, False)
    started: Json = written(child.started_at) if "aws-sdk" in task.resource else int(child.started_at * 1000)
    return {"ExecutionArn": child.execution, "StartDate": started}


async def _ended(task: TaskCall, context: CallContext, *, as_text: bool) -> Json:
    compiled, value, name = _asked(task, context, "StepFunctions")
    if compiled.type == "EXPRESS":
        child = await _run(compiled, value, name, task, context)
    elif context.start_execution is not None:
        child = await context.start_execution(compiled, value, name, True)
    else:
        cause = (
            f"An EXPRESS run cannot wait for the STANDARD composition {compiled.slug!r}. Make one of them the other."
        )
        raise ResourceError("Resource.NeedsStandard", cause)
    described = _described(compiled, child, value, name, as_text=as_text)
    if child.status != "SUCCEEDED":
        raise ResourceError(errors.TASK_FAILED, text(described))
    return described


def _asked(task: TaskCall, context: CallContext, service: str) -> tuple[Compiled, Json, str]:
    arguments = task.parameters if isinstance(task.parameters, dict) else {}
    arn = arguments.get("StateMachineArn")
    if not isinstance(arn, str) or not arn:
        raise ResourceError(
            errors.RUNTIME, "StateMachineArn must name a composition by its slug, or by an ARN with it."
        )
    slug = arn.partition(_MACHINE)[2].partition(":")[0] if _MACHINE in arn else arn
    compiled = context.flow.catalog.find(slug)
    if compiled is None:
        cause = f"There is no composition {slug!r}. Create it, or correct StateMachineArn."
        raise ResourceError(f"{service}.StateMachineDoesNotExistException", cause)
    if context.depth >= MOST_DEPTH:
        raise ResourceError(
            errors.RUNTIME, f"Compositions are nested deeper than {MOST_DEPTH}; {slug!r} is not started."
        )
    value = arguments.get("Input", {})
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ResourceError(f"{service}.InvalidExecutionInput", f"Input is not JSON: {error}.") from None
    name = arguments.get("Name")
    return compiled, value, name if isinstance(name, str) and name else str(uuid.uuid4())


async def _run(compiled: Compiled, value: Json, name: str, task: TaskCall, context: CallContext) -> Child:
    started_at = time.time()
    run = await context.flow.run(compiled, value, within=context, place=context.place(task))
    arn = f"{ACCOUNT}:express:{compiled.slug}:{name}"
    return Child(arn, started_at, time.time(), run.status, run.output, run.error, run.cause)


def _described(compiled: Compiled, child: Child, value: Json, name: str, *, as_text: bool) -> dict[str, Any]:
    """What DescribeExecution tells of an ended execution, in the shape of the integration that asked."""
    ended_at = child.ended_at or child.started_at
    described: dict[str, Any] = {
        "ExecutionArn": child.execution,
        "Input": text(value) if as_text else value,
        "InputDetails": {"Included": True},
        "Name": name,
        "StartDate": int(child.started_at * 1000),
        "StateMachineArn": f"{ACCOUNT}:stateMachine:{compiled.slug}",
        "Status": child.status,
        "StopDate": int(ended_at * 1000),
    }
    if child.status == "SUCCEEDED":
        described["Output"] = text(child.output) if as_text else child.output
        described["OutputDetails"] = {"Included": True}
    else:
        described |= {"Error": child.error, "Cause": child.cause}
    return described


def _duration_ms(child: Child) -> int:
    return max(100, int(((child.ended_at or child.started_at) - child.started_at) * 1000))


def _service(task: TaskCall) -> str:
    return "Sfn" if "aws-sdk" in task.resource else "StepFunctions"
