"""A pipe is a journey of its own, unless another speaks for it; what waits in it reaches the flag of a process."""

import asyncio
import json
import time
from typing import Any

import pytest

from breakers.dataplane import DataPlane
from breakers.store.backlogs import Backlog, BacklogStore
from compositions import delays
from controlplane.config.feed import Snapshot
from controlplane.config.pieces import Piece


def pipe(slug: str, **stated: Any) -> Piece:
    return Piece("pipe", slug, {"title": "", "targets": ["payment"], "journey": slug, **stated}).sealed()


def snapshot(*pieces: Piece) -> Snapshot:
    return Snapshot(1, {(piece.kind, piece.slug): piece for piece in pieces})


def test_a_pipe_is_a_journey_of_its_own_unless_another_speaks_for_it() -> None:
    found = dict(delays.pipes(snapshot(pipe("onboarding", title="Onboarding"), pipe("refunds", journey="paying"))))
    assert found == {"onboarding": {"title": "Onboarding", "targets": ["payment"], "clear_on": "drained"}}


@pytest.fixture
async def plane(redis_url: str, settings: Any, tmp_path: Any) -> Any:
    settings.LAST_GOOD = tmp_path / "last-good.json"
    journey = Piece("journey", "paying", {"title": "Paying", "targets": [], "raise_at_backlog": 10}).sealed()
    pieces = snapshot(pipe("onboarding"), pipe("refunds", journey="paying"), journey)

    by_digest = {piece.digest: piece for piece in pieces.pieces.values()}

    def database() -> Any:
        return 1, pieces.manifest(), lambda digests: {digest: by_digest[digest] for digest in digests}

    plane = DataPlane("runner", name="delays", database=database)
    await plane.start()
    yield plane
    await plane.close()


async def test_what_waits_reaches_the_flag_of_the_journey_that_speaks_for_it(plane: DataPlane) -> None:
    now = time.time() * 1000
    backlog = Backlog(waiting=12, oldest_ms=now, eta_s=40, journey="paying", at_ms=now)
    stopped = Backlog(waiting=0, state="STOPPED", journey="onboarding", since_ms=now, at_ms=now)
    await BacklogStore(plane.valkey, "sg").write({"refunds": backlog, "onboarding": stopped})
    flags: dict[str, bool] = {}
    for _ in range(100):
        _, _, body = plane.delays.respond()
        flags = {entry["journey"]: entry["delayed"] for entry in json.loads(body)["journeys"]}
        if all(flags.values()):
            break
        await asyncio.sleep(0.05)
    assert flags == {"onboarding": True, "paying": True}
