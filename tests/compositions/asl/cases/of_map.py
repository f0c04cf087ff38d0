"""Cases of Map: inline, and the distributed mode's readers, batches and writers."""

from tests.compositions.asl.cases.case import Case, Cases
from tests.compositions.asl.cases.of_task import BROKEN, TOLD
from tests.compositions.asl.world import Failure, Slow, one, passing, task

SAME, CALLS = passing(), task("r")
INLINE = {"ProcessorConfig": {"Mode": "INLINE"}}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}}
READS, WRITES = "arn:aws:states:::s3:getObject", "arn:aws:states:::s3:putObject"
L, ABC = {"l": [1, 2, 3]}, [1, 2, 3]
SLOW = {"r": Slow(1, 0)}
ODD = {"r": lambda item: Failure("E") if item % 2 else item}
OVER = "States.ExceedToleratedFailureThreshold"
ENTRY = {"ErrorEquals": ["E"]}


def state(inner=SAME, mode=INLINE, **fields):
    return {"Type": "Map", "ItemProcessor": {**mode, **one(inner)}, **fields}


def wide(inner=SAME, **fields):
    return state(inner, DISTRIBUTED, **fields)


def reading(inner=SAME, arguments="Parameters", config=None, **fields):
    reader = {"Resource": READS, arguments: {"Bucket": "b", "Key": "k"}, "ReaderConfig": config or {}}
    return wide(inner, ItemReader=reader, **fields)


def read(says, data, expected, **config):
    return Case(says, reading(config=config), items=data, output=expected)


def read_query(says, data, expected, **config):
    return Case(says, reading(arguments="Arguments", config=config), items=data, output=expected)


def writing(arguments, **config):
    return wide(ResultWriter={"Resource": WRITES, arguments: {"Bucket": "b"}, "WriterConfig": config})


def seen(field):
    """The same of an item's context, in either language."""
    return {"s.$": f"$$.Map.Item.{field}"}, {"s": "{% $states.context.Map.Item." + field + " %}"}


