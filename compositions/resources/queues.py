"""`arn:aws:states:::sqs:sendMessage`: a message of an SQS queue."""

from typing import Final

from compositions.asl.ports import TaskCall
from compositions.asl.values import Json
from controlplane.aws.plans import Call

from . import aws_calls
from .context import CallContext

NAME: Final = "SQS"


async def send_message(task: TaskCall, context: CallContext) -> Json:
    given = aws_calls.arguments(task)
    if "MessageBody" in given:
        given["MessageBody"] = aws_calls.as_text(given["MessageBody"])
    fifo = str(given.get("QueueUrl", "")).endswith(".fifo")
    if fifo and context.idempotency_key is not None:
        # The queue knows a message that a retry or a resumed run sends again.
        given.setdefault("MessageDeduplicationId", context.idempotency_key)
    answer = await aws_calls.ask(NAME, Call("sqs", "send_message", given), context)
    return aws_calls.result(answer, **answer.body)
