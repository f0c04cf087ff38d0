"""The shape of a definition: states, edges, reach, endpoints, longest time."""

import pytest

from compositions.asl.outline import Edge, Endpoint, outline

LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:ask"
HTTP = "arn:aws:states:::http:invoke"


def machine(states, start=None):
    return {"StartAt": start or next(iter(states)), "States": states}


def task(seconds=None, **fields):
    return {"Type": "Task", "Resource": LAMBDA, **({"TimeoutSeconds": seconds} if seconds else {}), **fields}


def test_every_way_between_states_is_an_edge_of_its_kind():
    drawn = outline(
        machine(
            {
                "Ask": task(Next="Fork", Catch=[{"ErrorEquals": ["Busy", "Late"], "Next": "Sorry"}]),
                "Fork": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Each"}],
                    "Default": "Sorry",
                },
                "Each": {"Type": "Map", "ItemProcessor": machine({"One": {"Type": "Succeed"}}), "Next": "Both"},
                "Both": {
                    "Type": "Parallel",
                    "Branches": [machine({"L": {"Type": "Succeed"}}), machine({"R": {"Type": "Fail"}})],
                    "End": True,
                },
                "Sorry": {"Type": "Fail"},
            }
        )
    )
    assert set(drawn.edges) == {
        Edge("/States/Ask", "/States/Fork", "next"),
        Edge("/States/Ask", "/States/Sorry", "catch", "Busy, Late"),
        Edge("/States/Fork", "/States/Each", "choice", "$.n NumericEquals 1"),
        Edge("/States/Fork", "/States/Sorry", "default"),
        Edge("/States/Each", "/States/Each/ItemProcessor/States/One", "branch"),
        Edge("/States/Each", "/States/Both", "next"),
        Edge("/States/Both", "/States/Both/Branches[0]/States/L", "branch", "1"),
        Edge("/States/Both", "/States/Both/Branches[1]/States/R", "branch", "2"),
    }
    assert all(state.is_reached for state in drawn.states)
    assert [state.name for state in drawn.states if state.is_start] == ["Ask", "One", "L", "R"]
    assert [state.name for state in drawn.states if state.is_end] == ["Both", "Sorry", "One", "L", "R"]


@pytest.mark.parametrize(
    ("rule", "label"),
    [
        ({"Condition": "{% $n > 1 %}"}, "$n > 1"),
        ({"And": [{}, {}]}, "2 rules, all"),
        ({"Or": [{}]}, "1 rules, any"),
        ({"Not": {"Variable": "$.a", "IsNull": True}}, "not $.a IsNull True"),
        ({}, ""),
    ],
)
def test_a_rule_is_said_in_short(rule, label):
    drawn = outline(machine({"A": {"Type": "Choice", "Choices": [{**rule, "Next": "Z"}]}, "Z": {"Type": "Succeed"}}))
    assert [edge.label for edge in drawn.edges] == [label]


def test_states_that_nothing_leads_to_are_not_reached_nor_what_is_inside_them():
    island = {"Type": "Parallel", "Branches": [machine({"In": {"Type": "Succeed"}})], "Next": "Island"}
    drawn = outline(machine({"A": {"Type": "Succeed"}, "Island": island}))
    assert [state.name for state in drawn.states if not state.is_reached] == ["Island", "In"]


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        ({"Resource": LAMBDA}, Endpoint(LAMBDA, LAMBDA)),
        (
            {"Resource": HTTP, "Parameters": {"ApiEndpoint": "https://x/y", "Method": "GET"}},
            Endpoint(HTTP, "https://x/y", "GET"),
        ),
        ({"Resource": HTTP, "Parameters": {"ApiEndpoint.$": "$.u"}}, Endpoint(HTTP, is_computed=True)),
        (
            {"Resource": HTTP, "Arguments": {"ApiEndpoint": "{% $u %}", "Method": "{% $m %}"}},
            Endpoint(HTTP, is_computed=True),
        ),
        ({"Resource": HTTP, "Arguments": "{% $all %}"}, Endpoint(HTTP, is_computed=True)),
        ({"Resource": HTTP}, Endpoint(HTTP)),
        (
            {"Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "m"}},
            Endpoint("arn:aws:states:::states:startExecution.sync:2", "m"),
        ),
        ({"Resource": 5}, Endpoint("")),
    ],
)
def test_a_task_shows_whom_it_calls(fields, endpoint):
    assert outline(machine({"A": {"Type": "Task", **fields, "End": True}})).states[0].endpoint == endpoint


@pytest.mark.parametrize(
    ("states", "seconds"),
    [
        ({"A": task(5, Next="B"), "B": {"Type": "Wait", "Seconds": 3, "End": True}}, 8),
        (
            {"A": task(5, Retry=[{"ErrorEquals": ["E"], "MaxAttempts": 2, "IntervalSeconds": 1}], End=True)},
            3 * 5 + 1 + 2,
        ),
        (
            {
                "A": task(
                    5,
                    Retry=[
                        {
                            "ErrorEquals": ["E"],
                            "MaxAttempts": 3,
                            "IntervalSeconds": 4,
                            "BackoffRate": 3,
                            "MaxDelaySeconds": 10,
                        }
                    ],
                    End=True,
                )
            },
            4 * 5 + 4 + 10 + 10,
        ),
        (
            {
                "A": {
                    "Type": "Parallel",
                    "Branches": [machine({"x": task(2, End=True)}), machine({"y": task(7, End=True)})],
                    "Next": "B",
                },
                "B": task(1, End=True),
            },
            8,
        ),
        ({"A": {"Type": "Map", "ItemProcessor": machine({"x": task(2, End=True)}), "End": True}}, 2),
        (
            {
                "A": {"Type": "Choice", "Choices": [{"Next": "B"}], "Default": "C"},
                "B": task(9, End=True),
                "C": task(4, End=True),
            },
            9,
        ),
        (
            {
                "A": task(2, Next="B", Catch=[{"ErrorEquals": ["E"], "Next": "C"}]),
                "B": task(1, End=True),
                "C": task(6, End=True),
            },
            8,
        ),
        (
            {
                "A": task(2, Next="B"),
                "B": task(3, Next="A", Catch=[{"ErrorEquals": ["E"], "Next": "C"}]),
                "C": {"Type": "Fail"},
            },
            5,
        ),
    ],
)
def test_the_longest_way_is_summed(states, seconds):
    assert outline(machine(states)).longest_seconds == seconds


def test_states_without_a_bound_and_states_on_loops_are_listed():
    drawn = outline(
        machine({"A": task(Next="B"), "B": {"Type": "Wait", "SecondsPath": "$.s", "Next": "B"}, "C": task(1, End=True)})
    )
    assert drawn.unbounded == ("/States/A", "/States/B")
    assert drawn.looping == ("/States/B",)


def test_large_definitions_are_cut():
    drawn = outline(machine({f"s{i}": {"Type": "Pass", "Next": f"s{i + 1}"} for i in range(10_001)}))
    assert drawn.is_truncated
    assert len(drawn.states) == 10_000


@pytest.mark.parametrize(
    "definition", [None, [], "x", {}, {"States": []}, {"States": {"A": 1}}, {"StartAt": [], "States": {"A": {}}}]
)
def test_what_is_no_definition_has_no_shape(definition):
    assert outline(definition).longest_seconds == 0
