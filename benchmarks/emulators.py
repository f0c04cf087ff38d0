"""Executions of one machine per second by an emulator of Step Functions; runs in the emulators' own environment.

Told as arguments: which emulator, and for how many seconds; the definition and the input come as JSON on standard
input. Answers a line of JSON. Only the interpreter is timed, not the AWS protocol around it, and ministack's pause of
150 ms before each execution is taken away.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


class _Hurried:
    """The module `time` without pauses."""

    sleep = staticmethod(lambda seconds: None)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def ministack(definition: str, value: str) -> Callable[[], Any]:
    from ministack.services import stepfunctions as emulator

    emulator.time = _Hurried()
    asked = {"name": "bench", "definition": definition, "roleArn": "arn:aws:iam::000000000000:role/bench"}
    machine = json.loads(emulator._create_state_machine(asked)[2])["stateMachineArn"]

    def execute() -> Any:
        answer = emulator._start_sync_execution({"stateMachineArn": machine, "input": value})
        emulator._executions.clear()
        return json.loads(json.loads(answer[2])["output"])

    return execute


def moto(definition: str, value: str) -> Callable[[], Any]:
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    backend = stepfunctions_parser_backends["123456789012"]["us-east-1"]
    machine = backend.create_state_machine("bench", definition, "arn:aws:iam::123456789012:role/bench", tags=[])
    turn = 0

    def execute() -> Any:
        nonlocal turn
        turn += 1
        execution = backend.start_execution(machine.arn, f"run{turn}", value)
        while execution.status == "RUNNING":
            time.sleep(0)
        machine.executions.clear()
        return execution.output

    return execute


def main() -> None:
    given = json.load(sys.stdin)
    make = {"ministack": ministack, "moto": moto}[sys.argv[1]]
    execute = make(json.dumps(given["definition"]), json.dumps(given["input"]))
    output, count, began, seconds = execute(), 0, time.perf_counter(), float(sys.argv[2])
    while time.perf_counter() - began < seconds:
        output = execute()
        count += 1
    print(json.dumps({"per_second": count / (time.perf_counter() - began), "output": output}))


if __name__ == "__main__":
    main()
