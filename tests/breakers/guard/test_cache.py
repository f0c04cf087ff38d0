"""The cache on a real store: how long answers are kept, what is written when, and who waits for whom."""

import asyncio

import pytest

from breakers.core.settings import CacheSettings, TargetSettings
from breakers.guard.cache import ResponseCache
from breakers.guard.errors import TargetTimeout
from breakers.guard.messages import Answer, Request
from breakers.guard.transport import WireAnswer
from breakers.store.cache import CacheStore
from controlplane.kernel.valkey import connect_async

NOW = 1_700_000_000_000
S = 1000


def target(slug: str = "catalog", **settings) -> TargetSettings:
    return TargetSettings(slug, "http://127.0.0.1:1", cache=CacheSettings(**settings))


def answer(body: bytes = b"news", *headers: tuple[str, str], status: int = 200) -> WireAnswer:
    return WireAnswer(status, list(headers), body)


def get(path: str = "/a", query: str = "", *headers: tuple[str, str]) -> Request:
    return Request("GET", path, query, list(headers))


@pytest.fixture
async def client(valkey):
    async with connect_async(valkey) as client:
        yield client


@pytest.fixture
def store(client):
    return CacheStore(client, "sg")


@pytest.fixture
def worker(store):
    """Makes caches that share one store, as front-door workers do."""
    return lambda **limits: ResponseCache(store, **limits)


async def keep(
    cache: ResponseCache, settings: TargetSettings, given: WireAnswer, now_ms: float = NOW, **request
) -> str:
    key = cache.key(settings, get(**request))
    assert key is not None
    cache.keep(settings, key, given, now_ms)
    return key


async def test_an_answer_is_fresh_for_its_ttl_and_stale_for_as_long_as_is_allowed(worker):
    cache, settings = worker(), target(ttl_s=10, max_stale_s=50)
    key = await keep(cache, settings, answer())
    assert cache.fresh(settings, key, NOW + 10 * S - 1).body == b"news"
    assert cache.fresh(settings, key, NOW + 10 * S) is None
    assert await cache.fetch(settings, key, NOW + 10 * S, stale=False) is None
    assert (await cache.fetch(settings, key, NOW + 60 * S - 1, stale=True)).stored_at_ms == NOW
    assert await cache.fetch(settings, key, NOW + 60 * S, stale=True) is None


async def test_without_a_ttl_nothing_is_ever_fresh_but_much_may_stand_in(worker):
    cache, settings = worker(), target()
    key = await keep(cache, settings, answer())
    assert cache.fresh(settings, key, NOW) is None
    assert (await cache.fetch(settings, key, NOW + 86_000 * S, stale=True)).body == b"news"


async def test_another_worker_reads_what_was_flushed_and_never_past_its_age(worker, client):
    settings = target(ttl_s=10, max_stale_s=50)
    first, second, third = worker(), worker(), worker()
    key = await keep(first, settings, answer(b"\x00\xff", ("content-type", "x/y"), ("x-a", "é")))
    assert await second.fetch(settings, key, NOW, stale=True) is None
    await first.flush()
    (name,) = await client.keys("*:cache:*")
    assert name.startswith(b"{sg:t:catalog}:cache:")
    assert 59 * S < await client.pttl(name) <= 60 * S
    entry = await third.fetch(settings, key, NOW + 9 * S, stale=False)
    assert (entry.status, entry.headers, entry.body) == (200, [("content-type", "x/y"), ("x-a", "é")], b"\x00\xff")
    assert third.fresh(settings, key, NOW + 9 * S) is entry  # it is local from then on
    assert await worker().fetch(settings, key, NOW + 60 * S, stale=True) is None


async def test_what_another_version_wrote_is_no_answer(worker, client):
    settings, cache = target(ttl_s=10), worker()
    key = await keep(cache, settings, answer())
    await cache.flush()
    (name,) = await client.keys("*:cache:*")
    await client.set(name, b"\x93not this")
    assert await worker().fetch(settings, key, NOW, stale=True) is None


