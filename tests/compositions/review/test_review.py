"""What a review says of definitions whose language is right: what could not run here, and what is not advisable."""

import json
from typing import Any

import pytest

from compositions.asl.validate import validate
from compositions.review import ERROR, judge, review
from compositions.surroundings import Neighbour, Service, Surroundings
from tests.compositions.workflows import HTTP, Definition, asking, express, nested, task, workflow

BASES = {"catalog": "http://catalog.example.com", "search": "http://search.example.com/v2", "slow": "http://slow"}
AROUND = Surroundings(base_urls=BASES, timeouts_s={"catalog": 2.0, "search": 2.0, "slow": 30.0})
QUIET = {"Output": "{% $states.result.ResponseBody %}"}
CATCH = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Without"}]}


def found(definition: Definition, around: Surroundings = AROUND, **terms: Any) -> list[tuple[str, str]]:
    """Path and code of each finding, without the hint on whole responses."""
    terms = {"type": "EXPRESS", "deadline_ms": 10_000, **terms}
    assert not validate(definition, machine_type=terms["type"])
    findings = review(definition, around, **terms)
    assert all(finding.message.endswith(".") for finding in findings)
    return [(each.path, each.code) for each in findings if each.code != "whole_response"]


def to(address: str, **rest: Any) -> Definition:
    return workflow(Ask={**task("catalog"), "Arguments": {"ApiEndpoint": address, "Method": "GET"}, **rest})


@pytest.mark.parametrize(
    "address",
    [
        "target://catalog/items",
        "target://catalog",
        "http://catalog.example.com/items",
        "http://search.example.com/v2?q=x",
        "{% 'target://catalog/items/' & $states.input.id %}",
        "{% $states.input.old ? 'target://catalog/a' : 'http://search.example.com/v2/b' %}",
    ],
)
def test_addresses_of_registered_targets_are_fine(address: str) -> None:
    assert found(to(address)) == []


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("target://nowhere/items", "unknown_target"),
        ("http://elsewhere.example.com/", "unknown_target"),
        ("http://search.example.com/v22", "unknown_target"),
        ("{% 'target://nowhere/' & $states.input.id %}", "unknown_target"),
        ("{% $states.input.address %}", "undeclared_target"),
        ("{% 'target://' & $states.input.slug & '/x' %}", "undeclared_target"),
    ],
)
def test_other_addresses_are_told_at_their_place(address: str, code: str) -> None:
    assert found(to(address)) == [("/States/Ask/Arguments/ApiEndpoint", code)]


def test_a_computed_address_may_declare_its_targets_in_the_comment() -> None:
    computed = "{% $states.input.address %}"
    assert found(to(computed, Comment="Asks whom the input names; targets: catalog, search")) == []
    assert [code for _, code in found(to(computed, Comment="targets: catalog, nowhere"))] == ["unknown_target"]


def test_json_paths_tell_their_targets_too() -> None:
    ask = {"Type": "Task", "Resource": HTTP, "End": True, "ResultSelector": {"a.$": "$.ResponseBody"}}
    ask["Parameters"] = {"ApiEndpoint.$": "States.Format('target://nowhere/items/{}', $.id)", "Method": "GET"}
    place = "/States/Ask/Parameters/ApiEndpoint.$"
    assert found({"StartAt": "Ask", "States": {"Ask": ask}}) == [(place, "unknown_target")]


def test_compositions_must_be_known_and_run_no_circle() -> None:
    inner = Neighbour("inner", "EXPRESS", nested("outer"))
    slow = Neighbour("slow", "STANDARD", asking("catalog"))
    around = Surroundings(base_urls=BASES, compositions={"inner": inner, "slow": slow})
    place = "/States/Run/Arguments/StateMachineArn"
    assert found(nested("nothing"), around, slug="outer") == [(place, "unknown_composition")]
    assert found(nested("inner"), around, slug="outer") == [(place, "circle")]
    assert found(nested("outer"), around, slug="outer") == [(place, "circle")]
    assert found(nested("inner"), around, slug="another") == []
    assert found(nested("slow"), around) == [("/States/Run/Resource", "sync_of_standard")]


