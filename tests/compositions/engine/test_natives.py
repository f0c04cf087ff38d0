"""The shipped circuit-breaker workflow: nested it is served natively, and nobody can tell."""

import json

import pytest

from compositions.engine import natives
from compositions.engine.express import run_express
from tests.compositions.flows import sequence

SHIPPED = json.loads((natives.DEFINITIONS / "circuit-breaker.asl.json").read_text())
SYNC = "arn:aws:states:::states:startExecution.sync:2"
STATIC = {"static": {"status": 200, "content_type": "application/json", "body": {"a": 0}}}


def calls(slug: str) -> dict:
    nested = {"Type": "Task", "Resource": SYNC, "Parameters": {"StateMachineArn": slug, "Input.$": "$"}}
    return sequence({**nested, "OutputPath": "$.Output"})


@pytest.fixture
async def both(world):
    """Runs an input both ways: natively, and by a copy that says the same with one word more."""
    await world.composition("circuit-breaker", SHIPPED)
    await world.composition("copied", {**SHIPPED, "Comment": "a copy"})
    await world.composition("natively", calls("circuit-breaker"))
    await world.composition("by-states", calls("copied"))

    async def both(value: dict, **options) -> tuple:
        found = []
        for slug in ("natively", "by-states"):
            run = await world.run(slug, value, **options)
            met = [(each.place, each.target, each.source, each.breaker, each.status, each.error) for each in run.met]
            cause = json.loads(run.cause) if run.cause else {}
            found.append((run.status, run.output, run.error, cause.get("Error"), cause.get("Cause"), run.complete, met))
        assert found[0] == found[1]
        return found[0]

    return both


async def test_the_shipped_definition_is_known_and_a_changed_one_is_not(world, both):
    assert world.flow.catalog.find("circuit-breaker").native is not None
    assert world.flow.catalog.find("copied").native is None


async def test_a_live_answer(world, both):
    world.downstream.behave("/a", json={"a": 1})
    await world.target("t")
    status, output, *_ = await both({"target": "t", "path": "/a", "query": {"q": "x y"}, "headers": {"X-Who": "me"}})
    assert (status, output) == ("SUCCEEDED", {"status": 200, "body": {"a": 1}, "source": "live", "breaker": "CLOSED"})
    assert [each.target for each in world.downstream.requests] == ["/a?q=x%20y"] * 2
    assert all(each.headers["x-who"] == "me" for each in world.downstream.requests)


async def test_a_body_is_sent(world, both):
    await world.target("t")
    await both({"target": "t", "path": "/a", "method": "POST", "body": {"n": [1]}})
    assert [each.json() for each in world.downstream.requests] == [{"n": [1]}] * 2


@pytest.mark.parametrize("fallback", [{}, STATIC])
async def test_an_open_circuit(world, both, fallback):
    await world.target("t", fallback=fallback)
    await world.stop("t")
    status, output, _, error, _, complete, _ = await both({"target": "t", "path": "/a"})
    if fallback:
        assert (status, output["source"], output["body"], complete) == ("SUCCEEDED", "static", {"a": 0}, False)
    else:
        assert (status, error) == ("FAILED", "Breaker.Open")
    assert world.downstream.requests == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"target": "t", "path": "/500"}, "States.Http.StatusCode.500"),
        ({"target": "t", "path": "/big"}, "States.DataLimitExceeded"),
        ({"target": "t", "path": "/garbled"}, "Answer.InvalidJson"),
        ({"target": "nobody", "path": "/"}, "Target.Unknown"),
        ({"target": "t", "path": "/", "method": "STEAL"}, "States.Runtime"),
        ({"path": "/"}, "Target.Unknown"),
    ],
)
async def test_every_failure(world, both, value, error):
    world.downstream.behave("/500", status=500, body=b"broken")
    world.downstream.behave("/big", json=["x" * 300_000])
    world.downstream.behave("/garbled", body=b"{", headers={"Content-Type": "application/json"})
    await world.target("t")
    status, _, _, found, *_ = await both(value)
    assert (status, found) == ("FAILED", error)


async def test_a_run_of_its_own_walks_the_states_and_shows_them(world, both):
    await world.target("t")
    shipped = world.flow.catalog.find("circuit-breaker")
    run = await run_express(world.flow, shipped, {"target": "t", "path": "/"}, trace=True)
    assert [step.name for step in run.steps] == [
        "Call if the circuit lets it", "Was it called?", "Answered by the target",
    ]  # fmt: skip
