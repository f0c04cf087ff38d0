"""A process may die at any moment: another goes on where the journal stands, and calls nothing again that has ended."""

import asyncio
from collections import Counter

import pytest
from django.db import connection

from compositions.engine.standard import claims
from compositions.engine.standard.hosting import Carrying
from compositions.models import Execution, JournalEntry, SagaWorker

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

REFUND = {"ErrorEquals": ["States.ALL"], "Next": "Refund", "ResultPath": "$.error"}
JOURNEY = machine(
    Check=call("shop", "/check", Next="Pay"),
    Pay=call("shop", "/pay", Next="Unblock"),
    Unblock=call("shop", "/unblock", Catch=[REFUND], Next="Both"),
    Both={"Type": "Parallel", "Branches": [machine(News=call("shop", "/news"))], "End": True},
    Refund=call("shop", "/refund", Next="Notify"),
    Notify=call("shop", "/notify", Next="Failed"),
    Failed={"Type": "Fail", "Error": "NotUnblocked"},
)


@pytest.mark.parametrize("unblock", [200, 409])
async def test_a_crash_at_any_commit_changes_nothing_about_the_outcome(sagas: Sagas, unblock: int) -> None:
    await sagas.define(JOURNEY)
    sagas.downstream.behave("/unblock", status=unblock)
    expected = ("SUCCEEDED", "") if unblock == 200 else ("FAILED", "NotUnblocked")
    boundaries = 0
    for when in ("before", "after"):
        for at in range(1, 20):
            sagas.downstream.requests.clear()
            id = sagas.start()
            crashed = await sagas.crash(at, when)
            boundaries += crashed
            if crashed:
                engine = await sagas.engine()
                row = await sagas.ended(id)
                await engine.close()
            row = Execution.objects.get(pk=id)
            assert (row.status, row.error) == expected, (when, at)
            check_calls(sagas, when)
            if not crashed:
                break
    assert boundaries >= (8 if unblock == 200 else 10)


def check_calls(sagas: Sagas, when: str) -> None:
    """At most one step was in flight, so at most one was called twice, and then with the same key."""
    times = Counter(sagas.paths())
    assert sorted(times.values())[-1] <= 2
    assert sum(times.values()) - len(times) <= 1
    for path in times:
        assert len({request.headers["idempotency-key"] for request in sagas.calls(path)}) == 1


async def test_a_worker_whose_execution_was_taken_over_can_write_nothing(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ship"), Ship=call("shop", "/ship")))
    sagas.downstream.behave("/pay", delay_s=0.6, times=1)
    zombie = await sagas.engine(name="zombie")
    id = sagas.start()
    await sagas.until(lambda: sagas.calls("/pay"))
    zombie_life, zombie.capacity = zombie.lives[id], 0
    SagaWorker.objects.filter(pk="zombie").update(lease_until="2020-01-01T00:00:00Z")
    heir = await sagas.engine(name="heir")
    row = await sagas.ended(id)
    await asyncio.wait((zombie_life.task,), timeout=5)
    assert row.status == "SUCCEEDED"
    assert row.fence > 1
    assert len(sagas.calls("/ship")) == 1
    assert len({request.headers["idempotency-key"] for request in sagas.calls("/pay")}) == 1
    await sagas.until(lambda: heir.ended == 1)
    assert zombie.ended == 0
    numbers = list(JournalEntry.objects.filter(execution=id, number__gt=0).values_list("number", flat=True))
    assert numbers == sorted(set(numbers))


async def test_a_worker_that_was_struck_off_signs_in_again_and_works(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay")))
    engine = await sagas.engine(lease_s=0.4)
    await asyncio.to_thread(claims.sign_off, engine.id)
    id = sagas.start()
    assert (await sagas.ended(id)).status == "SUCCEEDED"


async def test_two_workers_share_the_work_and_no_step_is_called_twice(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ship"), Ship=call("shop", "/ship")))
    sagas.downstream.behave("/pay", delay_s=0.02)
    ids = [sagas.start() for _ in range(60)]
    engines = [await sagas.engine(capacity=10), await sagas.engine(capacity=10)]
    for id in ids:
        await sagas.ended(id)
    keys = Counter(request.headers["idempotency-key"] for request in sagas.downstream.requests)
    assert len(keys) == 120
    assert set(keys.values()) == {1}
    await sagas.until(lambda: sum(engine.ended for engine in engines) == 60)
    assert all(engine.ended for engine in engines)


async def test_a_worker_that_is_asked_to_stop_ends_its_calls_and_gives_the_rest_away(sagas: Sagas) -> None:
    await sagas.define(machine(Pay=call("shop", "/pay", Next="Ship"), Ship=call("shop", "/ship")))
    sagas.downstream.behave("/pay", delay_s=0.4)
    engine = await sagas.engine()
    id = sagas.start()
    await sagas.until(lambda: sagas.calls("/pay"))
    await engine.close()
    assert not SagaWorker.objects.exists()
    assert Execution.objects.get(pk=id).owner == ""
    await sagas.engine()
    assert (await sagas.ended(id)).status == "SUCCEEDED"
    assert sagas.paths() == ["/pay", "/ship"]


async def test_a_worker_that_starts_before_the_database_answers_begins_when_it_does(sagas: Sagas) -> None:
    def rename(table: str, to: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO {to}")

    await asyncio.to_thread(rename, "compositions_sagaworker", "away")
    try:
        carrying = Carrying(sagas.flow, sagas.plane)
        await asyncio.wait([carrying.begun], timeout=0.1)
        assert not carrying.begun.done()
    finally:
        await asyncio.to_thread(rename, "away", "compositions_sagaworker")
    await carrying.begun
    try:
        assert SagaWorker.objects.filter(pk=carrying.engine.id).exists()
    finally:
        await carrying.close()
    assert not SagaWorker.objects.filter(pk=carrying.engine.id).exists()
