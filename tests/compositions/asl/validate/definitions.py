"""Small definitions to judge: one state, or several, with everything else as it should be."""

from typing import Any

from compositions.asl.validate import Problem, validate

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:ask"
END = {"End": True}
BRANCH = {"StartAt": "Inside", "States": {"Inside": {"Type": "Pass", "End": True}}}

# The least that each kind of state needs.
LEAST: dict[str, dict[str, Any]] = {
    "Pass": END,
    "Task": {"Resource": LAMBDA, **END},
    "Choice": {"Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "After"}]},
    "Wait": {"Seconds": 1, **END},
    "Succeed": {},
    "Fail": {},
    "Parallel": {"Branches": [BRANCH], **END},
    "Map": {"ItemProcessor": BRANCH, **END},
}
LEAST_JSONATA = {**LEAST, "Choice": {"Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "After"}]}}


def machine(states: dict[str, Any], start: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"StartAt": start or next(iter(states)), "States": states, **fields}


def state(kind: str, without: tuple[str, ...] = (), jsonata: bool = False, **fields: Any) -> dict[str, Any]:
    """A definition whose first state is `State`, of `kind`, with `fields`; targets called After exist."""
    least = (LEAST_JSONATA if jsonata else LEAST)[kind]
    made = {name: value for name, value in {"Type": kind, **least, **fields}.items() if name not in without}
    states: dict[str, Any] = {"State": made}
    if "'After'" in str(made):
        states["After"] = {"Type": "Succeed"}
    return machine(states, **({"QueryLanguage": "JSONata"} if jsonata else {}))


def said(definition: Any, **options: Any) -> list[tuple[str, str]]:
    """(path, message) of every problem."""
    return [(problem.path, problem.message) for problem in validate(definition, **options)]


def only(definition: Any, **options: Any) -> Problem:
    problems = validate(definition, **options)
    assert len(problems) == 1, problems
    return problems[0]
