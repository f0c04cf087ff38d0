"""What a Task may call. A kind is a file here and a line in the table; its key is the Resource, or how it begins."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from compositions.asl.ports import TaskCall
from compositions.asl.values import Json

from . import aws_calls, events, http_invoke, lambda_functions, nested, queues
from .context import CallContext, Child, Forced, Met, Probing, ResourceError, Serve

__all__ = [
    "RESOURCES", "CallContext", "Child", "Forced", "Met", "Probing", "Resource", "ResourceError", "find", "serve",
]  # fmt: skip

WAITS_FOR_TOKEN: Final = ".waitForTaskToken"


def _lacks_nothing() -> str | None:
    return None


class Resource(msgspec.Struct, frozen=True):
    """`standard_only`: an EXPRESS run cannot have it. `lacks` says what is missing here, with the remedy, or None."""

    serve: Serve
    standard_only: bool = False
    lacks: Callable[[], str | None] = _lacks_nothing


RESOURCES: Final[dict[str, Resource]] = {
    "arn:aws:states:::http:invoke": Resource(http_invoke.serve),
    "arn:aws:states:::states:startExecution": Resource(nested.start),
    "arn:aws:states:::states:startExecution.sync": Resource(nested.start_and_wait),
    "arn:aws:states:::states:startExecution.sync:2": Resource(nested.start_and_wait_parsed),
    "arn:aws:states:::aws-sdk:sfn:startExecution": Resource(nested.start),
    "arn:aws:states:::aws-sdk:sfn:startSyncExecution": Resource(nested.start_sync),
    "arn:aws:states:::sqs:sendMessage": Resource(queues.send_message, lacks=aws_calls.lacks),
    "arn:aws:states:::events:putEvents": Resource(events.put_events, lacks=aws_calls.lacks),
    "arn:aws:states:::lambda:invoke": Resource(lambda_functions.invoke, lacks=aws_calls.lacks),
    "arn:aws:lambda:": Resource(lambda_functions.invoke_by_arn, lacks=aws_calls.lacks),
}
_BEGINNINGS: Final = tuple(key for key in RESOURCES if key.endswith(":") and not key.endswith(":::"))


def find(resource: str) -> Resource | None:
    """Who serves a Task's Resource; the wait for a token is the engine's part and not looked at."""
    resource = resource.removesuffix(WAITS_FOR_TOKEN)
    known = RESOURCES.get(resource)
    if known is not None:
        return known
    return next((RESOURCES[start] for start in _BEGINNINGS if resource.startswith(start)), None)


def serve(task: TaskCall, context: CallContext) -> Coroutine[Any, Any, Json]:
    """The task's result. Raises an exception with `error` and `cause`, as the interpreter's `call` port does."""
    # Not itself a coroutine, nor is what the table names where it can be helped: each one more in the chain is resumed
    # at every step of every call.
    known = RESOURCES.get(task.resource)
    if known is None or known.standard_only:
        known = _other(task.resource, context)
    return known.serve(task, context)


def _other(resource: str, context: CallContext) -> Resource:
    known = find(resource)
    if known is None:
        cause = f"Nothing here serves {resource!r}. Call a target by arn:aws:states:::http:invoke instead."
        raise ResourceError("Resource.Unserved", cause)
    if not context.standard and (known.standard_only or resource.endswith(WAITS_FOR_TOKEN)):
        cause = (
            f"{resource} outlives a request. Give the composition the type STANDARD, or call something that answers."
        )
        raise ResourceError("Resource.NeedsStandard", cause)
    return known
