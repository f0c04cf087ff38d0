"""Purges reach every process by the configuration: with the store away, after it came back, and whoever joins later."""

import pytest
import redis

from breakers.guard.messages import Request
from controlplane.kernel import clock

MARK = {"owner": "catalog", "tag": "", "path": "", "query": None, "headers": {}}


@pytest.fixture
async def kept(fleet, downstream):
    """Two front doors that have kept the same answer, which the store has as well."""
    downstream.behave("/a", body=b"old")
    await fleet.target("catalog", downstream.url, cache={"ttl_s": 3600, "max_stale_s": 3600})
    planes = [await fleet.join("one"), await fleet.join("two")]
    for plane in planes:
        assert (await plane.guard.call("catalog", Request("GET", "/a"))).body == b"old"
        await plane.cache.flush()
    downstream.behave("/a", body=b"new")
    return planes


async def ask(plane) -> tuple[bytes, str]:
    answer = await plane.guard.call("catalog", Request("GET", "/a"))
    return answer.body, answer.source


async def test_a_purge_while_the_store_is_away_holds_when_it_is_back(fleet, kept, valkey_server):
    assert [await ask(plane) for plane in kept] == [(b"old", "cache")] * 2
    with redis.Redis.from_url(valkey_server.url) as client:
        entries = {name: client.dump(name) for name in client.keys("*:cache:*")}
    assert entries
    valkey_server.stop()
    try:
        await fleet.put("purge", "all", {"marks": [{**MARK, "at_ms": clock.now_ms()}]})
        assert [await ask(plane) for plane in kept] == [(b"new", "live")] * 2
    finally:
        valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        for name, value in entries.items():  # as a store that kept its memory would have it
            client.restore(name, 3_600_000, value, replace=True)
    late = await fleet.join("late")
    assert (await ask(late))[0] == b"new"


async def test_a_purge_with_an_open_circuit_leaves_nothing_to_stand_in(fleet, kept):
    order = {"state": "FORCED_OPEN", "reason": "drill", "by": "ada", "since_ms": 1, "expires_at_ms": None}
    await fleet.put("override", "catalog", order)
    assert [await ask(plane) for plane in kept] == [(b"old", "cache")] * 2
    await fleet.put("purge", "all", {"marks": [{**MARK, "at_ms": clock.now_ms() + 20}]})
    for plane in kept:
        with pytest.raises(Exception, match="Circuit open"):
            await ask(plane)
