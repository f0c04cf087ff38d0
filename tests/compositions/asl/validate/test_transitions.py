"""How states lead to each other."""

import pytest

from compositions.asl.validate import validate
from tests.compositions.asl.validate.definitions import BRANCH, END, LAMBDA, machine, only, said

DONE = {"Type": "Succeed"}
PASS = {"Type": "Pass"}
RULE = {"Variable": "$.a", "IsNull": True}


@pytest.mark.parametrize(
    ("state", "path"),
    [
        ({"Type": "Pass", "Next": "Gone"}, "/States/A/Next"),
        ({"Type": "Choice", "Choices": [{**RULE, "Next": "Z"}, {**RULE, "Next": "Gone"}]}, "/States/A/Choices[1]/Next"),
        ({"Type": "Choice", "Choices": [{**RULE, "Next": "Z"}], "Default": "Gone"}, "/States/A/Default"),
        (
            {"Type": "Task", "Resource": LAMBDA, "Catch": [{"ErrorEquals": ["E"], "Next": "Gone"}], "Next": "Z"},
            "/States/A/Catch[0]/Next",
        ),
    ],
)
def test_a_target_must_exist(state, path):
    definition = machine({"A": state, "Z": DONE, "Y": {**PASS, "Next": "Z"}, "X": {**PASS, "Next": "Y"}}, "A")
    definition["States"].pop("X")
    definition["States"].pop("Y")
    problems = validate(definition)
    assert (path, "MISSING_TRANSITION_TARGET") in [(problem.path, problem.code) for problem in problems]
    assert "Missing 'Next' target: Gone" in str(problems)


def test_the_start_must_exist():
    problems = said(machine({"A": {**PASS, "Next": "Z"}, "Z": DONE}, "Gone"))
    assert [path for path, _ in problems] == ["/StartAt", "/States/A"]


def test_a_state_that_nothing_names_is_not_reachable():
    problem = only(machine({"A": {**PASS, **END}, "B": {**PASS, **END}}))
    assert (problem.path, problem.code) == ("/States/B", "MISSING_TRANSITION_TARGET")
    assert problem.message.startswith('State "B" is not reachable.')


@pytest.mark.parametrize("end", [{"Type": "Succeed"}, {"Type": "Fail"}, {"Type": "Pass", "End": True}])
def test_a_machine_needs_a_way_out(end):
    assert validate(machine({"A": {**PASS, "Next": "B"}, "B": end})) == []
    loop = machine({"A": {**PASS, "Next": "B"}, "B": {**PASS, "Next": "A"}})
    assert (only(loop).code, only(loop).path) == ("MISSING_END_STATE", "/")


def test_states_of_a_branch_lead_only_to_each_other():
    out = {"StartAt": "In", "States": {"In": {**PASS, "Next": "After"}}}
    definition = machine({"A": {"Type": "Parallel", "Branches": [out], "Next": "After"}, "After": DONE})
    assert "/States/A/Branches[0]/States/In/Next" in dict(said(definition))
    into = machine({"A": {"Type": "Parallel", "Branches": [BRANCH], "Next": "Inside"}, "Z": DONE})
    assert "/States/A/Next" in dict(said(into))


def test_loops_with_a_way_out_are_fine():
    states = {"A": {**PASS, "Next": "B"}, "B": {"Type": "Choice", "Choices": [{**RULE, "Next": "A"}], "Default": "Z"}}
    assert validate(machine({**states, "Z": DONE})) == []


def test_end_false_goes_on():
    assert validate(machine({"A": {**PASS, "End": False, "Next": "Z"}, "Z": DONE})) == []
    assert "/States/A" in dict(said(machine({"A": {**PASS, "End": False}, "Z": DONE}, "A")))
