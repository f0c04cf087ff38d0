"""Whatever the machine: a run ends with an answer, leaves nothing behind, and gives the same answer twice."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, given, settings

from compositions.asl import InvalidDefinition, Limits, compile_machine
from tests.compositions.asl.machines import runs
from tests.compositions.asl.world import Failure, Slow, World
from tests.searching import examples


def world() -> World:
    """The same world every time."""
    turns = iter(range(10**9))

    def flaky(parameters: Any) -> Any:
        return Failure("E2", None) if next(turns) % 2 else {"a": 1}

    return World({"good": {"a": 2, "list": [{"n": 1}]}, "bad": Failure("E1"), "slow": Slow(5, [1]), "flaky": flaky})


async def ran(definition: Mapping[str, Any], value: Any) -> tuple[dict[str, Any], World]:
    outside = world()
    before = len(asyncio.all_tasks())
    answer = await outside.run(definition, value, limits=Limits(states=300, expression_steps=5_000))
    assert outside.in_flight == 0
    assert len(asyncio.all_tasks()) == before
    return answer, outside


@settings(max_examples=examples(80), deadline=None, suppress_health_check=list(HealthCheck))
@given(runs)
def test_every_machine_ends_with_an_answer_and_with_the_same_one_again(
    given_run: tuple[Mapping[str, Any], Any],
) -> None:
    definition, value = given_run
    try:
        compile_machine(definition)
    except InvalidDefinition:
        return
    first, outside = asyncio.run(ran(definition, value))
    second, again = asyncio.run(ran(definition, value))
    assert first == second
    assert outside.time == again.time
    assert first["status"] in ("SUCCEEDED", "FAILED", "TIMED_OUT")
    if first["status"] == "SUCCEEDED":
        assert "output" in first
    else:
        assert isinstance(first.get("error", ""), str)
        assert isinstance(first.get("cause", ""), str)
