"""Pipes start what waits while nothing stops them, drain slowly after a stop, and tell the fleet how they stand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from breakers.dataplane import DataPlane
from breakers.operations import overrides, targets
from compositions.dispatching.dispatcher import Dispatcher
from compositions.engine.flow import Flow
from compositions.models import Execution, Intent, PipeLease
from compositions.operations import pipes

from .conftest import SYSTEM, Accept

pytestmark = [pytest.mark.django_db(transaction=True, serialized_rollback=True), pytest.mark.usefixtures("workflows")]


class Hosted:
    """A dispatcher of a process of its own, turned by hand."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.dispatcher = Dispatcher(Flow(plane), plane)

    async def turn(self) -> list[str]:
        """One turn; the intents that it started."""
        await self.plane.config.refresh(database=True)
        before = await asyncio.to_thread(begun)
        await self.dispatcher.turn()
        return [intent for intent in await asyncio.to_thread(begun) if intent not in before]

    async def until(self, condition: Callable[[], Any]) -> Any:
        for _ in range(400):
            await self.turn()
            if value := await asyncio.to_thread(condition):
                return value
            await asyncio.sleep(0.02)
        raise AssertionError("it did not happen in time")


def begun() -> list[str]:
    return list(Execution.objects.order_by("intent").values_list("intent", flat=True))


@pytest.fixture
async def hosted(valkey: str, settings: Any, tmp_path: Any, transactional_db: None) -> AsyncIterator[Hosted]:
    settings.LAST_GOOD = tmp_path / "last-good.json"
    plane = DataPlane("runner", name="sagas-1")
    await plane.start()
    made = Hosted(plane)
    yield made
    await made.dispatcher.close()
    await plane.close()


async def change(operation: Callable[..., Any], *args: Any, **given: Any) -> Any:
    return await asyncio.to_thread(lambda: operation(*args, by=SYSTEM, **given))


async def test_intents_start_as_they_come_up_to_what_may_be_under_way(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard", "max_in_flight": 3})
    ids = await asyncio.to_thread(accept, 5)
    assert await hosted.turn() == ids[:3]
    assert await hosted.turn() == []
    await asyncio.to_thread(lambda: Intent.objects.filter(pk=ids[0]).update(status="SUCCEEDED"))
    assert await hosted.turn() == ids[3:4]


async def test_a_pipe_that_this_release_cannot_start_holds_up_neither_others_nor_itself_later(
    hosted: Hosted, accept: Accept
) -> None:
    for slug in ("aside", "onboarding"):
        await change(pipes.put, slug, {"target": "onboard"})
    await hosted.turn()
    whole = hosted.dispatcher.lanes["aside"].body
    hosted.dispatcher.lanes["aside"].body = {name: value for name, value in whole.items() if name != "max_in_flight"}
    waits, ids = await asyncio.to_thread(lambda: (accept(pipe="aside"), accept()))
    assert await hosted.turn() == ids
    hosted.dispatcher.lanes["aside"].body = whole
    assert await hosted.turn() == waits


async def test_an_open_circuit_stops_the_pipe_and_what_gathered_drains_slowly(hosted: Hosted, accept: Accept) -> None:
    drain = {"start_per_s": 1, "ramp_s": 3600, "max_per_s": 2}
    await change(pipes.put, "onboarding", {"target": "onboard", "drain": drain})
    await change(overrides.put, "payment", state="FORCED_OPEN", reason="outage")
    ids = await asyncio.to_thread(accept, 6)
    assert await hosted.turn() == []
    told = (await hosted.plane.backlog_store.read())["onboarding"]
    assert (told.state, told.stopped_by, told.reason, told.waiting) == (
        "STOPPED", "circuit", "payment is forced open", 6,
    )  # fmt: skip
    assert told.eta_s == pytest.approx(6, abs=0.5)
    kept = await asyncio.to_thread(lambda: PipeLease.objects.get(pk="onboarding"))
    assert (kept.owner, kept.state, kept.stopped_by) == ("sagas-1", "STOPPED", "circuit")

    await change(overrides.clear, "payment", reason="mended")
    assert await hosted.turn() == ids[:1], "one to begin with"
    assert await hosted.turn() == []
    told = (await hosted.plane.backlog_store.read())["onboarding"]
    assert (told.state, told.draining, told.waiting) == ("RUNNING", True, 5)
    assert told.eta_s == pytest.approx(5, abs=1)


async def test_an_operator_stops_and_starts_it(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard"})
    await change(pipes.stop, "onboarding", reason="stocktaking")
    ids = await asyncio.to_thread(accept, 1)
    assert await hosted.turn() == []
    told = (await hosted.plane.backlog_store.read())["onboarding"]
    assert (told.stopped_by, told.eta_s) == ("operator", None)
    await change(pipes.start, "onboarding", reason="done")
    assert await hosted.turn() == ids


async def test_renewed_failures_pause_the_drain(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard", "drain": {"start_per_s": 1, "ramp_s": 3600}})
    await change(pipes.stop, "onboarding", reason="stocktaking")
    await asyncio.to_thread(accept, 5)
    await hosted.turn()
    await change(pipes.start, "onboarding", reason="done")
    assert len(await hosted.turn()) == 1
    hosted.plane.circuits.streak("payment", 3)
    assert await hosted.turn() == []
    assert hosted.dispatcher.lanes["onboarding"].governor.paused_until_s > 0


async def test_the_drain_obeys_contracts(hosted: Hosted) -> None:
    contract = {"base_url": "http://127.0.0.1:9001", "contracts": [{"limit": 30, "period_s": 10}]}
    await change(targets.put, "payment", contract)
    await change(pipes.put, "onboarding", {"target": "onboard", "drain": {"start_per_s": 100}})
    await hosted.turn()
    assert hosted.dispatcher.lanes["onboarding"].governor.ceiling == 3


async def test_an_enrichment_makes_the_input(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard", "enrichment": "score"})
    await asyncio.to_thread(accept, 2)
    await hosted.until(lambda: Execution.objects.count() == 2)
    inputs = await asyncio.to_thread(lambda: set(Execution.objects.values_list("input", flat=True)))
    assert inputs == {'{"plan": "premium", "score": 7}'}


async def test_an_enrichment_that_fails_makes_dead_letters_in_the_end(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard", "enrichment": "refuse", "max_attempts": 1})
    (intent,) = await asyncio.to_thread(accept, 1)
    await hosted.until(lambda: Intent.objects.get(pk=intent).status == "DEAD")
    reason = await asyncio.to_thread(lambda: Intent.objects.get(pk=intent).reason)
    assert reason == "refuse failed: Nobody"


async def test_a_second_process_takes_over_when_the_first_is_gone(hosted: Hosted, accept: Accept) -> None:
    await change(pipes.put, "onboarding", {"target": "onboard"})
    await hosted.turn()
    plane = DataPlane("runner", name="sagas-2")
    await plane.start()
    second = Hosted(plane)
    ids = await asyncio.to_thread(accept, 1)
    assert await second.turn() == [], "the first has the lease"
    assert await hosted.turn() == ids
    await hosted.dispatcher.ask(PipeLease.objects.all().update, until="2026-01-01T00:00:00Z")
    second.dispatcher._lease_due = 0
    ids = await asyncio.to_thread(accept, 1)
    assert await second.turn() == ids
    await second.dispatcher.close()
    await plane.close()
