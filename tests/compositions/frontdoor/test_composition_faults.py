"""Whatever breaks below a composition has a named end, and nothing is left behind: sockets, calls, permits, tasks."""

import asyncio
import json
import time

import pytest

from breakers.core.states import State
from tests.breakers.guard.test_call import QUICK, until
from tests.compositions.flows import call, sequence

from .composing import composing, page

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1 << 20


@pytest.fixture
async def door(valkey, settings, tmp_path, downstream):
    settings.VALKEY_URL = valkey
    settings.LAST_GOOD = tmp_path / "last-good.json"
    for slug in "abc":
        downstream.behave(f"/{slug}", json={"part": slug})
    async with composing(downstream) as opened:
        for slug in "abc":
            await opened.target(slug, cache={"write_through": False}, timeout_ms=5000)
        await opened.serve("/page", page("a", "b", "c"), deadline_ms=200)
        await opened.serve("/partial", page("a", "b", optional=("c",)), deadline_ms=200)
        assert (await opened.ask("/page")).status == 200
        yield opened


@pytest.fixture
async def held(door):
    before = door.held()
    yield before
    await door.settled(before)


async def test_a_branch_that_hangs_is_let_go_at_the_deadline(door, held):
    door.downstream.behave("/c", hang=True)
    began = time.monotonic()
    heard = await door.ask("/page")
    assert time.monotonic() - began < 1.5
    assert heard.kind == (504, "composition-timed-out")
    assert heard.json()["target"] == "c"
    await door.settled(held)
    await until(lambda: len(door.downstream.open) <= held["sockets"])


async def test_an_optional_branch_that_hangs_is_left_out_at_the_deadline(door, held):
    door.downstream.behave("/c", hang=True)
    heard = await door.ask("/partial")
    assert (heard.status, heard.headers["x-completed"]) == (200, "false")
    assert heard.json() == {"a": {"part": "a"}, "b": {"part": "b"}, "c": None}


async def test_a_timeout_of_a_state_spends_from_the_deadline(door, held):
    door.downstream.behave("/c", hang=True)
    machine = sequence(call("c", "/c", TimeoutSeconds=1))
    await door.serve("/page", machine, deadline_ms=5000)
    heard = await door.ask("/page")
    assert (heard.kind, heard.json()["error"]) == ((504, "composition-timed-out"), "States.Timeout")
    await door.serve("/page", machine, deadline_ms=100)
    began = time.monotonic()
    assert (await door.ask("/page")).kind == (504, "composition-timed-out")
    assert time.monotonic() - began < 0.9


async def test_waiting_is_cut_off_at_the_deadline(door, held):
    await door.serve("/page", sequence({"Type": "Wait", "Seconds": 60}), deadline_ms=50)
    assert (await door.ask("/page")).kind == (504, "composition-timed-out")


async def test_an_open_target_with_an_empty_cache_fails_by_name_or_is_left_out(door, held):
    await door.stop("c")
    assert (await door.ask("/page")).kind == (503, "composition-refused")
    heard = await door.ask("/partial")
    assert (heard.status, heard.headers["x-completed"], heard.json()["c"]) == (200, "false", None)


async def test_the_first_failure_cancels_the_other_branches(door, held):
    door.downstream.behave("/b", hang=True)
    door.downstream.behave("/c", status=500)
    heard = await door.ask("/page")
    assert (heard.kind, heard.json()["target"]) == ((502, "composition-failed"), "c")


async def test_a_client_that_hangs_up_takes_its_calls_with_it(door, held):
    for slug in "abc":
        door.downstream.behave(f"/{slug}", hang=True)
    await door.serve("/page", page("a", "b", "c"), deadline_ms=60_000)
    gone = asyncio.Event()
    asked = asyncio.create_task(door.ask("/page", hangs_up=gone))
    await until(lambda: door.held()["calls"] == 3)
    gone.set()
    assert await asyncio.wait_for(asked, 3) is None
    assert door.held()["calls"] == 0


async def test_a_client_that_hangs_up_gives_its_trial_permit_back(door, held):
    breaker = {**QUICK, "permitted_number_of_calls_in_half_open_state": 1, "success_threshold": 1}
    await door.target("c", breaker=breaker, timeout_ms=5000, cache={"write_through": False})
    await door.serve("/page", page("c"), deadline_ms=60_000)
    door.downstream.behave("/c", status=500)
    for _ in range(5):
        await door.ask("/page")
    await until(lambda: door.plane.circuits["c"].circuit.state is State.OPEN)
    door.downstream.behave("/c", hang=True)
    await asyncio.sleep(0.3)
    gone = asyncio.Event()
    asked = asyncio.create_task(door.ask("/page", hangs_up=gone))
    await until(lambda: door.held()["calls"] == 1)
    gone.set()
    await asked
    door.downstream.behave("/c", json={"part": "c"})
    assert (await door.ask("/page")).status == 200, "the one permit is free again"


async def test_an_answer_of_10_mb_is_too_large_by_name(door, held):
    door.downstream.behave("/c", body=b"[" + b"1," * (5 * MEGABYTE) + b"1]", headers=JSON)
    heard = await door.ask("/page")
    assert (heard.status, heard.json()["error"]) in (
        (502, "States.Http.Socket"),
        (502, "States.DataLimitExceeded"),
        (504, "States.Timeout"),
    )
    await door.serve("/partial", page("a", "b", optional=("c",)), deadline_ms=10_000)
    heard = await door.ask("/partial")
    assert (heard.status, heard.headers["x-completed"], heard.json()["c"]) == (200, "false", None)


async def test_a_request_of_10_mb_is_too_large(door, held):
    heard = await door.ask("/page", "POST", ("Content-Length", str(10 * MEGABYTE)), body=b"x" * 10 * MEGABYTE)
    assert heard.kind == (413, "too-large")


async def test_a_request_beyond_the_payload_of_a_workflow_is_too_large(door, held):
    door.door.app._max_body = MEGABYTE
    body = json.dumps("x" * 300_000).encode()
    heard = await door.ask("/page", "POST", ("Content-Type", "application/json"), body=body)
    assert heard.kind == (413, "too-large")


async def test_invalid_json_has_its_name(door, held):
    door.downstream.behave("/c", body=b'{"a":', headers=JSON)
    heard = await door.ask("/page")
    assert (heard.kind, heard.json()["error"]) == ((502, "composition-failed"), "Answer.InvalidJson")
    assert (await door.ask("/partial")).json()["c"] is None


async def test_valkey_away_changes_nothing_for_closed_circuits(door, valkey_server):
    valkey_server.stop()
    try:
        await until(lambda: not door.plane.store_ok, within_s=5)
        heard = await door.ask("/page")
        assert (heard.status, heard.headers["x-completed"]) == (200, "true")
        await door.target("c", on_store_error="refuse")
        heard = await door.ask("/page")
        assert (heard.kind, heard.json()["error"]) == ((503, "composition-refused"), "Store.Unavailable")
        heard = await door.ask("/partial")
        assert (heard.status, heard.headers["x-completed"]) == (200, "false")
    finally:
        valkey_server.start()
