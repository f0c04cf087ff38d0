"""Both sides of a translation: what is made of an old payload, what comes back, and what the old client gets."""

from compositions.trying import translated
from tests.compositions.flows import World, world
from tests.compositions.workflows import task, workflow

__all__ = ["world"]
ASK = {
    "ApiEndpoint": "target://search/json",
    "Method": "GET",
    "QueryParameters": {"q": "{% $states.input.body.Terms %}"},
}


async def both_sides(world: World, payload: object, **fields: object) -> object:
    await world.target("search")
    output = {"Response": {"Status": "{% $states.result.StatusCode %}"}}
    await world.composition("old", workflow(Ask=task("search", Arguments=ASK, Output=output)), **fields)
    compiled = world.flow.catalog.find("old")
    assert compiled is not None
    return await translated(world.flow, compiled, {"body": payload})


async def test_both_sides_are_told(world: World) -> None:
    found = await both_sides(world, {"Terms": "ice"})
    assert (found.status, found.output) == ("SUCCEEDED", {"Response": {"Status": 200}})
    call = found.calls[0]
    assert (call.state, call.arguments["QueryParameters"]) == ("Ask", {"q": "ice"})
    assert call.result["StatusCode"] == 200


async def test_a_payload_that_fits_nothing_is_told_before_any_call(world: World) -> None:
    found = await both_sides(world, {"Wrong": 1})
    assert (found.status, found.error, found.calls) == ("FAILED", "States.QueryEvaluationError", [])
    assert "Terms" in found.cause


async def test_a_call_that_fails_is_told_with_its_error(world: World) -> None:
    await world.target("search")
    await world.stop("search")
    found = await both_sides(world, {"Terms": "ice"})
    assert (found.status, found.error) == ("FAILED", "Breaker.Open")
    assert (found.calls[0].error, found.calls[0].result) == ("Breaker.Open", None)
