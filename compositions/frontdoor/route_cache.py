"""Whole answers of a route, given again for a while: the route's own cache, before any target is called.

Kept where targets' answers are kept, under the same rule: nothing private, and only complete 200s to GET (a HEAD is
answered from them too). The request says `Cache-Control: no-cache` to have the answer fetched and kept anew, `no-store`
to leave the cache alone. Metering has happened before, so a hit costs the consumer what a call costs.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode
from zlib import crc32

import msgspec

from breakers.core.settings import CacheSettings
from breakers.guard.cache import ResponseCache
from breakers.guard.messages import Answer, Request

from .integrations import Arrival

# What downstreams build absolute addresses of; without it one client's Host could end up in another's answer.
_SEEN_AS = {"x-forwarded-host", "x-forwarded-proto"}


class Plane(Protocol):
    """What the cache needs of the process that hosts it."""

    cache: ResponseCache
    store_ok: bool

    def now_ms(self) -> float: ...


class RouteCache(msgspec.Struct, frozen=True):
    """`slug` stands for the route in this stage among the slugs of targets, none of which holds a slash."""

    slug: str
    cache: CacheSettings
    query: frozenset[str] | None

    @classmethod
    def parse(
        cls, stage: str, stage_body: Mapping[str, Any], route: str, route_body: Mapping[str, Any]
    ) -> "RouteCache | None":
        """None when answers are not kept at all.

        A route that states a lifetime speaks for itself; one that states none takes its stage's, and then whatever
        either of them names makes a different answer.
        """
        own: Mapping[str, Any] = route_body.get("cache") or {}
        default: Mapping[str, Any] = stage_body.get("cache") or {}
        ttl_s, headers, query = own.get("ttl_s"), set(own.get("vary_headers") or ()), own.get("vary_query")
        if ttl_s is None:
            ttl_s = default.get("ttl_s") or 0
            headers |= set(default.get("vary_headers") or ())
            also = default.get("vary_query")
            query = None if query is None and also is None else [*(query or ()), *(also or ())]
        if ttl_s <= 0:
            return None
        names = tuple(sorted({name.lower() for name in headers} | _SEEN_AS))
        settings = CacheSettings(ttl_s=ttl_s, max_stale_s=0, vary_headers=names)
        # What was answered by another integration must not outlive it.
        made_by = crc32(msgspec.json.encode(route_body["integration"], order="sorted"))
        slug = f"route/{stage}/{route}/{made_by:08x}"
        return cls(slug, settings, None if query is None else frozenset(query))

    async def answer(self, plane: Plane, arrival: Arrival, fetch: Callable[[], Awaitable[Answer]]) -> Answer:
        """A kept answer, or what `fetch` gives; callers that ask for the same at the same time wait for one of them."""
        wishes = _wishes(arrival)
        key = plane.cache.key(self, self._asked(arrival)) if "no-store" not in wishes else None
        if key is None:
            return await fetch()
        if "no-cache" in wishes:
            return await self._fetched(plane, key, fetch)
        now_ms = plane.now_ms()
        entry = plane.cache.fresh(self, key, now_ms)
        if entry is None:
            entry = await plane.cache.fetch(self, key, now_ms, stale=False, ask=plane.store_ok)
        if entry is not None:
            age_s = max(0.0, (now_ms - entry.stored_at_ms) / 1000)
            return Answer(entry.status, list(entry.headers), entry.body, source="cache", age_s=age_s)
        return await plane.cache.once(key, lambda: self._fetched(plane, key, fetch))

    async def _fetched(self, plane: Plane, key: str, fetch: Callable[[], Awaitable[Answer]]) -> Answer:
        began_ms = plane.now_ms()
        answer = await fetch()
        if answer.source == "live":  # what another cache had kept is old already, and told so
            plane.cache.keep(self, key, answer, plane.now_ms(), began_ms=began_ms)
        return answer

    def _asked(self, arrival: Arrival) -> Request:
        """The request as far as it makes a different answer."""
        query = arrival.query
        if self.query is not None and query:
            pairs = parse_qsl(query, keep_blank_values=True)
            query = urlencode(sorted((pair for pair in pairs if pair[0] in self.query), key=lambda pair: pair[0]))
        return Request(arrival.method, arrival.path, query, arrival.headers, arrival.body, arrival.private)


def _wishes(arrival: Arrival) -> frozenset[str]:
    values = [value.lower() for name, value in arrival.headers if name == "cache-control"]
    return frozenset(word.partition("=")[0].strip() for value in values for word in value.split(","))
