"""Runs a compiled machine: one input, the ports, and what came of it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from compositions.asl import errors
from compositions.asl.definition import Machine
from compositions.asl.errors import StatesError
from compositions.asl.frames import ACCOUNT, Frame, Run
from compositions.asl.limits import Limits, check_payload
from compositions.asl.ports import Checkpoint, Place, Ports
from compositions.asl.values import Json

_LATE: Final = Place((), 0, "late")


async def run(
    machine: Machine,
    value: Json,
    ports: Ports,
    *,
    limits: Limits | None = None,
    execution: Mapping[str, Json] | None = None,
    state_machine: Mapping[str, Json] | None = None,
    resume: Checkpoint | None = None,
) -> dict[str, Any]:
    """`{"status": "SUCCEEDED", "output"}`, or FAILED or TIMED_OUT with `error` and `cause` where there are any.

    `execution` and `state_machine` are what the context object shows under Execution and StateMachine. `resume` takes
    the run up where an earlier life of it stood; `value` is still the input it began with. Whatever is started
    through the ports has ended when this returns, also when it is cancelled.
    """
    limits = limits or Limits()
    named = {"Name": "workflow", **(state_machine or {"Id": f"{ACCOUNT}:stateMachine:workflow"})}
    if resume is not None and resume.state not in machine.workflow.states:
        raise ValueError(f"the machine has no state {resume.state!r} to go on from")
    frame = Frame(Run(ports, limits, value, execution, named), (), {}, None)
    try:
        check_payload(value, "input", limits.payload)
        if machine.timeout_s is None:  # one coroutine less for nearly all
            output = await machine.workflow.run(frame, value, resume)
        else:
            output = await _within(machine, machine.timeout_s, frame, value, resume)
    except _TimedOut:
        return {"status": "TIMED_OUT", "error": errors.TIMEOUT}
    except StatesError as error:
        ended: dict[str, Any] = {"status": "FAILED"}
        if error.error is not None:
            ended["error"] = error.error
        if error.cause is not None:
            ended["cause"] = error.cause
        return ended
    return {"status": "SUCCEEDED", "output": output}


class _TimedOut(Exception):
    """The machine's own TimeoutSeconds ran out: no Retry and no Catch hears of it."""


async def _within(machine: Machine, timeout_s: float, frame: Frame, value: Json, resume: Checkpoint | None) -> Json:
    ports = frame.run.ports
    if ports.recall(_LATE) is not None:
        raise _TimedOut
    work = asyncio.ensure_future(machine.workflow.run(frame, value, resume))
    timer = asyncio.ensure_future(ports.sleep(timeout_s, Place((), 0, "timeout")))
    try:
        await asyncio.wait([work, timer], return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        timer.result()
        await ports.record(_LATE, {})
        raise _TimedOut
    finally:
        work.cancel()
        timer.cancel()
        await asyncio.gather(work, timer, return_exceptions=True)
