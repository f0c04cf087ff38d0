"""Cases of Fail."""

from tests.compositions.asl.cases.case import Case, Cases


def state(**fields):
    return {"Type": "Fail", **fields}


FAIL = Cases(
    path=[
        Case("says nothing", state(Comment="why"), to=None),
        Case("says its error", state(Error="E"), error="E"),
        Case("says its cause", state(Error="E", Cause="so"), error="E", cause="so"),
        Case("reads its error", state(ErrorPath="$.e"), value={"e": "Mine"}, error="Mine"),
        Case("reads its error of a variable", state(ErrorPath="States.Format('E{}', $x)"), error="E5"),
        Case("reads its cause", state(Error="E", CausePath="$.c"), value={"c": "so"}, error="E", cause="so"),
        Case("composes its cause", state(Error="E", CausePath="States.Format('at {}', $.a)"), error="E", cause="at 1"),
        Case("needs a text", state(ErrorPath="$.a"), error="States.Runtime", cause="must refer to a string"),
        Case("is written in its own language", state(QueryLanguage="JSONata", Error="{% 'E' & $x %}"), error="E5"),
    ],
    query=[
        Case("says its error", state(Comment="why", Error="E"), error="E"),
        Case("computes its error", state(Error="{% 'E' & $states.input.a %}"), error="E1"),
        Case("computes its cause", state(Error="E", Cause="{% 'at ' & $string($x) %}"), error="E", cause="at 5"),
        Case("needs a text", state(Error="{% 1 %}"), error="States.QueryEvaluationError"),
        Case("is written in its own language", state(QueryLanguage="JSONata", Error="E"), error="E"),
    ],
)