def test_a_nested_express_workflow_is_waited_for_as_aws_can() -> None:
    around = Surroundings(base_urls=BASES, compositions={"inner": Neighbour("inner", "EXPRESS", asking("catalog"))})
    outer = nested("inner", Resource="arn:aws:states:::states:startExecution.sync:2")
    assert found(outer, around, type="STANDARD", deadline_ms=None) == [("/States/Run/Resource", "sync_of_express")]


def test_a_resource_must_be_served_and_have_what_it_needs() -> None:
    arguments = {"QueueUrl": "https://sqs.example.com/1/q", "MessageBody": "x"}
    resource = "arn:aws:states:::sqs:sendMessage"
    send = workflow(Send={"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True})
    place = "/States/Send/Resource"
    for service, codes in (
        (None, ["resource_not_served"]),
        (Service(standard_only=True), ["standard_only"]),
        (Service(lacks="No AWS endpoint is configured."), ["resource_lacks"]),
        (Service(), []),
    ):
        around = Surroundings(serves=lambda _, service=service: service)
        assert found(send, around) == [(place, code) for code in codes]


def test_an_express_run_leaves_nothing_running_behind() -> None:
    around = Surroundings(base_urls=BASES, compositions={"inner": Neighbour("inner", "STANDARD", asking("catalog"))})
    start = nested("inner", Resource="arn:aws:states:::states:startExecution")
    assert found(start, around) == [("/States/Run/Resource", "standard_only")]
    assert found(start, around, type="STANDARD", deadline_ms=None) == []


def test_distributed_maps_are_language_and_are_not_run_here() -> None:
    each = {"Type": "Map", "End": True, "ItemProcessor": asking("catalog")}
    del each["ItemProcessor"]["QueryLanguage"]
    each["ItemProcessor"]["ProcessorConfig"] = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    each["ItemReader"] = {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "b", "Key": "k"}}
    assert found(workflow(Each=each), type="STANDARD", deadline_ms=None) == [
        ("/States/Each/ItemReader", "distributed_map"),
        ("/States/Each/ItemProcessor/ProcessorConfig/Mode", "distributed_map"),
    ]


@pytest.mark.parametrize(
    ("definition", "deadline_ms", "short"),
    [
        (asking("catalog"), 2_000, False),
        (asking("catalog"), 1_999, True),
        (asking("catalog", TimeoutSeconds=1), 1_000, False),
        (asking("catalog", Retry=[{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]), 4_999, True),
        (workflow(First=task("catalog", Next="Then"), Then=task("search")), 3_999, True),
        (express("catalog", "search", "slow"), 30_000, False),
        (express("catalog", "search", "slow"), 29_999, True),
        (workflow(Rest={"Type": "Wait", "Seconds": 11, "End": True}), 10_000, True),
        ({**workflow(Rest={"Type": "Wait", "Seconds": 11, "End": True}), "TimeoutSeconds": 5}, 10_000, False),
    ],
)
def test_steps_that_may_take_longer_than_the_deadline(definition: Definition, deadline_ms: int, short: bool) -> None:
    assert found(definition, deadline_ms=deadline_ms) == ([("/", "deadline_too_short")] if short else [])


def test_a_nested_composition_takes_its_own_deadline_at_most() -> None:
    inner = Neighbour("inner", "EXPRESS", asking("catalog"), deadline_ms=4_000)
    around = Surroundings(base_urls=BASES, compositions={"inner": inner})
    assert found(nested("inner"), around, deadline_ms=4_000) == []
    assert found(nested("inner"), around, deadline_ms=3_999) == [("/", "deadline_too_short")]


def test_a_task_that_waits_for_ever_is_told() -> None:
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    arguments = {"QueueUrl": "https://sqs.example.com/1/q", "MessageBody": "{% $states.context.Task.Token %}"}
    ask = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}
    standard: dict[str, Any] = {"type": "STANDARD", "deadline_ms": None}
    assert found(workflow(Ask=ask), **standard) == [("/States/Ask", "waits_forever")]
    assert found(workflow(Ask={**ask, "HeartbeatSeconds": 60}), **standard) == []


def test_loops_are_told_unless_a_standard_workflow_rests_in_them() -> None:
    again = {"Type": "Choice", "Choices": [{"Condition": "{% $x %}", "Next": "Ask"}], "Default": "Done"}
    done = {"Type": "Succeed"}
    polling = workflow(Ask=task("catalog", Next="Again"), Again=again, Done=done)
    assert found(polling) == [("/States/Ask", "unbounded_loop")]
    rest = {"Type": "Wait", "Seconds": 60, "Next": "Again"}
    resting = workflow(Ask=task("catalog", Next="Rest"), Rest=rest, Again=again, Done=done)
    assert found(resting, type="STANDARD", deadline_ms=None) == []
    assert [code for _, code in found(resting, deadline_ms=300_000)] == ["unbounded_loop"]


def test_a_loop_without_a_way_out_is_told() -> None:
    definition = workflow(Ask=task("catalog", Next="Rest"), Rest={"Type": "Wait", "Seconds": 1, "Next": "Ask"})
    findings = review(definition, AROUND, type="STANDARD")
    assert ("/States/Ask", "endless_loop") in [(each.path, each.code) for each in findings]


def test_a_branch_without_a_catch_is_told_where_the_answer_may_come_in_parts() -> None:
    plain = express("catalog", "search")
    assert found(plain) == []
    branches = [f"/States/All/Branches[{index}]" for index in (0, 1)]
    assert found(plain, meta=True) == [(path, "branch_without_catch") for path in branches]
    first = plain["States"]["All"]["Branches"][0]
    first["States"]["Ask 1"].update(CATCH)
    first["States"]["Without"] = {"Type": "Pass", "Output": None, "End": True}
    assert found(plain, meta=True) == [(branches[1], "branch_without_catch")]
    assert found(plain) == [(branches[1], "branch_without_catch")], "another branch may fail: parts are meant"


def test_a_whole_response_as_data_is_told() -> None:
    def codes(definition: Definition) -> list[str]:
        return [finding.code for finding in review(definition, AROUND, type="EXPRESS")]

    assert codes(asking("catalog")) == ["whole_response"]
    assert codes(asking("catalog", **QUIET)) == []
    assert codes(express("catalog", "search")) == ["whole_response"] * 2
    assert codes(express("catalog", "search", Output={"both": "{% $states.result.ResponseBody %}"})) == []
    assert codes(workflow(Ask=task("catalog", Next="Done"), Done={"Type": "Pass", "Output": "done", "End": True})) == []


def test_a_write_that_is_repeated_without_a_key_is_told() -> None:
    post: Definition = {"ApiEndpoint": "target://catalog/orders", "Method": "POST"}
    retry = {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}
    place = ("/States/Ask/Retry", "repeated_write")
    assert found(asking("catalog", Arguments=post, **retry)) == [place]
    assert found(asking("catalog", Arguments=post)) == []
    keyed = {**post, "Headers": {"idempotency-key": "{% $states.context.Execution.Id %}"}}
    assert found(asking("catalog", Arguments=keyed, **retry)) == []
    assert found(asking("catalog", Arguments=post, **retry), type="STANDARD", deadline_ms=None) == []


def test_language_is_judged_first_and_texts_have_lines() -> None:
    wrong = json.dumps(workflow(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pess"}), indent=1)
    assert all(each.severity == ERROR and each.line for each in judge(wrong, AROUND, type="EXPRESS"))
    text = json.dumps(asking("nowhere"), indent=1)
    placed = judge(text, AROUND, type="EXPRESS")[0]
    assert text.splitlines()[placed.line - 1][placed.column - 1 :].startswith('"ApiEndpoint"')
    assert judge(asking("nowhere"), AROUND, type="EXPRESS")[0].line is None


def test_errors_come_before_warnings() -> None:
    findings = review(workflow(A=task("catalog", Next="B"), B=task("nowhere")), AROUND, type="EXPRESS")
    assert [each.code for each in findings] == ["unknown_target", "whole_response"]
