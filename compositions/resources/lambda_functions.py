"""Lambda functions: `arn:aws:states:::lambda:invoke` and a function's own ARN as Resource.

What a function raises is the task's error, by the name of its type; the cause is what the function answered.
"""

import json
from typing import Any, Final

from compositions.asl.errors import RUNTIME
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json
from controlplane.aws.clients import Answer
from controlplane.aws.plans import Call

from . import aws_calls
from .context import CallContext, ResourceError

NAME: Final = "Lambda"
TAKEN: Final[tuple[str, ...]] = ("FunctionName", "InvocationType", "Qualifier", "ClientContext", "LogType")


async def invoke(task: TaskCall, context: CallContext) -> Json:
    given = aws_calls.arguments(task)
    if not isinstance(given.get("FunctionName"), str):
        raise ResourceError(RUNTIME, "FunctionName must name a function, by its name or its ARN.")
    parameters = {name: given[name] for name in TAKEN if name in given}
    answer, payload = await _invoked(parameters, given.get("Payload", {}), context)
    fields = {name: value for name, value in answer.body.items() if name in ("ExecutedVersion", "StatusCode")}
    return aws_calls.result(answer, **fields, Payload=payload)


async def invoke_by_arn(task: TaskCall, context: CallContext) -> Json:
    return (await _invoked({"FunctionName": task.resource}, task.parameters, context))[1]


async def _invoked(parameters: dict[str, Any], payload: Json, context: CallContext) -> tuple[Answer, Json]:
    call = Call("lambda", "invoke", {**parameters, "Payload": json.dumps(payload).encode()})
    answer = await aws_calls.ask(NAME, call, context, patience="longest")
    told = answer.body.get("Payload", "")
    try:
        value: Json = json.loads(told) if told else None
    except ValueError:
        value = told
    if answer.body.get("FunctionError"):
        raise ResourceError(_raised(value), told)
    return answer, value


def _raised(value: Json) -> str:
    kind = value.get("errorType") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and kind else "Lambda.Unknown"
