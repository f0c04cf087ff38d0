"""Cases of Succeed."""

from tests.compositions.asl.cases.case import Case, Cases


def state(**fields):
    return {"Type": "Succeed", **fields}


SUCCEED = Cases(
    path=[
        Case("ends with its input", state(Comment="done"), output={"a": 1}, to=None),
        Case("begins at its input path", state(InputPath="$.a"), output=1, to=None),
        Case("begins empty", state(InputPath=None), output={}, to=None),
        Case("leaves by its output path", state(OutputPath="$.a"), output=1, to=None),
        Case("leaves nothing", state(OutputPath=None), output={}, to=None),
        Case("is written in its own language", state(QueryLanguage="JSONata", Output="{% $x %}"), output=5, to=None),
    ],
    query=[
        Case("ends with its input", state(Comment="done"), output={"a": 1}, to=None),
        Case("computes its output", state(Output={"o": "{% $states.input.a %}"}), output={"o": 1}, to=None),
        Case("is written in its own language", state(QueryLanguage="JSONata"), output={"a": 1}, to=None),
    ],
)
