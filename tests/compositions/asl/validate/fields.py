"""What every field of a state takes and refuses, as a JSONPath state reads it, or the kind of state that has it."""

from typing import Any

from tests.compositions.asl.validate.definitions import BRANCH, LAMBDA

ROLE = "arn:aws:iam::123456789012:role/caller"
RETRIER = {"ErrorEquals": ["Busy"]}
CATCHER = {"ErrorEquals": ["Busy"], "Next": "After"}

# field: (values that are taken, values that are refused); as a JSONPath state reads it, or the one that has the field.
FIELDS: dict[str, tuple[list[Any], list[Any]]] = {
    "Comment": (["", "why"], [1, None, ["why"]]),
    "InputPath": (
        ["$", "$.a", "$.a[0]", "$$.Execution.Id", "$kept.a", "$.a[*]", None],
        ["a", "", 1, "$.", "$.a[", "States.UUID()"],
    ),
    "OutputPath": (["$.a.b", "$$", None], ["b", "$a b[", True]),
    "ResultPath": (["$", "$.a.b", "$['a b']", None], ["$.a[*]", "$$.a", "$kept", "a", 3]),
    "Parameters": (
        [{}, {"a": 1, "b.$": "$.b", "c": [{"d.$": "$$.Execution.Id"}], "e.$": "States.UUID()"}],
        [[], "x", {"a.$": "a"}, {"a.$": 1}, {"a": [{"b.$": "States.No()"}]}, {"a.$": " States.UUID()"}],
    ),
    "ResultSelector": ([{"a.$": "$.a"}], [[], "$.a", {"a.$": "$["}]),
    "Result": ([None, 1, {"a.$": "not looked at"}], []),
    "Assign": (
        [{}, {"x": 1, "y.$": "$.y"}, {"größe": 1}],
        [[], {"1x": 1}, {"x y": 1}, {"states": 1}, {"x" * 81: 1}, {"_x": 1}, {"x.$": "y"}],
    ),
    "Output": (
        [None, 1, "x", {"a": ["{% $states.input.a %}"]}],
        ["{% $states. %}", {"a": ["{% 1 + %}"]}, "{% 1", "1 %}"],
    ),
    "Arguments": ([{}, "{% $states.input %}", {"a": "{% $x %}"}], ["{% ( %}", {"a": "{% a %}"}]),
    "Next": (["After"], [1, None]),
    "End": ([True], ["true", 1]),
    "Resource": (
        [
            LAMBDA,
            "arn:aws:states:::http:invoke",
            "arn:aws:states:::states:startExecution.sync:2",
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "arn:aws:states:::aws-sdk:s3:getObject",
            "arn:aws:states:eu-west-1:123456789012:activity:dig",
            "arn:aws-cn:states:::lambda:invoke",
        ],
        ["ask", "", 5, "arn:aws:lambda", "arn:aws:states:::http", "arn:aws:states:::http:invoke.later", "https://x/y"],
    ),
    "Credentials": (
        [{"RoleArn": ROLE}, {"RoleArn.$": "$.role"}],
        [{}, "role", {"Role": ROLE}, {"RoleArn": 1}, {"RoleArn.$": "role"}, {"RoleArn": ROLE, "More": 1}],
    ),
    "TimeoutSeconds": ([1, 99_999_999], [0, -1, 1.5, "1", 100_000_000, True]),
    "TimeoutSecondsPath": (["$.t", "$t"], ["$.t[*]", "$$.t", 1, "t"]),
    "HeartbeatSeconds": ([1, 60], [0, "1", None]),
    "HeartbeatSecondsPath": (["$.h"], ["$..h", "h"]),
    "Retry": ([[], [RETRIER]], [{}, [1], [{}]]),
    "Catch": ([[], [CATCHER]], [{}, ["x"], [{"Next": "After"}]]),
    "Choices": ([[{"Variable": "$.a", "IsNull": True, "Next": "After"}]], [[], {}, [1]]),
    "Default": (["After"], [1]),
    "Seconds": ([0, 1, 99_999_999], [-1, 0.5, "1", 100_000_000]),
    "SecondsPath": (["$.s"], ["s", "$.s[0:1]"]),
    "Timestamp": (
        ["2030-01-31T12:00:00Z", "2030-01-31T12:00:00.5+01:00"],
        ["2030-01-31", "2030-02-30T12:00:00Z", "2030-01-31t12:00:00Z", "2030-01-31T12:00:00", 5],
    ),
    "TimestampPath": (["$.at"], ["at", None]),
    "Error": (["Broken", ""], [1, None]),
    "ErrorPath": (["$.e", "$$.e", "States.Format('{}', $.e)"], ["e", 1, "States.Nothing()"]),
    "Cause": (["It broke"], [{}]),
    "CausePath": (["$.c", "States.JsonToString($)"], ["c", "States.Format("]),
    "Branches": ([[BRANCH]], [[], {}, [1], [{}]]),
    "ItemProcessor": (
        [BRANCH, {**BRANCH, "ProcessorConfig": {"Mode": "INLINE"}}],
        [[], {}, {**BRANCH, "ProcessorConfig": {"Mode": "FAST"}}],
    ),
    "Iterator": ([BRANCH], [{}, 1]),
    "Items": ([[1], {"a": 1}, "{% $states.input %}", ["{% 1 %}"]], [1, "items", "{% items %}"]),
    "ItemsPath": (["$.items", "$$.Execution.Input.items", "$items"], ["items", "$.a[*].b", None]),
    "ItemSelector": ([{"a.$": "$$.Map.Item.Value"}], [[], "$.a", {"a.$": "a"}]),
    "ItemReader": (
        [
            {
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket.$": "$.b"},
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a"], "MaxItems": 0},
            }
        ],
        [
            {},
            {"Resource": "s3"},
            {"Resource": LAMBDA, "ReaderConfig": {"CSVHeaderLocation": "GIVEN"}},
            {"Resource": LAMBDA, "ReaderConfig": {"MaxItems": 1, "MaxItemsPath": "$.n"}},
            {"Resource": LAMBDA, "ReaderConfig": {"MaxItems": 100_000_001}},
            {"Resource": LAMBDA, "ReaderConfig": {"Colour": 1}},
            {"Resource": LAMBDA, "Arguments": {}},
        ],
    ),
    "ItemBatcher": (
        [{"MaxItemsPerBatch": 5}, {"MaxInputBytesPerBatchPath": "$.n", "BatchInput": {"a.$": "$.a"}}],
        [
            {},
            {"MaxItemsPerBatch": -1},
            {"MaxItemsPerBatch": 1, "MaxItemsPerBatchPath": "$.n"},
            {"MaxInputBytesPerBatch": 262_145},
            {"MaxItemsPerBatch": 1, "BatchInput": {"a.$": "a"}},
        ],
    ),
    "ResultWriter": (
        [
            {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "b"},
                "WriterConfig": {"OutputType": "JSONL", "Transformation": "NONE"},
            }
        ],
        [{}, [], {"Resource": 1}, {"WriterConfig": {"OutputType": "XML"}}],
    ),
    "Label": (["orders", "o" * 40], ["", "o" * 41, "a b", "a/b", 1]),
    "MaxConcurrency": ([0, 5], [-1, "5"]),
    "MaxConcurrencyPath": (["$.n"], ["n", "$$.Execution.Input.n"]),
    "ToleratedFailureCount": ([0, 3], [-1, 0.5]),
    "ToleratedFailureCountPath": (["$.n"], ["n"]),
    "ToleratedFailurePercentage": ([0, 12.5, 100], [-1, 100.5, "5"]),
    "ToleratedFailurePercentagePath": (["$.n"], ["n"]),
}
