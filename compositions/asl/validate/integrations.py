"""What is known of the services that `arn:aws:states:::service:action` calls: their patterns and needed parameters.

From "Integrating optimized services" of the Step Functions developer guide and the services' own references. A service
that is not listed is not judged.
"""

from collections.abc import Mapping
from typing import Final

from compositions.asl.validate.problems import Site
from compositions.asl.values import Json

SYNC: Final = ".sync"
TOKEN: Final = ".waitForTaskToken"
_JOB: Final = (SYNC,)
_MESSAGE: Final = (TOKEN,)
_BOTH: Final = (SYNC, TOKEN)

PATTERNS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("apigateway", "aws-sdk", "events", "lambda", "sns", "sqs"), _MESSAGE),
    **dict.fromkeys(
        (
            *("athena", "batch", "codebuild", "databrew", "elasticmapreduce", "emr-containers", "emr-serverless"),
            *("glue", "mediaconvert", "sagemaker"),
        ),
        _JOB,
    ),
    **dict.fromkeys(("bedrock", "ecs", "eks", "states"), _BOTH),
    "dynamodb": (),
}
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "apigateway:invoke": ("ApiEndpoint", "Method"),
    "batch:submitJob": ("JobName", "JobQueue", "JobDefinition"),
    "dynamodb:deleteItem": ("TableName", "Key"),
    "dynamodb:getItem": ("TableName", "Key"),
    "dynamodb:putItem": ("TableName", "Item"),
    "dynamodb:updateItem": ("TableName", "Key"),
    "ecs:runTask": ("TaskDefinition",),
    "events:putEvents": ("Entries",),
    "glue:startJobRun": ("JobName",),
    "http:invoke": ("ApiEndpoint", "Method"),
    "lambda:invoke": ("FunctionName",),
    "sns:publish": ("Message",),
    "sqs:sendMessage": ("QueueUrl", "MessageBody"),
    "states:startExecution": ("StateMachineArn",),
}


def check_pattern(site: Site, service: str, how: str) -> None:
    pattern = how.removesuffix(":2")
    known = PATTERNS.get(service)
    if known is not None and pattern not in known:
        site.problem(f"'{service}' does not support the '{pattern}' service integration. Remove the suffix.")


def check_parameters(site: Site, state: Mapping[str, Json]) -> None:
    """Parameters that the called API cannot do without, where the definition lists them itself."""
    resource = state.get("Resource")
    _, mark, called = resource.partition(":states:::") if isinstance(resource, str) else ("", "", "")
    field = "Arguments" if site.is_jsonata else "Parameters"
    given = state.get(field)
    if not mark or not isinstance(given, dict):
        return
    for name in PARAMETERS.get(called.partition(".")[0], ()):
        if name not in given and (site.is_jsonata or f"{name}.$" not in given):
            site.at(field).problem(f"The field '{name}' is required but was missing. Add {name}.")
