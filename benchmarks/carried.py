"""Run as a module by benchmarks.sagas: one saga worker and its executions on the database that the settings name.

Prints JSON: sagas per second from the first claim to the last end, commits, and what a claim takes with few and with
many executions that wait.
"""

import asyncio
import json
import sys
import time
from datetime import timedelta
from statistics import median
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from breakers.dataplane import DataPlane  # noqa: E402
from compositions import resources  # noqa: E402
from compositions.engine.flow import Flow  # noqa: E402
from compositions.engine.standard import claims  # noqa: E402
from compositions.engine.standard.identity import new_id, new_seed  # noqa: E402
from compositions.engine.standard.worker import Engine  # noqa: E402
from compositions.models import Execution  # noqa: E402
from compositions.operations import compositions, executions  # noqa: E402
from controlplane.kernel import clock  # noqa: E402
from controlplane.kernel.access import Principal  # noqa: E402

BY = Principal.system("benchmarks")
STEP = "arn:aws:states:::bench:step"
STEPS = 4
INPUT = json.dumps({"order": {"id": 7, "total": 12.5}})
FEW, MANY, CLAIMS, CLAIMED = 1_000, 100_000, 15, 50


async def step(task: Any, context: Any) -> Any:
    """What a step does: nothing but an answer, as the steps of the peer."""
    return {"ok": True, "id": 7}


def prepare() -> None:
    call_command("migrate", verbosity=0)
    resources.RESOURCES[STEP] = resources.Resource(step)
    states = {
        f"S{n}": {"Type": "Task", "Resource": STEP, "ResultPath": f"$.s{n}"}
        | ({"Next": f"S{n + 1}"} if n < STEPS else {"End": True})
        for n in range(1, STEPS + 1)
    }
    compositions.put("bench", {"type": "STANDARD", "definition": {"StartAt": "S1", "States": states}}, by=BY)


async def carried(count: int) -> tuple[float, int]:
    """Seconds until all have ended, and the commits that it took."""
    plane = DataPlane("saga")
    flow = Flow(plane)
    await plane.start()
    engine = Engine(flow, plane)
    await engine.start(polls=False)
    wanted = executions.Wanted(composition="bench", version=1, input_text=INPUT)
    await asyncio.to_thread(executions.start_all, [_again(wanted) for _ in range(count)], by=BY)
    began, commits = time.perf_counter(), engine.writer.commits
    claiming = asyncio.get_running_loop().create_task(engine._claim())
    while engine.ended < count:  # noqa: ASYNC110 - the engine tells nobody of single ends
        await asyncio.sleep(0.005)
    took = time.perf_counter() - began
    claiming.cancel()
    commits = engine.writer.commits - commits
    await engine.close()
    await flow.close()
    await plane.close()
    return took, commits


def _again(wanted: executions.Wanted) -> executions.Wanted:
    return executions.Wanted(**{**vars(wanted), "id": new_id()})


def claim_ms(waiting: int) -> float:
    """The median time of a claim of what is due among so many that wait."""
    now = clock.now()
    later = now + timedelta(days=1)
    missing = waiting - Execution.objects.filter(wake_at__gt=now).count()
    _insert(missing, later)
    _settle()
    claims.sign_in("bench", "bench", 1, 600)
    took = []
    for _ in range(CLAIMS):
        _insert(CLAIMED, now)
        began = time.perf_counter()
        claimed = claims.claim("bench", CLAIMED)
        took.append((time.perf_counter() - began) * 1000)
        assert len(claimed) == CLAIMED
        Execution.objects.filter(owner="bench").delete()
    claims.sign_off("bench")
    return median(took)


def _settle() -> None:
    """The server has done what the many rows gave it to do, so that claims alone are measured."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")


def _insert(count: int, wake_at: Any) -> None:
    now = clock.now()
    rows = (
        Execution(
            id=new_id(), composition="bench", version=1, input="{}", started_at=now, wake_at=wake_at, seed=new_seed()
        )
        for _ in range(count)
    )
    Execution.objects.bulk_create(rows, batch_size=1000)


def main(count: int) -> None:
    import uvloop

    prepare()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(carried(count // 10))  # what is made when it is first needed
        took, commits = runner.run(carried(count))
    Execution.objects.all().delete()
    few, many = claim_ms(FEW), claim_ms(MANY)
    print(json.dumps({"per_second": count / took, "commits": commits, "few_ms": few, "many_ms": many}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