_BOTH = [
    Case("runs for each item of its input", state(Comment="why", Label="Each"), ABC, ABC),
    Case("is written the old way", {"Type": "Map", "Iterator": one(SAME)}, ABC, ABC),
    Case("is written the old way, in the distributed mode", {"Type": "Map", "Iterator": {**DISTRIBUTED, **one(SAME)}},
         ABC, ABC),
    Case("runs for nothing", state(), [], []),
    Case("runs all at once", state(CALLS), ABC, [0, 0, 0], most_at_once=3, waited=1, resources=SLOW),
    Case("runs two at once", state(CALLS, MaxConcurrency=2), ABC, [0, 0, 0], most_at_once=2, resources=SLOW),
    Case("fails as its first item", state(CALLS), ABC, error="E", resources=ODD),
    Case("tolerates so many", wide(CALLS, ToleratedFailureCount=2), ABC, [2], resources=ODD),
    Case("tolerates no more", wide(CALLS, ToleratedFailureCount=1), ABC, error=OVER, resources=ODD),
    Case("tolerates a share", wide(CALLS, ToleratedFailurePercentage=70), ABC, [2], resources=ODD),
    Case("tolerates no larger share", wide(CALLS, ToleratedFailurePercentage=60), ABC, error=OVER, resources=ODD),
    Case("catches that too many failed", wide(CALLS, Catch=[{"ErrorEquals": [OVER], "Next": "Other"}]), ABC, to="Other",
         output={"Error": OVER, "Cause": "The specified tolerated failure threshold was exceeded"}, resources=ODD),
    Case("retries all of its items", state(CALLS, Retry=[ENTRY]), [7], [1], sleeps=[1],
         resources={"r": [Failure("E"), 1]}),
    Case("catches an item's error", state(CALLS, Catch=[{**ENTRY, "Next": "Other"}]), ABC, TOLD, to="Other",
         resources=BROKEN),
    Case("goes elsewhere", state(Next="Other"), ABC, ABC, to="Other"),
    Case("ends the machine", state(End=True), ABC, ABC, to=None),
    Case("makes batches of so many", wide(ItemBatcher={"MaxItemsPerBatch": 2}), ABC,
         [{"Items": [1, 2]}, {"Items": [3]}]),
    Case("makes batches of so many bytes", wide(ItemBatcher={"MaxInputBytesPerBatch": 15}), ABC,
         [{"Items": [1, 2]}, {"Items": [3]}]),
]  # fmt: skip
MAP = Cases(
    path=[
        *_BOTH,
        Case("takes its items from a path", state(ItemsPath="$.l"), L, ABC),
        Case("takes its items from a variable", state(ItemsPath="$list"), {}, ABC),
        Case("begins at its input path", state(InputPath="$.l"), L, ABC),
        Case("selects each input", state(ItemsPath="$.l", ItemSelector={"s.$": "$$.Map.Item.Value", "x.$": "$x"}),
             {"l": [1]}, [{"s": 1, "x": 5}]),
        Case("selects each input the old way", state(Parameters={"s.$": "$$.Map.Item.Index"}), [7, 8],
             [{"s": 0}, {"s": 1}]),
        Case("tells the index", state(ItemSelector=seen("Index")[0]), [7, 8], [{"s": 0}, {"s": 1}]),
        Case("tells that items come from the input", state(ItemSelector=seen("Source")[0]), [7], [{"s": "STATE_DATA"}]),
        Case("tells the object that items come from", reading(ItemSelector=seen("Source")[0]), items=[7],
             output=[{"s": "S3://b/k"}]),
        Case("tells the key", reading(ItemSelector=seen("Key")[0]), items={"m": 1}, output=[{"s": "m"}]),
        Case("tells the value inside", state(passing(Parameters=seen("Value")[0])), [7], [{"s": 7}]),
        Case("selects of the results", state(ResultSelector={"s.$": "$[2]"}), ABC, {"s": 3}),
        Case("puts the results", state(ItemsPath="$.l", ResultPath="$.r"), L, {**L, "r": ABC}),
        Case("leaves by its output path", state(OutputPath="$[0]"), ABC, 1),
        Case("assigns from the results", state(Assign={"y.$": "$[0]"}), ABC, ABC, assigned={"y": 1}),
        Case("keeps the variables of an item in it", state(passing(Assign={"y": 1})), ABC, ABC, assigned={}),
        Case("is written in its own language", state(QueryLanguage="JSONata", Output="{% $x %}"), ABC, 5),
        Case("reads how many at once", state(CALLS, ItemsPath="$.l", MaxConcurrencyPath="$.n"), {**L, "n": 1},
             [0, 0, 0], most_at_once=1, resources=SLOW),
        Case("reads how many it tolerates", wide(CALLS, ItemsPath="$.l", ToleratedFailureCountPath="$.n"),
             {**L, "n": 2}, [2], resources=ODD),
        Case("reads what share it tolerates", wide(CALLS, ItemsPath="$.l", ToleratedFailurePercentagePath="$.n"),
             {**L, "n": 70}, [2], resources=ODD),
        Case("reads how large its batches are", wide(ItemsPath="$.l", ItemBatcher={"MaxItemsPerBatchPath": "$.n"}),
             {**L, "n": 3}, [{"Items": ABC}]),
        Case("reads how many bytes a batch has",
             wide(ItemsPath="$.l", ItemBatcher={"MaxInputBytesPerBatchPath": "$.n"}), {**L, "n": 99}, [{"Items": ABC}]),
        Case("gives its batches something to share",
             wide(ItemsPath="$.l", ItemBatcher={"MaxItemsPerBatch": 3, "BatchInput": {"x.$": "$x"}}), L,
             [{"BatchInput": {"x": 5}, "Items": ABC}]),
        read("reads an array", [1, 2], [1, 2]),
        read("reads so many", [1, 2, 3], [1, 2], MaxItems=2),
        Case("reads how many to read", reading(config={"MaxItemsPath": "$.a"}), items=ABC, output=[1]),
        read("reads lines of JSON", '{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}], InputType="JSONL"),
        read("reads a place of it", {"p": [1]}, [1], ItemsPointer="/p"),
        read("reads rows", "h\n1\n", [{"h": "1"}], InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
        read("reads rows without a head", "1;2\n", [{"h": "1", "i": "2"}], InputType="CSV", CSVDelimiter="SEMICOLON",
             CSVHeaderLocation="GIVEN", CSVHeaders=["h", "i"]),
        read("reads a manifest as its port gives it", [1], [1], ManifestType="S3_INVENTORY", Transformation="NONE"),
        Case("writes its results", writing("Parameters", Transformation="NONE", OutputType="JSON"), ABC,
             {"Bucket": "b"}, written=[({"Bucket": "b"}, ABC)]),
    ],
    query=[
        *_BOTH,
        Case("takes its items from an expression", state(Items="{% $states.input.l %}"), L, ABC),
        Case("takes its items from an array", state(Items=[1, "{% $x %}"]), {}, [1, 5]),
        Case("selects each input", state(ItemSelector={"s": "{% $states.context.Map.Item.Value + $x %}"}), [1],
             [{"s": 6}]),
        Case("tells the index", state(ItemSelector=seen("Index")[1]), [7, 8], [{"s": 0}, {"s": 1}]),
        Case("tells that items come from the input", state(ItemSelector=seen("Source")[1]), [7], [{"s": "STATE_DATA"}]),
        Case("tells the object that items come from", reading(arguments="Arguments", ItemSelector=seen("Source")[1]),
             items=[7], output=[{"s": "S3://b/k"}]),
        Case("tells the value inside", state(passing(Output=seen("Value")[1])), [7], [{"s": 7}]),
        Case("computes its output", state(Output="{% $sum($states.result) %}"), ABC, 6),
        Case("assigns from the results", state(Assign={"y": "{% $states.result[0] %}"}), ABC, ABC, assigned={"y": 1}),
        Case("is written in its own language", state(QueryLanguage="JSONata"), ABC, ABC),
        Case("computes how many at once", state(CALLS, MaxConcurrency="{% 1 %}"), ABC, [0, 0, 0], most_at_once=1,
             resources=SLOW),
        Case("computes how many it tolerates", wide(CALLS, ToleratedFailureCount="{% 2 %}"), ABC, [2], resources=ODD),
        Case("computes what share it tolerates", wide(CALLS, ToleratedFailurePercentage="{% 70 %}"), ABC, [2],
             resources=ODD),
        Case("gives its batches something to share",
             wide(ItemBatcher={"MaxItemsPerBatch": "{% 3 %}", "BatchInput": {"n": "{% $states.input[0] %}"}}), ABC,
             [{"BatchInput": {"n": 1}, "Items": ABC}]),
        read_query("reads so many", [1, 2, 3], [1], MaxItems="{% $states.input.a %}"),
        read_query("reads lines of JSON", '{"a": 1}', [{"a": 1}], InputType="JSONL"),
        read_query("reads a place of it", {"p": [1]}, [1], ItemsPointer="/p"),
        read_query("reads rows without a head", "1;2\n", [{"h": "1", "i": "2"}], InputType="CSV",
                   CSVDelimiter="SEMICOLON", CSVHeaderLocation="GIVEN", CSVHeaders=["h", "i"]),
        read_query("reads a manifest as its port gives it", [1], [1], ManifestType="S3_INVENTORY",
                   Transformation="NONE"),
        Case("writes its results", writing("Arguments", Transformation="NONE", OutputType="JSON"), ABC, {"Bucket": "b"},
             written=[({"Bucket": "b"}, ABC)]),
    ],
)  # fmt: skip
