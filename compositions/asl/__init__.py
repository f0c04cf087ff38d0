"""Amazon States Language: definitions compiled, judged and run; pure and async, everything outside through ports."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from compositions.asl.definition import Machine, compile_machine
from compositions.asl.errors import InvalidDefinition, StatesError
from compositions.asl.interpreter import run
from compositions.asl.limits import Limits
from compositions.asl.ports import Checkpoint, PlainPorts, Ports, TaskCall
from compositions.asl.validate import Problem, validate
from compositions.asl.values import Json, copied

__all__ = [
    "Checkpoint",
    "InvalidDefinition",
    "Limits",
    "Machine",
    "Ports",
    "Problem",
    "StatesError",
    "TaskCall",
    "compile_machine",
    "run",
    "run_definition",
    "validate",
]


async def run_definition(
    definition: Mapping[str, Json] | Machine,
    input: Json,
    *,
    call_task: Callable[[str, str, Json], Awaitable[Json]],
    sleep: Callable[[float], Awaitable[None]],
    now: Callable[[], float] = time.time,
    draw: Callable[[], float] = random.random,
) -> dict[str, Any]:
    """Run a definition once, with no record: `call_task(state, resource, parameters)` gets a copy of its parameters.

    A definition that cannot be compiled is a failed run with States.Runtime.
    """
    try:
        machine = definition if isinstance(definition, Machine) else compile_machine(definition)
    except InvalidDefinition as error:
        return {"status": "FAILED", "error": "States.Runtime", "cause": str(error)}

    async def call(state: str, resource: str, parameters: Json) -> Json:
        return await call_task(state, resource, copied(parameters))

    return await run(machine, input, PlainPorts(call, sleep, now, draw))
