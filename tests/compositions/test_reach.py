"""Which targets a definition reaches, how often, and which of them it cannot do without."""

from typing import Any

import pytest

from compositions.reach import Reach, reach
from compositions.surroundings import Neighbour, Surroundings
from tests.compositions.workflows import Definition, asking, express, nested, task, workflow

BASES = {slug: f"http://{slug}.example.com" for slug in ("a", "b", "c")}
DONE: Definition = {"Type": "Succeed"}
SORRY: Definition = {"Type": "Fail", "Error": "Sorry"}


def catch(state: str, *names: str) -> Definition:
    return {"Catch": [{"ErrorEquals": list(names) or ["States.ALL"], "Next": state}]}


def of(definition: Definition, **compositions: Definition) -> Reach:
    known = {slug: Neighbour(slug, "EXPRESS", inner) for slug, inner in compositions.items()}
    return reach(definition, Surroundings(base_urls=BASES, compositions=known))


def needs(definition: Definition, **compositions: Definition) -> tuple[str, str]:
    found = of(definition, **compositions)
    return "".join(sorted(found.required)), "".join(sorted(found.optional))


def choice(*ways: str) -> Definition:
    rules = [{"Condition": "{% $states.input.x %}", "Next": way} for way in ways[1:]]
    return {"Type": "Choice", "Choices": rules, "Default": ways[0]}


def mapping(inner: Definition, **rest: Any) -> Definition:
    return {"Type": "Map", "ItemProcessor": inner, "End": True, **rest}


@pytest.mark.parametrize(
    ("definition", "required", "optional"),
    [
        (asking("a"), "a", ""),
        (workflow(One=task("a", Next="Two"), Two=task("b")), "ab", ""),
        (workflow(One=task("a", **catch("Done")), Done=DONE), "", "a"),
        (workflow(One=task("a", **catch("Sorry")), Sorry=SORRY), "a", ""),
        (workflow(One=task("a", **catch("Done", "States.Timeout")), Done=DONE), "a", ""),
        (workflow(One=task("a", **catch("Done", "Breaker.Open")), Done=DONE), "", "a"),
        (workflow(One=task("a", **catch("Undo")), Undo=task("b", Next="Sorry"), Sorry=SORRY), "a", "b"),
        (workflow(One=task("a", **catch("Other")), Other=task("b")), "", "ab"),
        (workflow(Way=choice("One", "Two"), One=task("a"), Two=task("b")), "ab", ""),
        (workflow(One=task("a"), Lost=task("b")), "a", ""),
        (express("a", "b"), "ab", ""),
        (workflow(**express("a", "b", **catch("Done"))["States"], Done=DONE), "", "ab"),
        (workflow(Each=mapping(asking("a"))), "a", ""),
        (workflow(Each=mapping(asking("a"), ToleratedFailurePercentage=100)), "", "a"),
        (nested("inner"), "a", "b"),
        (nested("inner", Resource="arn:aws:states:::states:startExecution"), "", "ab"),
        (workflow(**nested("inner", **catch("Done"))["States"], Done=DONE), "", "ab"),
        (nested("nothing"), "", ""),
        (asking("unknown"), "", ""),
    ],
)
def test_what_a_definition_needs_and_what_it_can_do_without(
    definition: Definition, required: str, optional: str
) -> None:
    inner = workflow(One=task("a", Next="Two"), Two=task("b", **catch("Done")), Done=DONE)
    assert needs(definition, inner=inner) == (required, optional)


def test_a_target_that_is_needed_somewhere_is_required() -> None:
    assert needs(workflow(One=task("a", Next="Two", **catch("Two")), Two=task("a"))) == ("a", "")


def test_calls_are_the_most_on_any_way_with_every_attempt() -> None:
    twice = {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}
    definition = workflow(
        Way=choice("One", "Two"), One=task("a", Next="Three", **twice), Two=task("b", Next="Three"), Three=task("a")
    )
    assert of(definition).calls == {"a": 3, "b": 1}
    assert of(express("a", "a", "b", **twice)).calls == {"a": 4, "b": 2}
    assert of(nested("inner", **twice), inner=express("a", "a")).calls == {"a": 4}


def test_usual_calls_are_those_of_a_run_that_goes_well() -> None:
    twice = {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]}
    undone = workflow(
        Pay=task("a", Next="Ship", **twice),
        Ship=task("b", Next="Done", **catch("Refund")),
        Refund=task("a", Next="Sorry", **twice),
        Done=DONE,
        Sorry=SORRY,
    )
    assert (of(undone).calls, of(undone).usual) == ({"a": 4, "b": 1}, {"a": 1, "b": 1})
    assert of(express("a", "a", "b", **twice)).usual == {"a": 2, "b": 1}
    assert of(nested("inner", **twice), inner=express("a", "a")).usual == {"a": 2}


def test_loops_and_maps_leave_their_calls_uncounted() -> None:
    loop = workflow(One=task("a", Next="Way"), Way=choice("One", "Two"), Two=task("b"))
    assert (of(loop).calls, of(loop).uncounted) == ({"a": 1, "b": 1}, {"a"})
    assert of(workflow(Each=mapping(asking("c")))).uncounted == {"c"}


def test_compositions_that_run_each_other_end() -> None:
    found = of(nested("inner"), inner=nested("outer"), outer=nested("inner"))
    assert found.compositions == {"inner", "outer"}


def test_a_workflow_that_lets_its_caller_choose_calls_what_the_input_names() -> None:
    address = "{% 'target://' & $states.input.target & '/x' %}"
    breaker = workflow(Ask={**task("a"), "Arguments": {"ApiEndpoint": address, "Method": "GET"}})

    def running(handed: Definition) -> Definition:
        definition = nested("breaker")
        definition["States"]["Run"]["Arguments"]["Input"] = handed
        return definition

    assert needs(running({"target": "a", "path": "/x"}), breaker=breaker) == ("a", "")
    assert needs(running({"address": "{% 'target://b/' & $states.input.id %}"}), breaker=breaker) == ("b", "")
    assert needs(running({"target": "a"}), breaker=asking("c")) == ("c", ""), "it chooses by itself"
    assert of(running({"target": "a"}), breaker=breaker).calls == {"a": 1}
