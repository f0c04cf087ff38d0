"""Benchmarks of the States Language interpreter, in process: what a state and an expression cost, and a whole run.

A three-branch Parallel of Pass states is run here, by ministack's interpreter and by moto's, one after the other on the
same core; text goes in and text comes out. The emulators have an environment of their own, made on the first run,
because they pin libraries that the product does not want.
"""

import asyncio
import json
import subprocess
import sys
import time
import venv
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from typing import Any

from .bed import UNDER_TEST, Bed, cores
from .figures import Aim, Entry

ENVIRONMENT = Path(__file__).parent / ".emulators"
PINNED = ("ministack==1.5.33", "boto3==1.43.106", "moto[stepfunctions]==5.2.0")
EMULATORS = ("ministack", "moto")
SECONDS = 3.0
ROUNDS = 9
LENGTH = 200  # states in a row, so that a run's own cost is lost in theirs

INPUT = {"order": {"id": 7, "total": 12.5, "lines": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]}}
PARALLEL = {
    "StartAt": "All",
    "States": {
        "All": {
            "Type": "Parallel",
            "End": True,
            "Branches": [{"StartAt": n, "States": {n: {"Type": "Pass", "End": True}}} for n in ("One", "Two", "Three")],
        }
    },
}


def interpreter(bed: Bed) -> list[Entry]:
    import uvloop

    with cores(UNDER_TEST):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            entries = runner.run(_states())
            mine = runner.run(_executions())
        for name in EMULATORS:
            theirs = _emulated(name)
            aim = Aim(at_least=20) if name == "ministack" else None
            against = f"{name}'s interpreter, {theirs:,.0f}"
            entries.append(Entry(f"three-branch Parallel, {name}", mine, "executions/s", against, mine / theirs, aim))
    return entries


async def _states() -> list[Entry]:
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "Pass state": ({"Type": "Pass"}, {}),
        "Pass state, Parameters": (
            {"Type": "Pass", "Parameters": {"id.$": "$.order.id", "kind": "new"}, "ResultPath": "$.made"},
            {},
        ),
        "Choice state": (
            {"Type": "Choice", "Choices": [{"Variable": "$.order.total", "NumericLessThan": 1, "Next": "Default"}]},
            {},
        ),
        "JSONata path": ({"Type": "Pass", "Output": "{% $states.input %}"}, {"QueryLanguage": "JSONata"}),
        "JSONata expression": (
            {"Type": "Pass", "Assign": {"x": "{% $sum($states.input.order.lines.n) * 2 %}"}},
            {"QueryLanguage": "JSONata"},
        ),
    }
    return [
        Entry(f"interpreter, {name}", await _microseconds({**_row(state), **top}), "µs")
        for name, (state, top) in kinds.items()
    ]


def _row(state: dict[str, Any]) -> dict[str, Any]:
    states: dict[str, Any] = {}
    for number in range(LENGTH):
        following = f"S{number + 1}"
        made = json.loads(json.dumps(state).replace('"Default"', f'"{following}"'))
        states[f"S{number}"] = {**made, ("Default" if state["Type"] == "Choice" else "Next"): following}
    return {"StartAt": "S0", "States": {**states, f"S{LENGTH}": {"Type": "Succeed"}}}


async def _microseconds(definition: dict[str, Any]) -> float:
    execute = _ours(definition)
    took = []
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(5):
            await execute()
        took.append((time.thread_time() - began) / (5 * LENGTH) * 1e6)
    return median(took)


async def _executions() -> float:
    execute = _ours(PARALLEL)
    assert json.loads(await execute()) == [INPUT] * 3
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for _ in range(100):
            await execute()
        count += 100
    return count / (time.perf_counter() - began)


def _ours(definition: dict[str, Any]) -> Callable[[], Awaitable[bytes]]:
    from compositions.asl import compile_machine, run
    from compositions.asl.ports import PlainPorts
    from compositions.asl.values import encoded, parsed

    async def call(state: str, resource: str, parameters: Any) -> Any:
        raise AssertionError("nothing is called here")

    machine, ports, text = compile_machine(definition), PlainPorts(call, asyncio.sleep), json.dumps(INPUT).encode()

    async def execute() -> bytes:
        ended = await run(machine, parsed(text), ports)
        return encoded(ended["output"])

    return execute


def _emulated(name: str) -> float:
    asked = json.dumps({"definition": PARALLEL, "input": INPUT})
    command = [str(_environment()), str(Path(__file__).with_name("emulators.py")), name, str(SECONDS)]
    answer = json.loads(subprocess.run(command, input=asked, capture_output=True, text=True, check=True).stdout)
    assert answer["output"] == [INPUT] * 3, answer
    return float(answer["per_second"])


def _environment() -> Path:
    """The interpreter of the emulators' environment, made if it is not there or not whole."""
    python, whole = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "whole"
    if not whole.exists() or whole.read_text() != "\n".join(PINNED):
        print("       making an environment for the emulators", file=sys.stderr, flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PINNED], check=True, capture_output=True)
        whole.write_text("\n".join(PINNED))
    return python
