"""Cases of Task, and of Retry and Catch."""

from tests.compositions.asl.cases.case import Case, Cases
from tests.compositions.asl.world import HANGS, Failure, Slow


def state(**fields):
    return {"Type": "Task", "Resource": "r", **fields}


def retrying(**fields):
    return state(Retry=[{"ErrorEquals": ["E"], **fields}])


def catching(*names, **fields):
    return state(Catch=[{"ErrorEquals": list(names), "Next": "Other", **fields}])


BROKEN = {"r": Failure("E", "so")}
TOLD = {"Error": "E", "Cause": "so"}
DONE, R = {"r": {"b": 2}}, {"b": 2}
LATE = {"Error": "States.Timeout", "Cause": ""}

_BOTH = [
    Case("sends its input and gives the result", state(Comment="why"), output=R, sent=[{"a": 1}], resources=DONE),
    Case("goes elsewhere", state(Next="Other"), output=R, to="Other", resources=DONE),
    Case("ends the machine", state(End=True), output=R, to=None, resources=DONE),
    Case("fails as its resource does", state(), error="E", cause="so", resources=BROKEN),
    Case("is in time", state(TimeoutSeconds=9), output=1, waited=8, resources={"r": Slow(8, 1)}),
    Case("is late", state(TimeoutSeconds=9), error="States.Timeout", waited=9, resources={"r": HANGS}),
    Case("falls silent", state(HeartbeatSeconds=3), error="States.Timeout", waited=3, resources={"r": HANGS}),
    Case("keeps beating", state(HeartbeatSeconds=3), output=1, waited=8, resources={"r": Slow(8, 1, beat_every=2)}),
    Case(
        "beats until it is late",
        state(HeartbeatSeconds=3, TimeoutSeconds=7),
        error="States.Timeout",
        waited=7,
        resources={"r": Slow(99, 1, beat_every=2)},
    ),
    Case("retries thrice after 1, 2 and 4 s", retrying(), error="E", cause="so", sleeps=[1, 2, 4], resources=BROKEN),
    Case("retries until it succeeds", retrying(), output=1, sleeps=[1], resources={"r": [Failure("E"), 1]}),
    Case("retries never", retrying(MaxAttempts=0), error="E", sleeps=[], resources=BROKEN),
    Case("retries so often", retrying(MaxAttempts=1, Comment="once"), error="E", sleeps=[1], resources=BROKEN),
    Case("retries after an interval", retrying(IntervalSeconds=5), error="E", sleeps=[5, 10, 20], resources=BROKEN),
    Case("retries at a steady pace", retrying(BackoffRate=1.0), error="E", sleeps=[1, 1, 1], resources=BROKEN),
    Case("retries no later than", retrying(MaxDelaySeconds=3), error="E", sleeps=[1, 2, 3], resources=BROKEN),
    Case(
        "retries with full jitter",
        retrying(JitterStrategy="FULL"),
        error="E",
        sleeps=[0.5, 1, 1],
        resources=BROKEN,
        draws=(0.5, 0.5, 0.25),
    ),
    Case("retries without jitter", retrying(JitterStrategy="NONE"), error="E", sleeps=[1, 2, 4], resources=BROKEN),
    Case("retries no other error", retrying(ErrorEquals=["F"]), error="E", sleeps=[], resources=BROKEN),
    Case("retries a timeout", {**retrying(ErrorEquals=["States.Timeout"]), "TimeoutSeconds": 2}, output=1,
         sleeps=[1], waited=3, resources={"r": [HANGS, 1]}),
    Case("catches an error", catching("F", "E", Comment="why"), output=TOLD, to="Other", resources=BROKEN),
    Case("catches any failure", catching("States.TaskFailed"), output=TOLD, to="Other", resources=BROKEN),
    Case("catches no timeout as a failure", {**catching("States.TaskFailed"), "TimeoutSeconds": 2},
         error="States.Timeout", resources={"r": HANGS}),
    Case("catches a timeout", {**catching("States.Timeout"), "TimeoutSeconds": 2}, output=LATE, to="Other",
         resources={"r": HANGS}),
    Case("catches silence by its name", {**catching("States.HeartbeatTimeout"), "HeartbeatSeconds": 2}, output=LATE,
         to="Other", resources={"r": HANGS}),
    Case("catches silence as a timeout", {**catching("States.Timeout"), "HeartbeatSeconds": 2}, output=LATE,
         to="Other", resources={"r": HANGS}),
    Case("catches no timeout as silence", {**catching("States.HeartbeatTimeout"), "TimeoutSeconds": 2},
         error="States.Timeout", resources={"r": HANGS}),
    Case("catches no runtime error", catching("States.Runtime"), error="States.Runtime",
         resources={"r": Failure("States.Runtime")}),
    Case("catches no runtime error among all", catching("States.ALL"), error="States.Runtime",
         resources={"r": Failure("States.Runtime")}),
    Case("catches a result that is too large", catching("States.DataLimitExceeded", ), to="Other",
         output={"Error": "States.DataLimitExceeded", "Cause": "The state/task 'r' returned a result with a size "
                 "exceeding the maximum number of bytes service limit."}, resources={"r": "x" * 262_145}),
    Case("passes its role apart", state(Credentials={"RoleArn": "arn"}), output=1, sent=[{"a": 1}], resources={"r": 1}),
]  # fmt: skip
TASK = Cases(
    path=[
        *_BOTH,
        Case("begins at its input path", state(InputPath="$.a"), output=R, sent=[1], resources=DONE),
        Case("sends parameters", state(Parameters={"p.$": "$.a"}), output=R, sent=[{"p": 1}], resources=DONE),
        Case("selects of the result", state(ResultSelector={"s.$": "$.b"}), output={"s": 2}, resources=DONE),
        Case("puts the result", state(ResultPath="$.r"), output={"a": 1, "r": R}, resources=DONE),
        Case("drops the result", state(ResultPath=None), output={"a": 1}, resources=DONE),
        Case("leaves by its output path", state(OutputPath="$.b"), output=2, resources=DONE),
        Case("assigns from what is selected", state(ResultSelector={"s.$": "$.b"}, Assign={"y.$": "$.s"}),
             output={"s": 2}, assigned={"y": 2}, resources=DONE),
        Case("reads its time limit", state(TimeoutSecondsPath="$.a"), error="States.Timeout", waited=1,
             resources={"r": HANGS}),
        Case("reads how long it may be silent", state(HeartbeatSecondsPath="$x"), error="States.Timeout", waited=5,
             resources={"r": HANGS}),
        Case("reads its role", state(Credentials={"RoleArn.$": "$.a"}), output=1, resources={"r": 1}),
        Case("is written in its own language", state(QueryLanguage="JSONata", Output="{% $x %}"), output=5,
             resources=DONE),
        Case("puts a caught error", catching("E", ResultPath="$.e"), output={"a": 1, "e": TOLD}, to="Other",
             resources=BROKEN),
        Case("drops a caught error", catching("E", ResultPath=None), output={"a": 1}, to="Other", resources=BROKEN),
        Case("assigns from a caught error", catching("E", Assign={"y.$": "$.Cause", "z.$": "$x"}), output=TOLD,
             to="Other", assigned={"y": "so", "z": 5}, resources=BROKEN),
    ],
    query=[
        *_BOTH,
        Case("sends arguments", state(Arguments={"p": "{% $x %}"}), output=R, sent=[{"p": 5}], resources=DONE),
        Case("computes its output", state(Output="{% $states.result.b + $states.input.a %}"), output=3,
             resources=DONE),
        Case("assigns from the result", state(Assign={"y": "{% $states.result.b %}"}), output=R, assigned={"y": 2},
             resources=DONE),
        Case("computes its time limit", state(TimeoutSeconds="{% $x %}"), error="States.Timeout", waited=5,
             resources={"r": HANGS}),
        Case("computes how long it may be silent", state(HeartbeatSeconds="{% $x %}"), error="States.Timeout",
             waited=5, resources={"r": HANGS}),
        Case("is written in its own language", state(QueryLanguage="JSONata"), output=R, resources=DONE),
        Case("makes an output of a caught error", catching("E", Output="{% $states.errorOutput.Cause %}"),
             output="so", to="Other", resources=BROKEN),
        Case("assigns from a caught error", catching("E", Assign={"y": "{% $states.errorOutput.Error %}"}),
             output=TOLD, to="Other", assigned={"y": "E"}, resources=BROKEN),
        Case("catches an output that cannot be computed",
             {**catching("States.QueryEvaluationError", Output=1), "Output": "{% $nowhere %}"}, output=1, to="Other",
             resources=DONE),
    ],
)  # fmt: skip
