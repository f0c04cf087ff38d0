"""`arn:aws:states:::events:putEvents`: events on an EventBridge bus; one that failed fails the task."""

from typing import Final

from compositions.asl.errors import RUNTIME
from compositions.asl.ports import TaskCall
from compositions.asl.values import Json, text
from controlplane.aws.plans import Call

from . import aws_calls
from .context import CallContext, ResourceError

NAME: Final = "EventBridge"


async def put_events(task: TaskCall, context: CallContext) -> Json:
    entries = aws_calls.arguments(task).get("Entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ResourceError(RUNTIME, "Entries must be a list of events.")
    written = [
        {**entry, "Detail": aws_calls.as_text(entry["Detail"])} if "Detail" in entry else entry for entry in entries
    ]
    answer = await aws_calls.ask(NAME, Call("events", "put_events", {"Entries": written}), context)
    if answer.body.get("FailedEntryCount"):
        raise ResourceError("EventBridge.FailedEntry", text(answer.body))
    return aws_calls.result(answer, **answer.body)
