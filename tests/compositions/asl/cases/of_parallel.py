"""Cases of Parallel."""

from tests.compositions.asl.cases.case import Case, Cases
from tests.compositions.asl.cases.of_task import BROKEN, TOLD
from tests.compositions.asl.world import HANGS, Failure, Slow, one, passing, task


def state(*branches, **fields):
    return {"Type": "Parallel", "Branches": list(branches), **fields}


SAME = one(passing())
BAD = one(task("r"))
FLAKY = {"r": [Failure("E"), 1]}
ENTRY = {"ErrorEquals": ["E"]}

_BOTH = [
    Case("gives every branch its input", state(SAME, SAME, Comment="why"), output=[{"a": 1}, {"a": 1}]),
    Case("keeps the order of its branches", state(one(task("r")), one(task("q"))), output=[1, 2], waited=9,
         most_at_once=2, resources={"r": Slow(9, 1), "q": Slow(1, 2)}),
    Case("fails as the first branch that fails", state(BAD, one(task("q"))), error="E", cause="so", waited=0,
         resources={**BROKEN, "q": HANGS}),
    Case("retries all of its branches", state(BAD, one(task("q")), Retry=[ENTRY]), output=[1, 2], sleeps=[1],
         resources={**FLAKY, "q": 2}),
    Case("catches a branch's error", state(BAD, Catch=[{**ENTRY, "Next": "Other"}]), output=TOLD, to="Other",
         resources=BROKEN),
    Case("catches it as a failure of a branch",
         state(BAD, Catch=[{"ErrorEquals": ["States.BranchFailed"], "Next": "Other"}]), output=TOLD, to="Other",
         resources=BROKEN),
    Case("goes elsewhere", state(SAME, Next="Other"), output=[{"a": 1}], to="Other"),
    Case("ends the machine", state(SAME, End=True), output=[{"a": 1}], to=None),
]  # fmt: skip
PARALLEL = Cases(
    path=[
        *_BOTH,
        Case("begins at its input path", state(SAME, InputPath="$.a"), output=[1]),
        Case("sends parameters", state(SAME, Parameters={"p.$": "$x"}), output=[{"p": 5}]),
        Case("selects of the results", state(SAME, ResultSelector={"s.$": "$[0].a"}), output={"s": 1}),
        Case("puts the results", state(SAME, ResultPath="$.r"), output={"a": 1, "r": [{"a": 1}]}),
        Case("leaves by its output path", state(SAME, OutputPath="$[0].a"), output=1),
        Case("assigns from the results", state(SAME, Assign={"y.$": "$[0].a"}), output=[{"a": 1}], assigned={"y": 1}),
        Case("is written in its own language", state(SAME, QueryLanguage="JSONata", Output="{% $x %}"), output=5),
        Case(
            "keeps the variables of a branch in it",
            state(one(passing(Assign={"y": 1, "x": 2})), one(passing(Parameters={"x.$": "$x"}))),
            output=[{"a": 1}, {"x": 5}],
            assigned={},
        ),
    ],
    query=[
        *_BOTH,
        Case("sends arguments", state(SAME, Arguments={"p": "{% $x %}"}), output=[{"p": 5}]),
        Case("computes its output", state(SAME, Output="{% $states.result[0].a %}"), output=1),
        Case(
            "assigns from the results",
            state(SAME, Assign={"y": "{% $count($states.result) %}"}),
            output=[{"a": 1}],
            assigned={"y": 1},
        ),
        Case("is written in its own language", state(SAME, QueryLanguage="JSONata"), output=[{"a": 1}]),
    ],
)
