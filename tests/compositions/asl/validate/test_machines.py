"""Machines: their own fields, names, query languages, machines inside machines, machine types, sizes."""

import pytest

from compositions.asl.validate import EXPRESS, validate
from tests.compositions.asl.validate.definitions import BRANCH, END, LAMBDA, machine, only, said, state

PASS = {"Type": "Pass", **END}


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        ("Comment", ["", "x"], [1, None]),
        ("Version", ["1.0"], ["2.0", "1", 1.0]),
        ("TimeoutSeconds", [1, 99_999_999], [0, -5, 1.5, "1", 100_000_000]),
        ("QueryLanguage", ["JSONPath", "JSONata"], ["jsonata", "", None, 1]),
        ("Name", [], ["x"]),
    ],
)
def test_a_machine_takes_its_own_fields(field, taken, refused):
    for value in taken:
        assert validate(machine({"A": PASS}, **{field: value})) == []
    for value in refused:
        assert only(machine({"A": PASS}, **{field: value})).path in ("/", f"/{field}")


@pytest.mark.parametrize("definition", [None, 1, True, [], "null", "[]", '"x"', "  ", object()])
def test_a_definition_is_an_object(definition):
    assert "Definition must be a valid JSON object" in only(definition).message


def test_what_a_machine_misses_is_named_at_once():
    assert only({}).message.startswith("These fields are required: [States, StartAt]")
    assert only({"States": {"A": PASS}}).message.startswith("These fields are required: [StartAt]")
    assert only({"StartAt": "A"}).message.startswith("These fields are required: [States]")


@pytest.mark.parametrize(
    ("states", "path"), [([], "/States"), ({}, "/States"), ({"A": 1}, "/States/A"), (None, "/States")]
)
def test_states_is_an_object_of_objects(states, path):
    assert path in [at for at, _ in said({"StartAt": "A", "States": states})]


@pytest.mark.parametrize(
    ("kind", "path"),
    [("pass", "/States/A/Type"), ("", "/States/A/Type"), (1, "/States/A/Type"), (None, "/States/A/Type")],
)
def test_a_type_is_one_of_eight(kind, path):
    assert (
        "Write one of Pass, Task, Choice, Wait, Succeed, Fail, Parallel, Map"
        in dict(said(machine({"A": {**PASS, "Type": kind}})))[path]
    )


def test_a_state_without_type_is_told_so():
    assert "[Type]" in dict(said(machine({"A": END})))["/States/A"]


def test_names_have_at_most_eighty_characters():
    assert validate(machine({"ä" * 80: PASS})) == []
    assert only(machine({"ä" * 81: PASS})).code == "INVALID_STATE_NAME"
    assert only(machine({" ": PASS})).code == "INVALID_STATE_NAME"


def test_names_are_unique_in_the_whole_definition():
    definition = machine({"Inside": {"Type": "Parallel", "Branches": [BRANCH], "End": True}})
    assert only(definition).code == "DUPLICATE_STATE_NAME"
    assert only(definition).path == "/States/Inside/Branches[0]/States/Inside"


def test_labels_are_unique():
    def labelled(name: str) -> dict:
        inside = {"StartAt": name, "States": {name: PASS}}
        return {"Type": "Map", "Label": "same", "ItemProcessor": inside}

    definition = machine({"A": {**labelled("x"), "Next": "B"}, "B": {**labelled("y"), "End": True}})
    assert only(definition).code == "DUPLICATE_LABEL_NAME"


def test_a_state_may_turn_to_jsonata_but_not_back():
    assert validate(machine({"A": {**PASS, "QueryLanguage": "JSONata", "Output": "{% 1 %}"}})) == []
    problem = only(machine({"A": {**PASS, "QueryLanguage": "JSONPath"}}, QueryLanguage="JSONata"))
    assert problem.path == "/States/A"
    assert problem.message.startswith(
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
    )


def test_a_query_language_that_is_neither_is_a_problem_of_its_own():
    problems = said(machine({"A": {**PASS, "QueryLanguage": "XPath", "Output": 1}}))
    assert [path for path, _ in problems] == ["/States/A/QueryLanguage"]