@pytest.mark.parametrize("status", [201, 203, 206, 304, 404, 500])
async def test_only_complete_successes_are_kept(worker, client, status):
    cache, settings = worker(), target(ttl_s=10)
    key = await keep(cache, settings, answer(status=status))
    await cache.flush()
    assert cache.fresh(settings, key, NOW) is None
    assert await client.keys("*:cache:*") == []


async def test_a_target_that_does_not_write_through_keeps_nothing(worker, client):
    cache, settings = worker(), target(write_through=False, ttl_s=10)
    key = await keep(cache, settings, answer())
    await cache.flush()
    assert cache.fresh(settings, key, NOW) is None
    assert await client.keys("*:cache:*") == []


async def test_an_unchanged_answer_is_rewritten_once_a_second_and_its_age_starts_anew_each_time(worker, client):
    cache, settings = worker(), target(ttl_s=10)
    writes = []
    for at_ms in (0, 100, 900, 999, 1000, 1500, 2000):
        key = await keep(cache, settings, answer(b"same", ("date", f"{at_ms}")), NOW + at_ms)
        assert 0 <= NOW + at_ms - cache.fresh(settings, key, NOW + at_ms).stored_at_ms < 100
        await cache.flush()
        writes.append((await worker().fetch(settings, key, NOW + at_ms, stale=True)).stored_at_ms - NOW)
    assert writes == [0, 0, 0, 0, 1000, 1000, 2000]


async def test_a_changed_answer_is_written_with_the_next_flush(worker):
    cache, settings = worker(), target(ttl_s=10)
    for at_ms, body in ((0, b"one"), (50, b"two"), (100, b"three")):
        key = await keep(cache, settings, answer(body), NOW + at_ms)
        await cache.flush()
        assert (await worker().fetch(settings, key, NOW + at_ms, stale=True)).body == body


async def test_what_belongs_to_one_connection_is_not_kept(worker):
    cache, settings = worker(), target(ttl_s=10)
    said = (
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("content-length", "999"),
        ("x-hop", "1"),
        ("age", "7"),
        ("date", "then"),
        ("etag", '"1"'),
    )
    key = await keep(cache, settings, answer(b"news", *said))
    assert cache.fresh(settings, key, NOW).headers == [("date", "then"), ("etag", '"1"')]


async def test_memory_is_bounded_and_what_was_used_last_stays(worker):
    cache, settings = worker(max_bytes=4 * 2000), target(ttl_s=10)
    keys = [await keep(cache, settings, answer(b"x" * 1200), path=f"/{n}") for n in range(3)]
    assert cache.fresh(settings, keys[0], NOW) is not None
    keys += [await keep(cache, settings, answer(b"x" * 1200), path=f"/{n}") for n in range(3, 6)]
    there = [n for n, key in enumerate(keys) if cache.fresh(settings, key, NOW)]
    assert there == [0, 3, 4, 5]


async def test_an_answer_above_the_limit_is_not_kept(worker):
    cache, settings = worker(max_entry=10), target(ttl_s=10)
    key = await keep(cache, settings, answer(b"x" * 11))
    assert cache.fresh(settings, key, NOW) is None


async def test_a_store_that_is_away_gets_everything_once_it_is_back(worker, client, valkey_server):
    cache, settings = worker(retry_s=0), target(ttl_s=10)
    valkey_server.stop()
    try:
        for n in range(3):
            key = await keep(cache, settings, answer(), path=f"/{n}")
            await cache.flush()
        assert cache.failures == 3
        assert cache.fresh(settings, key, NOW) is not None
        assert await cache.fetch(settings, "another", NOW, stale=True) is None
    finally:
        valkey_server.start()
    await cache.flush()
    assert len(await client.keys("*:cache:*")) == 3


