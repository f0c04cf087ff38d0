"""A try-out forces how targets look; their circuits hear nothing of it."""

import pytest

from tests.compositions.flows import call


@pytest.fixture
async def t(world):
    breaker = {"policies": [{"type": "consecutive_failures", "threshold": 1}]}
    await world.target("t", cache={"ttl_s": 60}, breaker=breaker, timeout_ms=300)
    world.downstream.behave("/x", json={"a": 1})
    return world


async def forced(world, how):
    run = await world.once(call("t", "/x"), forced={"t": how})
    await world.plane.flusher.flush()
    assert world.plane.circuits["t"].circuit.state == "CLOSED"
    assert run.met[0].forced == how
    return run


async def test_open_without_a_kept_answer_is_refused_and_with_one_is_answered_by_it(t):
    run = await forced(t, "open")
    assert (run.error, t.downstream.count("/x")) == ("Breaker.Open", 0)
    await t.once(call("t", "/x"))
    run = await forced(t, "open")
    assert (run.output["ResponseBody"], run.output["Provenance"]["source"]) == ({"a": 1}, "cache")
    assert (run.output["Provenance"]["breaker"], t.downstream.count("/x")) == ("OPEN", 1)


async def test_failing_is_a_status_of_500_without_a_call(t):
    run = await forced(t, "failing")
    assert (run.error, t.downstream.count("/x")) == ("States.Http.StatusCode.500", 0)


async def test_slow_is_the_real_answer_late(t):
    run = await forced(t, "slow")
    assert run.output["ResponseBody"] == {"a": 1}
    assert run.met[0].ms >= 250


async def test_stale_is_an_answer_past_its_time(t):
    run = await forced(t, "stale")
    assert run.output["Provenance"]["source"] == "cache"
    assert run.output["Provenance"]["age_s"] > 60
    assert not run.met[0].fresh
