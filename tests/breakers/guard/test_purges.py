"""Purges on a real store: what was purged is given by nobody, whoever kept it and whenever they hear of it."""

import asyncio

import redis

from breakers.core.purges import Mark, Purges
from breakers.guard.messages import Answer
from breakers.store.kept import KeptStore

from .test_cache import NOW, answer, client, get, keep, store, target, worker

__all__ = ["client", "store", "worker"]


async def test_a_purge_of_a_target_leaves_the_others_alone(worker):
    cache = worker()
    catalog, other, lookalike = target("catalog", ttl_s=9), target("other", ttl_s=9), target("catalog-2", ttl_s=9)
    keys = {each.slug: await keep(cache, each, answer()) for each in (catalog, other, lookalike)}
    await cache.flush()
    queued = await keep(cache, catalog, answer(b"new"), path="/queued")
    cache.heed(Purges([Mark(NOW, "catalog")]))
    await cache.flush()
    assert cache.fresh(catalog, keys["catalog"], NOW) is cache.fresh(catalog, queued, NOW) is None
    assert await worker().fetch(catalog, queued, NOW, stale=True) is None
    assert cache.fresh(other, keys["other"], NOW)
    assert cache.fresh(lookalike, keys["catalog-2"], NOW)


async def test_what_the_store_still_has_is_not_given_by_who_heard_of_the_purge(worker):
    settings, first, heard = target(ttl_s=9), worker(), worker()
    key = await keep(first, settings, answer())
    await first.flush()
    heard.heed(Purges([Mark(NOW, "catalog")]))
    assert await heard.fetch(settings, key, NOW, stale=True) is None
    assert await worker().fetch(settings, key, NOW, stale=True)


async def test_an_answer_to_a_call_that_began_before_the_purge_is_not_kept(worker):
    settings, cache = target(ttl_s=9), worker()
    key = cache.key(settings, get())
    cache.heed(Purges([Mark(NOW + 5, "catalog")]))
    cache.keep(settings, key, answer(b"old"), NOW + 10, began_ms=NOW)
    assert cache.fresh(settings, key, NOW + 10) is None
    cache.keep(settings, key, answer(b"new"), NOW + 20, began_ms=NOW + 6)
    assert cache.fresh(settings, key, NOW + 20).body == b"new"


async def test_a_purge_that_is_heard_after_the_answer_was_kept_counts_from_when_the_call_began(worker):
    settings, cache = target(ttl_s=9), worker()
    key = cache.key(settings, get())
    cache.keep(settings, key, answer(b"old"), NOW + 10, began_ms=NOW)
    cache.heed(Purges([Mark(NOW + 5, "catalog")]))
    assert cache.fresh(settings, key, NOW + 10) is None


async def test_answers_are_purged_by_the_tags_that_they_gave_themselves(worker):
    settings, cache = target(ttl_s=9), worker()
    tagged = await keep(cache, settings, answer(b"a", ("cache-tag", "News")), path="/news")
    plain = await keep(cache, settings, answer(b"b"), path="/plain")
    cache.heed(Purges([Mark(NOW, tag="news")]))
    assert cache.fresh(settings, tagged, NOW) is None
    assert cache.fresh(settings, plain, NOW)


async def test_callers_who_waited_across_a_purge_get_an_answer_that_was_asked_for_after_it(worker):
    settings, cache = target(ttl_s=9), worker()
    key = cache.key(settings, get())
    calls: list[asyncio.Event] = []

    async def fetch() -> Answer:
        call, began_ms = asyncio.Event(), NOW + len(calls) * 10
        calls.append(call)
        number = len(calls)
        await call.wait()
        given = answer(f"{number}".encode())
        cache.keep(settings, key, given, NOW + 100, began_ms=began_ms)
        return Answer(given.status, given.headers, given.body)

    first, second, third = (asyncio.create_task(cache.once(key, fetch)) for _ in range(3))
    await asyncio.sleep(0.01)
    cache.heed(Purges([Mark(NOW + 5, "catalog")]))
    calls[0].set()
    await asyncio.sleep(0.01)
    assert len(calls) == 2  # one of the two that waited fetches for both
    calls[1].set()
    assert [each.body for each in await asyncio.gather(first, second, third)] == [b"1", b"2", b"2"]


async def test_a_purge_gives_the_memory_of_the_store_back(worker, valkey):
    cache, settings, other = worker(), target(ttl_s=9), target("other", ttl_s=9)
    for number in range(3):
        tags = ("cache-tag", f"even-{number % 2 == 0}")
        await keep(cache, settings, answer(b"x" * 100, tags), path=f"/{number}", query="a=1")
        await keep(cache, other, answer(b"y", tags), path=f"/{number}")
    await cache.flush()
    with redis.Redis.from_url(valkey) as client:
        kept = KeptStore(client, "sg")
        assert kept.owners() == {"catalog": 3, "other": 3}
        newest = kept.newest("catalog", 10)
        assert {line.asked.path for line in newest} == {"/0", "/1", "/2"}
        assert all(size > 100 for size in kept.sizes("catalog", [line.digest for line in newest]))
        assert kept.remove(Mark(NOW, "catalog", path="/1", query="a=2")) == 0
        assert kept.remove(Mark(NOW, "catalog", path="/1", query="a=1")) == 1
        assert kept.remove(Mark(NOW, tag="even-true")) == 4
        assert kept.remove(Mark(NOW - 1, "other")) == 0  # it was stored after that
        assert kept.remove(Mark(NOW, "other")) == 1
        assert kept.owners() == {}
        assert client.keys("*:cache:*") == []
