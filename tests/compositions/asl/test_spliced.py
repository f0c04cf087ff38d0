"""Bodies that are passed on unread: nothing but speed tells them from what they say."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from compositions.asl import InvalidDefinition, Limits, compile_machine, run
from compositions.asl.values import Spliced, copied, encoded, key, parsed, plain, same, size, spliced, text
from tests.compositions.asl.machines import runs, values
from tests.compositions.asl.world import Failure, Slow, World, jsonata, machine, one, passing, task
from tests.searching import examples

BODY = b'{ "id": 1, "tags": ["a", null], "more": "' + b"x" * 600 + b'"}'


def unread(value: Any) -> Any:
    """The same value, every container of it as a text with room in it."""
    return Spliced(json.dumps(value, indent=1).encode()) if isinstance(value, dict | list) else value


def is_unread(body: Any) -> bool:
    return type(body) is Spliced and body._value is None


def test_a_large_body_is_checked_and_stays_unread_and_a_small_one_is_read():
    assert is_unread(spliced(BODY))
    assert spliced(b' {"a": 1}') == {"a": 1}
    assert spliced(b'"' + b"x" * 600 + b'"') == "x" * 600


@pytest.mark.parametrize("wrong", [b"{", b"[NaN]", b'{"a": 1} x', b'["\xff"]', b'["\\q"]', b"[" * 20_000])
def test_what_is_not_json_is_refused_at_once(wrong):
    for body in (wrong, wrong + b" " * 600):
        with pytest.raises(ValueError):
            spliced(body)


def test_what_json_allows_and_a_fast_reader_does_not_is_read_all_the_same():
    assert spliced(b'{"a": "\\ud800", "b": 123456789012345678901234567890}' + b" " * 600) == {
        "a": "\ud800",
        "b": 123456789012345678901234567890,
    }


@given(values)
def test_an_unread_value_is_measured_compared_and_copied_as_what_it_says(value):
    body = unread(value)
    assert text([body]) == text([value])
    assert size([body]) == size([value])
    assert same([body], [value])
    assert same([value], [body])
    assert key([body]) == key([value])
    assert same(copied([body]), copied([value]))
    assert same(plain({"a": [body]}), {"a": [value]})
    assert same(parsed(encoded([unread(value)])), parsed(encoded([value])))


@pytest.mark.parametrize(
    "state",
    [
        task("r", ResultSelector={"body.$": "$.ResponseBody"}),
        task("r", ResultPath="$.r", OutputPath="$.r"),
        task("r", OutputPath="$.ResponseBody"),
        task("r", QueryLanguage="JSONata", Output="{% $states.result.ResponseBody %}"),
        task("r", QueryLanguage="JSONata", Output={"body": "{% $states.result.ResponseBody %}"}),
        task("r", QueryLanguage="JSONata", Assign={"kept": "{% $states.result.ResponseBody %}"}, Output=1),
        {"Type": "Parallel", "Branches": [one(task("r")), one(task("r"))]},
    ],
)
async def test_a_body_that_is_only_passed_on_is_never_read(state):
    body = spliced(BODY)
    answer = await World({"r": {"ResponseBody": body}}).run(one(state), {"in": 1})
    assert answer["status"] == "SUCCEEDED"
    left = encoded(answer["output"])
    assert is_unread(body)
    assert json.loads(left) == plain(answer["output"])


async def test_a_body_that_is_sent_on_leaves_as_it_came():
    world = World({"get": {"ResponseBody": spliced(BODY)}, "put": 1})
    sent = task("put", Parameters={"RequestBody.$": "$.ResponseBody"})
    await world.run(machine(("Get", task("get")), ("Put", sent)))
    assert encoded(world.calls[1].parameters) == b'{"RequestBody":' + BODY + b"}"


async def test_whoever_looks_inside_reads_it():
    world = World({"r": {"ResponseBody": spliced(BODY)}})
    steps = jsonata(
        ("Get", task("r", Output="{% $states.result.ResponseBody %}")),
        ("See", passing(Output="{% {'id': $states.input.id, 'tags': $count($states.input.tags)} %}")),
    )
    assert (await world.run(steps))["output"] == {"id": 1, "tags": 2}


async def test_a_body_over_the_limit_is_weighed_compact():
    roomy = unread([1] * 100)
    limits = Limits(payload=250)
    assert (await World({"r": roomy}).run(one(task("r")), limits=limits))["status"] == "SUCCEEDED"
    refused = await World({"r": unread([1] * 200)}).run(one(task("r")), limits=limits)
    assert refused["error"] == "States.DataLimitExceeded"


def world(wrap: Any) -> World:
    turns = iter(range(10**9))

    def flaky(parameters: Any) -> Any:
        return Failure("E2", None) if next(turns) % 2 else wrap({"a": None, "list": [[1], {"b": 1}]})

    good = {"a": wrap({"a": 2, "b": None}), "list": wrap([{"n": 1}, {"n": 2}])}
    return World({"good": good, "bad": Failure("E1"), "slow": Slow(5, wrap([1, None])), "flaky": flaky})


async def ran(definition: Mapping[str, Any], value: Any, wrap: Any) -> Any:
    outside = world(wrap)
    limits = Limits(states=200, expression_steps=5_000)
    ended = await outside.passing(run(compile_machine(definition), wrap(value), outside, limits=limits))
    return plain(ended), outside.time, [(call.place, plain(call.parameters)) for call in outside.calls]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(runs)
def test_every_machine_gives_the_same_answer_whether_bodies_are_read_or_not(
    given_run: tuple[Mapping[str, Any], Any],
) -> None:
    definition, value = given_run
    try:
        compile_machine(definition)
    except InvalidDefinition:
        return
    assert asyncio.run(ran(definition, value, unread)) == asyncio.run(ran(definition, value, lambda body: body))
