"""Executions run to their end, one commit a step, and say how they ended."""

import json
from typing import Any

import pytest

from compositions.models import Execution, JournalEntry

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


async def test_a_saga_of_four_steps_calls_each_once_and_ends(sagas: Sagas) -> None:
    steps = [call("shop", f"/{n}", Next=f"S{n + 1}") for n in range(1, 4)] + [call("shop", "/4")]
    await sagas.define(machine(**{f"S{n}": step for n, step in enumerate(steps, 1)}))
    await sagas.engine()
    id = sagas.start({"a": 1})
    row = await sagas.ended(id)
    assert (row.status, json.loads(row.output)) == ("SUCCEEDED", {"a": 1})
    assert sagas.paths() == ["/1", "/2", "/3", "/4"]
    assert (row.owner, row.wake_at, row.calls_done, row.calls_undone) == ("", None, 4, 0)
    # One row a step, and at most one more for a call that took long enough to be shown while it is under way.
    assert 4 <= JournalEntry.objects.filter(execution=id).count() <= 8


async def test_every_call_carries_a_key_of_its_own(sagas: Sagas) -> None:
    await sagas.define(machine(One=call("shop", "/1", Next="Two"), Two=call("shop", "/2")))
    await sagas.engine()
    await sagas.ended(sagas.start())
    keys = [request.headers["idempotency-key"] for request in sagas.downstream.requests]
    assert len(set(keys)) == 2


async def test_an_error_that_is_caught_makes_it_partial_and_counts_what_puts_it_right(sagas: Sagas) -> None:
    refund = {"ErrorEquals": ["States.ALL"], "Next": "Refund"}
    await sagas.define(
        machine(
            Pay=call("shop", "/pay", Next="Unblock"),
            Unblock=call("shop", "/unblock", Catch=[refund]),
            Refund=call("shop", "/refund"),
        )
    )
    sagas.downstream.behave("/unblock", status=409)
    await sagas.engine()
    row = await sagas.ended(sagas.start())
    assert (row.status, row.caught, row.calls_done, row.calls_undone) == ("PARTIAL", True, 1, 1)
    assert sagas.paths() == ["/pay", "/unblock", "/refund"]


TIMED_OUT = ("TIMED_OUT", "States.Timeout")
ENDS: list[tuple[dict[str, Any], int, str, str]] = [
    (machine(End={"Type": "Fail", "Error": "No", "Cause": "never"}), 200, "FAILED", "No"),
    (machine(Pay=call("shop", "/pay")), 402, "FAILED", "States.Http.StatusCode.402"),
    (machine(Pay=call("shop", "/pay")), 500, "FAILED", "States.Http.StatusCode.500"),
    (machine(Wait={"Type": "Wait", "Seconds": 60, "End": True}) | {"TimeoutSeconds": 1}, 0, *TIMED_OUT),
]


@pytest.mark.parametrize(("definition", "status", "end", "error"), ENDS)
async def test_ends_have_their_words(sagas: Sagas, definition: Any, status: int, end: str, error: str) -> None:
    await sagas.define(definition)
    sagas.downstream.behave("/pay", status=status)
    await sagas.engine()
    row = await sagas.ended(sagas.start())
    assert (row.status, row.error) == (end, error)


async def test_parallel_branches_and_items_run_and_are_journalled(sagas: Sagas) -> None:
    branches = [machine(A=call("shop", "/a")), machine(B=call("shop", "/b"))]
    each = {"Type": "Map", "ItemsPath": "$.list", "ItemProcessor": machine(Item=call("shop", "/item")), "End": True}
    both = {"Type": "Parallel", "Branches": branches, "ResultPath": None, "Next": "Each"}
    await sagas.define(machine(Both=both, Each=each))
    await sagas.engine()
    row = await sagas.ended(sagas.start({"list": [1, 2, 3]}))
    assert row.status == "SUCCEEDED"
    assert json.loads(row.output) == [1, 2, 3]
    assert sorted(sagas.paths()) == ["/a", "/b", "/item", "/item", "/item"]
    assert len({request.headers["idempotency-key"] for request in sagas.downstream.requests}) == 5


async def test_a_running_execution_keeps_the_version_that_it_began_with(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/old")))
    first = sagas.start()
    await sagas.define(machine(Pay=call("shop", "/new")))
    second = sagas.start()
    await sagas.engine()
    await sagas.ended(first)
    await sagas.ended(second)
    assert sorted(sagas.paths()) == ["/new", "/old"]
    assert sorted(Execution.objects.values_list("version", flat=True)) == [1, 2]


async def test_a_hundred_run_at_once_in_one_worker(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ship"), Ship=call("shop", "/ship")))
    sagas.downstream.behave("/pay", delay_s=0.3)
    await sagas.target(max_concurrency=200)
    ids = [sagas.start() for _ in range(100)]
    engine = await sagas.engine()
    await sagas.until(lambda: len(sagas.calls("/ship")) == 100)
    for id in ids:
        assert (await sagas.ended(id)).status == "SUCCEEDED"
    assert engine.writer.commits < 150
