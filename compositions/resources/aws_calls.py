"""Calls of AWS by a Task: on a thread, within the run's deadline, with errors named as Step Functions names them.

    Lambda.ResourceNotFoundException   AWS refused; the name is AWS's own
    Lambda.SdkClientException          AWS was out of reach, or there are no credentials
    Lambda.Unavailable                 AWS is not configured here

A call is sent once: whether to repeat it is for the definition's Retry to say.
"""

import asyncio
import time
from typing import Any, Final

from django.conf import settings

from compositions.asl.errors import RUNTIME, TIMEOUT
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json, text
from controlplane.aws import clients
from controlplane.aws.clients import Answer, Patience
from controlplane.aws.errors import AwsAway, AwsNotConfigured, AwsProblem
from controlplane.aws.plans import Call
from controlplane.aws.threads import Threads

from .context import CallContext, ResourceError

AT_ONCE: Final = 32
REMEDY: Final = "Set AWS_REGION and give the processes credentials, or register the service as a target."

_threads = Threads(AT_ONCE, "aws-task")


def lacks() -> str | None:
    return None if settings.AWS_CONFIGURED else f"AWS is not configured, so the task would fail. {REMEDY}"


def arguments(task: TaskCall) -> dict[str, Any]:
    if not isinstance(task.parameters, dict):
        raise ResourceError(RUNTIME, f"{task.resource} takes an object of parameters.")
    return dict(task.parameters)


async def ask(name: str, call: Call, context: CallContext, *, patience: Patience = "once") -> Answer:
    """The answer of one call; `name` begins the names of its errors, such as Lambda."""
    left_s = None if context.deadline is None else context.deadline - time.monotonic()
    if left_s is not None and left_s <= 0:
        raise ResourceError(TIMEOUT, f"No time is left to call {call.service}.")
    work = asyncio.wrap_future(_threads.submit(clients.ask, call, patience=patience))
    try:
        async with asyncio.timeout(left_s):
            return await work
    except TimeoutError:
        raise ResourceError(TIMEOUT, f"{call.service} did not answer within the time of the run.") from None
    except AwsProblem as problem:
        raise ResourceError(f"{name}.{_named(problem)}", _told(problem)) from problem


def result(answer: Answer, **fields: Json) -> dict[str, Json]:
    """The answer as an optimized integration gives it: AWS's fields, and what its SDK says of the request."""
    headers = answer.metadata.get("HTTPHeaders", {})
    sdk = {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": answer.metadata.get("HTTPStatusCode", 200),
        },
        "SdkResponseMetadata": {"RequestId": answer.metadata.get("RequestId", "")},
    }
    return {**fields, **sdk}


def as_text(value: Json) -> str:
    """Step Functions writes a body that is no text as JSON."""
    return value if isinstance(value, str) else text(value)


def _named(problem: AwsProblem) -> str:
    match problem:
        case AwsNotConfigured():
            return "Unavailable"
        case AwsAway():
            return "SdkClientException"
        case _:
            return problem.code.rpartition(".")[2]


def _told(problem: AwsProblem) -> str:
    return f"AWS is not configured. {REMEDY}" if isinstance(problem, AwsNotConfigured) else problem.detail
