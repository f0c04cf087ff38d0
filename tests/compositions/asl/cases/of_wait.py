"""Cases of Wait; the clock begins at 2023-11-14T22:13:20Z."""

from tests.compositions.asl.cases.case import Case, Cases


def state(**fields):
    return {"Type": "Wait", **fields}


TEN = "2023-11-14T22:13:30Z"

WAIT = Cases(
    path=[
        Case("waits so many seconds", state(Comment="why", Seconds=7), output={"a": 1}, waited=7),
        Case("waits not at all", state(Seconds=0), output={"a": 1}, waited=0),
        Case("reads its seconds", state(SecondsPath="$.a"), output={"a": 1}, waited=1),
        Case("reads its seconds of a variable", state(SecondsPath="$x"), output={"a": 1}, waited=5),
        Case("waits until a moment", state(Timestamp=TEN), output={"a": 1}, waited=10),
        Case("does not wait for the past", state(Timestamp="2020-01-01T00:00:00Z"), output={"a": 1}, waited=0),
        Case("reads its moment", state(TimestampPath="$.t"), value={"t": TEN}, output={"t": TEN}, waited=10),
        Case(
            "begins at its input path", state(InputPath="$.w", SecondsPath="$.s"), {"w": {"s": 3}}, {"s": 3}, waited=3
        ),
        Case("leaves by its output path", state(Seconds=1, OutputPath="$.a"), output=1, waited=1),
        Case("assigns from its input", state(Seconds=1, Assign={"y.$": "$.a"}), output={"a": 1}, assigned={"y": 1}),
        Case("goes elsewhere", state(Seconds=1, Next="Other"), output={"a": 1}, to="Other"),
        Case("ends the machine", state(Seconds=1, End=True), output={"a": 1}, to=None),
        Case("needs a whole number", state(SecondsPath="$.a"), {"a": 1.5}, error="States.Runtime", cause="long value"),
        Case("is written in its own language", state(QueryLanguage="JSONata", Seconds="{% $x %}"), {}, {}, waited=5),
    ],
    query=[
        Case("waits so many seconds", state(Comment="why", Seconds=7), output={"a": 1}, waited=7),
        Case("computes its seconds", state(Seconds="{% $states.input.a + $x %}"), output={"a": 1}, waited=6),
        Case("waits until a moment", state(Timestamp=TEN), output={"a": 1}, waited=10),
        Case("computes its moment", state(Timestamp="{% $states.input.t %}"), {"t": TEN}, {"t": TEN}, waited=10),
        Case("computes its output", state(Seconds=1, Output="{% $states.input.a %}"), output=1, waited=1),
        Case("assigns from its input", state(Seconds=1, Assign={"y": "{% $x %}"}), output={"a": 1}, assigned={"y": 5}),
        Case("goes elsewhere", state(Seconds=1, Next="Other"), output={"a": 1}, to="Other"),
        Case("ends the machine", state(Seconds=1, End=True), output={"a": 1}, to=None),
        Case("refuses less than nothing", state(Seconds="{% 0 - 1 %}"), error="States.QueryEvaluationError"),
        Case("is written in its own language", state(QueryLanguage="JSONata", Seconds=2), {}, {}, waited=2),
    ],
)
