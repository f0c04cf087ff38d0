"""Runs in memory."""

from tests.compositions.flows import call


async def test_a_run_calls_a_target_and_answers_with_its_result(world):
    world.downstream.behave("/articles/7", json={"title": "Tides"})
    await world.target("catalog")
    run = await world.once(call("catalog", "/articles/7"))
    assert (run.status, run.complete) == ("SUCCEEDED", True)
    assert run.output["StatusCode"] == 200
    assert run.output["ResponseBody"] == {"title": "Tides"}
    assert run.output["Provenance"] == {"source": "live", "age_s": None, "breaker": "CLOSED"}