async def test_a_store_that_failed_is_left_alone_for_a_while(valkey_server, valkey):
    async with connect_async(valkey) as client:
        cache, settings = ResponseCache(CacheStore(client, "sg"), retry_s=60), target(ttl_s=10)
        valkey_server.stop()
        try:
            for _ in range(3):
                assert await cache.fetch(settings, "another", NOW, stale=True) is None
        finally:
            valkey_server.start()
    assert cache.failures == 1


async def test_the_queue_for_a_store_that_is_away_is_bounded_and_the_oldest_go_first(worker):
    cache, settings = worker(max_queued=3), target(ttl_s=10)
    keys = [await keep(cache, settings, answer(), path=f"/{n}") for n in range(5)]
    assert cache.dropped == 2
    await cache.flush()
    other = worker()
    there = [await other.fetch(settings, key, NOW, stale=True) is not None for key in keys]
    assert there == [False, False, True, True, True]


async def test_without_a_store_answers_are_kept_in_this_process():
    cache, settings = ResponseCache(None), target(ttl_s=10)
    key = await keep(cache, settings, answer())
    await cache.flush()
    assert cache.fresh(settings, key, NOW)
    assert await cache.fetch(settings, "another", NOW, stale=True) is None


# Callers at the same time


class Call:
    """A call that ends when the test says so; counts how often it was made."""

    def __init__(self, cache: ResponseCache, settings: TargetSettings, key: str) -> None:
        self._cache, self._settings, self._key = cache, settings, key
        self.made = 0
        self.go = asyncio.Event()
        self.result: WireAnswer | Exception = answer()

    async def __call__(self) -> Answer:
        self.made += 1
        await self.go.wait()
        if isinstance(self.result, Exception):
            raise self.result
        self._cache.keep(self._settings, self._key, self.result, NOW)
        return Answer(self.result.status, self.result.headers, self.result.body)


@pytest.fixture
def call():
    cache, settings = ResponseCache(None), target(ttl_s=10)
    key = cache.key(settings, get())
    return cache, key, Call(cache, settings, key)


async def begin(cache: ResponseCache, key: str, call: Call, count: int = 5) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(cache.once(key, call)) for _ in range(count)]
    await asyncio.sleep(0.01)
    return tasks


async def test_callers_of_the_same_answer_share_one_call(call):
    cache, key, fetch = call
    tasks = await begin(cache, key, fetch)
    fetch.go.set()
    answers = await asyncio.gather(*tasks)
    assert fetch.made == 1
    assert {each.body for each in answers} == {b"news"}
    answers[0].headers.append(("x", "y"))
    assert answers[1].headers == []  # each has headers of its own


async def test_an_answer_that_may_not_be_kept_is_not_shared_either(call):
    cache, key, fetch = call
    fetch.result = answer(b"yours", ("set-cookie", "session=1"))
    tasks = await begin(cache, key, fetch)
    fetch.go.set()
    await asyncio.gather(*tasks)
    assert fetch.made == 5
    fetch.go.clear()
    tasks = await begin(cache, key, fetch)
    assert fetch.made == 10  # and for a while nobody waits to find that out again
    fetch.go.set()
    await asyncio.gather(*tasks)


async def test_a_failure_is_shared(call):
    cache, key, fetch = call
    fetch.result = TargetTimeout("catalog")
    tasks = await begin(cache, key, fetch)
    fetch.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert fetch.made == 1
    assert all(isinstance(result, TargetTimeout) for result in results)


async def test_when_the_caller_that_calls_is_cancelled_another_takes_over(call):
    cache, key, fetch = call
    first, *others = await begin(cache, key, fetch)
    first.cancel()
    others[1].cancel()
    await asyncio.sleep(0.01)
    fetch.go.set()
    results = await asyncio.gather(first, *others, return_exceptions=True)
    assert [type(result) for result in results] == [
        asyncio.CancelledError,
        Answer,
        asyncio.CancelledError,
        Answer,
        Answer,
    ]
    assert fetch.made == 2
