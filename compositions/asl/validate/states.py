"""The fields of each kind of state: one table, one line a field."""

from typing import Final

from compositions.asl.validate.failures import catch, retry
from compositions.asl.validate.maps import item_batcher, item_reader, item_selector, items, label, result_writer
from compositions.asl.validate.objects import Field, Fields, Shape, jsonata, jsonpath
from compositions.asl.validate.problems import Site
from compositions.asl.validate.rules import choices
from compositions.asl.validate.scalars import (
    LONGEST_SECONDS,
    anything,
    boolean,
    decimal,
    integer,
    or_expression,
    text,
    text_or_expression,
)
from compositions.asl.validate.syntax import (
    jsonata_template,
    nullable_path,
    path_or_call,
    payload_template,
    reference_path,
    reference_path_or_context,
    resource,
    result_path,
    timestamp,
)
from compositions.asl.validate.variables import assign
from compositions.asl.values import Json


def _credentials(site: Site, value: Json) -> None:
    if not isinstance(value, dict):
        site.expected("Object", value, "Write an object with a RoleArn.")
    elif "RoleArn" not in value and (site.is_jsonata or "RoleArn.$" not in value):
        site.problem("The field 'RoleArn' is required but was missing. Add RoleArn with the ARN of a role.")
    else:
        _CREDENTIALS.check(site, value)


def _dynamic(site: Site, value: Json) -> None:
    payload_template(site, {"RoleArn.$": value})


_CREDENTIALS: Final = Shape({"RoleArn": Field(text_or_expression), "RoleArn.$": jsonpath(_dynamic)})
_SECONDS: Final = Field(or_expression(integer(1)))

_ANY: Final[Fields] = {"Type": Field(text), "Comment": Field(text), "QueryLanguage": Field(anything)}
_DATA: Final[Fields] = {
    "InputPath": jsonpath(nullable_path),
    "OutputPath": jsonpath(nullable_path),
    "Output": jsonata(jsonata_template),
}
_GOES_ON: Final[Fields] = {**_ANY, **_DATA, "Assign": Field(assign), "Next": Field(text), "End": Field(boolean)}
_RESULT: Final[Fields] = {"Parameters": jsonpath(payload_template), "ResultPath": jsonpath(result_path)}
_WORK: Final[Fields] = {
    **_GOES_ON,
    **_RESULT,
    "ResultSelector": jsonpath(payload_template),
    "Retry": Field(retry),
    "Catch": Field(catch),
}

STATES: Final[dict[str, Shape]] = {
    "Pass": Shape({**_GOES_ON, **_RESULT, "Result": jsonpath(anything)}),
    "Task": Shape(
        {
            **_WORK,
            "Resource": Field(resource),
            "Arguments": jsonata(jsonata_template),
            "Credentials": Field(_credentials),
            "TimeoutSeconds": _SECONDS,
            "TimeoutSecondsPath": jsonpath(reference_path),
            "HeartbeatSeconds": _SECONDS,
            "HeartbeatSecondsPath": jsonpath(reference_path),
        },
        required=("Resource",),
        at_most_one=(("TimeoutSeconds", "TimeoutSecondsPath"), ("HeartbeatSeconds", "HeartbeatSecondsPath")),
    ),
    "Choice": Shape(
        {**_ANY, **_DATA, "Assign": Field(assign), "Choices": Field(choices), "Default": Field(text)},
        required=("Choices",),
    ),
    "Wait": Shape(
        {
            **_GOES_ON,
            "Seconds": Field(or_expression(integer(0))),
            "SecondsPath": jsonpath(reference_path),
            "Timestamp": Field(or_expression(timestamp)),
            "TimestampPath": jsonpath(reference_path),
        },
        one_of=(("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),),
    ),
    "Succeed": Shape({**_ANY, **_DATA}),
    "Fail": Shape(
        {
            **_ANY,
            "Error": Field(text_or_expression),
            "ErrorPath": jsonpath(path_or_call),
            "Cause": Field(text_or_expression),
            "CausePath": jsonpath(path_or_call),
        },
        at_most_one=(("Error", "ErrorPath"), ("Cause", "CausePath")),
    ),
    "Parallel": Shape(
        {**_WORK, "Arguments": jsonata(jsonata_template), "Branches": Field(anything)}, required=("Branches",)
    ),
    "Map": Shape(
        {
            **_WORK,
            "ItemProcessor": Field(anything),
            "Iterator": Field(anything),
            "Items": jsonata(items),
            "ItemsPath": jsonpath(reference_path_or_context),
            "ItemSelector": Field(item_selector),
            "ItemReader": Field(item_reader),
            "ItemBatcher": Field(item_batcher),
            "ResultWriter": Field(result_writer),
            "Label": Field(label),
            "MaxConcurrency": Field(or_expression(integer(0))),
            "MaxConcurrencyPath": jsonpath(reference_path),
            "ToleratedFailureCount": Field(or_expression(integer(0))),
            "ToleratedFailureCountPath": jsonpath(reference_path),
            "ToleratedFailurePercentage": Field(or_expression(decimal(0.0, 100.0))),
            "ToleratedFailurePercentagePath": jsonpath(reference_path),
        },
        one_of=(("ItemProcessor", "Iterator"),),
        at_most_one=(
            ("ItemSelector", "Parameters"),
            ("MaxConcurrency", "MaxConcurrencyPath"),
            ("ToleratedFailureCount", "ToleratedFailureCountPath"),
            ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
        ),
    ),
}
MACHINE: Final[Fields] = {
    "Comment": Field(text),
    "StartAt": Field(text),
    "States": Field(anything),
}
WHOLE: Final[Fields] = {
    **MACHINE,
    "Version": Field(text),
    "TimeoutSeconds": Field(integer(1, LONGEST_SECONDS)),
    "QueryLanguage": Field(anything),
}
