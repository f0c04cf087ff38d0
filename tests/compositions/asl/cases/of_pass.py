"""Cases of Pass."""

from tests.compositions.asl.cases.case import Case, Cases


def state(**fields):
    return {"Type": "Pass", **fields}


PASS = Cases(
    path=[
        Case("hands on its input", state(Comment="why"), output={"a": 1}),
        Case("is written in its own language", state(QueryLanguage="JSONPath"), output={"a": 1}),
        Case("begins at its input path", state(InputPath="$.a"), output=1),
        Case("begins empty", state(InputPath=None), output={}),
        Case("begins in the context object", state(InputPath="$$.State.Name"), output="State"),
        Case("begins at a variable", state(InputPath="$list[1]"), output=2),
        Case("fills its parameters", state(Parameters={"p.$": "$.a", "q": "$.a"}), output={"p": 1, "q": "$.a"}),
        Case("fills arrays and objects", state(Parameters={"p": [{"q.$": "$x"}]}), output={"p": [{"q": 5}]}),
        Case("calls functions", state(Parameters={"p.$": "States.MathAdd($.a, $x)"}), output={"p": 6}),
        Case("gives its result as it is", state(Result={"r.$": "$.a"}), output={"r.$": "$.a"}),
        Case("gives null", state(Result=None), output=None),
        Case("puts its result", state(Result=2, ResultPath="$.r.s"), output={"a": 1, "r": {"s": 2}}),
        Case("drops its result", state(Result=2, ResultPath=None), output={"a": 1}),
        Case("puts its result over an item", state(Result=9, ResultPath="$[0]"), value=[1, 2], output=[9, 2]),
        Case("leaves by its output path", state(Result=2, ResultPath="$.r", OutputPath="$.r"), output=2),
        Case("leaves nothing", state(OutputPath=None), output={}),
        Case(
            "assigns from its result",
            state(Result={"n": 2}, Assign={"y.$": "$.n", "z": "$.n", "w.$": "$x"}),
            output={"n": 2},
            assigned={"y": 2, "z": "$.n", "w": 5},
        ),
        Case("goes elsewhere", state(Next="Other"), output={"a": 1}, to="Other"),
        Case("ends the machine", state(End=True), output={"a": 1}, to=None),
        Case("needs what its path names", state(InputPath="$.b"), error="States.Runtime", cause="$.b"),
        Case(
            "cannot put into a number",
            state(Result=2, ResultPath="$.a.b"),
            error="States.ResultPathMatchFailure",
        ),
    ],
    query=[
        Case("hands on its input", state(Comment="why"), output={"a": 1}),
        Case("is written in its own language", state(QueryLanguage="JSONata", Output="{% $x %}"), output=5),
        Case("computes its output", state(Output={"o": "{% $states.input.a + $x %}"}), output={"o": 6}),
        Case("gives what is no expression as it is", state(Output=["x", None, 1]), output=["x", None, 1]),
        Case(
            "assigns from its input, with the variables as they were",
            state(Assign={"y": "{% $states.input.a %}", "z": "{% $x + 1 %}"}, Output="{% $x %}"),
            output=5,
            assigned={"y": 1, "z": 6},
        ),
        Case("goes elsewhere", state(Next="Other"), output={"a": 1}, to="Other"),
        Case("ends the machine", state(End=True), output={"a": 1}, to=None),
        Case("needs a value", state(Output="{% $states.input.b %}"), error="States.QueryEvaluationError"),
    ],
)
