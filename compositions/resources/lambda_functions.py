"""Lambda functions: `arn:aws:states:::lambda:invoke` and a function's own ARN as Resource."""

from compositions.asl.ports import TaskCall
from compositions.asl.values import Json

from .context import CallContext, ResourceError


def lacks() -> str | None:
    return "No AWS endpoint is configured, so no Lambda function can be invoked. Register the service as a target."


async def invoke(task: TaskCall, context: CallContext) -> Json:
    raise ResourceError("Lambda.Unavailable", lacks() or "")


async def invoke_by_arn(task: TaskCall, context: CallContext) -> Json:
    raise ResourceError("Lambda.Unavailable", lacks() or "")