@pytest.mark.parametrize("holder", ["ItemProcessor", "Iterator", "Branches"])
def test_a_machine_inside_has_the_query_language_of_the_whole_not_of_its_holder(holder):
    inside = {"StartAt": "In", "States": {"In": {**PASS, "Output": 1}}}
    kind = "Parallel" if holder == "Branches" else "Map"
    held = [inside] if holder == "Branches" else inside
    outer = {"Type": kind, "QueryLanguage": "JSONata", holder: held, "End": True}
    place = f"/States/Out/{holder}[0]" if holder == "Branches" else f"/States/Out/{holder}"
    assert only(machine({"Out": outer})).path == f"{place}/States/In"
    assert validate(machine({"Out": {**outer, "QueryLanguage": "JSONata"}}, QueryLanguage="JSONata")) == []


@pytest.mark.parametrize("field", ["QueryLanguage", "Version", "TimeoutSeconds", "ProcessorConfig"])
def test_a_branch_has_no_fields_of_the_whole(field):
    problem = only(state("Parallel", Branches=[{**BRANCH, field: "1.0"}]))
    assert problem.path == "/States/State/Branches[0]"
    assert f"Field '{field}' is not supported" in problem.message


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Mode": "DISTRIBUTED"}, "[ExecutionType]"),
        ({"Mode": "DISTRIBUTED", "ExecutionType": "FAST"}, "[STANDARD, EXPRESS]"),
        ({"Speed": 1}, "Field 'Speed' is not supported"),
        ([], "Expected value of type Object"),
    ],
)
def test_a_processor_config_is_checked(config, words):
    assert words in only(state("Map", ItemProcessor={**BRANCH, "ProcessorConfig": config})).message


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "'.waitForTaskToken' service integration"),
        ("arn:aws:states:::states:startExecution.sync", "'.sync' service integration"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration"),
        ("arn:aws:states:eu-west-1:123456789012:activity:dig", "activities"),
    ],
)
def test_an_express_machine_waits_for_no_one(resource, words):
    definition = state("Task", Resource=resource)
    assert validate(definition) == []
    problem = only(definition, machine_type=EXPRESS)
    assert problem.path == "/States/State/Resource"
    assert problem.message.startswith("Express state machine does not support")
    assert words in problem.message
    assert validate(state("Task", Resource=LAMBDA), machine_type=EXPRESS) == []


def test_the_states_of_a_distributed_map_are_judged_as_what_they_run_as():
    task = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", **END}

    def items(execution: str) -> dict:
        config = {"Mode": "DISTRIBUTED", "ExecutionType": execution}
        return state("Map", ItemProcessor={"StartAt": "In", "States": {"In": task}, "ProcessorConfig": config})

    assert validate(items("STANDARD")) == []
    assert only(items("EXPRESS")).path == "/States/State/ItemProcessor/States/In/Resource"
    assert "DISTRIBUTED" in only(items("STANDARD"), machine_type=EXPRESS).message


def test_a_definition_has_at_most_a_mebibyte():
    comment = "x" * 1_048_576
    assert "at most 1048576" in only(machine({"A": PASS}, Comment=comment)).message
    assert "at most 1048576" in only(f'{{"Comment": "{comment}"}}').message


def test_a_definition_that_nests_too_deeply_is_refused():
    deep = {}
    for _ in range(300):
        deep = {"a": deep}
    assert only(machine({"A": {**PASS, "Result": deep}})).code == "TOO_DEEPLY_NESTED"
    assert only('{"a":' * 100_000 + "1" + "}" * 100_000).code == "TOO_DEEPLY_NESTED"


def test_everything_wrong_is_said_at_once():
    definition = {
        "StartAt": "A",
        "Colour": "red",
        "States": {
            "A": {"Type": "Task", "Resource": "x", "TimeoutSeconds": 0, "Next": "Nowhere"},
            "B": {"Type": "Wait", "Seconds": -1, "End": True},
        },
    }
    assert [path for path, _ in said(definition)] == [
        "/",
        "/States/A/Resource",
        "/States/A/TimeoutSeconds",
        "/States/B/Seconds",
        "/States/A/Next",
        "/States/B",
    ]
    assert all(message.endswith((".", "?")) for _, message in said(definition))
