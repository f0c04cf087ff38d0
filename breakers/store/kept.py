"""What is kept in the shared store, as pages and REST see it, and how a purge gives its memory back.

A purge is in force through the configuration. Deleting here frees memory at once; what could not be deleted expires.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from redis import Redis

from breakers.core.purges import Asked, Mark, concerns, owner_of

from .cache import Names

PAGE = 500


class Line(NamedTuple):
    """One kept answer of an owner; `text` is how the owner's list has it."""

    digest: str
    asked: Asked
    tags: tuple[str, ...]
    stored_at_ms: int
    text: bytes


class KeptStore:
    """Every method raises RedisError or OSError when the server can't be reached."""

    def __init__(self, valkey: Redis, prefix: str) -> None:
        self._valkey, self._names = valkey, Names(prefix)

    def owners(self) -> dict[str, int]:
        """Under which slugs answers are kept, and how many at most; those that have expired may still be counted."""
        names: list[Any] = self._valkey.zrange(self._names.owners, 0, -1)
        slugs = [name.decode() for name in names]
        pipeline = self._valkey.pipeline(transaction=False)
        for slug in slugs:
            pipeline.zcard(self._names.lines(slug))
        found = dict(zip(slugs, pipeline.execute(), strict=True))
        if gone := [slug for slug, count in found.items() if not count]:
            self._valkey.zrem(self._names.owners, *gone)
        return {slug: int(count) for slug, count in found.items() if count}

    def newest(self, slug: str, limit: int) -> list[Line]:
        """The answers that were kept last."""
        found: Any = self._valkey.zrevrange(self._names.lines(slug), 0, limit - 1, withscores=True)
        return [_line(text, stored) for text, stored in found]

    def sizes(self, slug: str, digests: Sequence[str]) -> list[int]:
        """Bytes of each answer as it is stored; 0 when it is not kept any more."""
        pipeline = self._valkey.pipeline(transaction=False)
        for digest in digests:
            pipeline.strlen(self._names.entry(slug, digest))
        return [int(size) for size in pipeline.execute()]

    def remove(self, mark: Mark) -> int:
        """Delete what was stored before the mark and is concerned; returns how many answers that were."""
        slugs = [slug for slug in self.owners() if mark.owner in ("", owner_of(slug))]
        return sum(self._remove(slug, mark) for slug in slugs)

    def _remove(self, slug: str, mark: Mark) -> int:
        removed = 0
        for page in self._before(slug, mark.at_ms):
            doomed = [line for line in page if _concerned(line, mark, owner_of(slug))]
            if doomed:
                removed += int(self._valkey.unlink(*(self._names.entry(slug, line.digest) for line in doomed)))
                self._valkey.zrem(self._names.lines(slug), *(line.text for line in doomed))
        return removed

    def _before(self, slug: str, at_ms: int) -> Iterator[list[Line]]:
        """The whole list first, page by page, so that what is deleted meanwhile shifts nothing."""
        texts: Any = self._valkey.zrangebyscore(self._names.lines(slug), "-inf", at_ms)
        for start in range(0, len(texts), PAGE):
            yield [_line(text, 0) for text in texts[start : start + PAGE]]


def _concerned(line: Line, mark: Mark, owner: str) -> bool:
    if mark.tag:
        return mark.tag in line.tags
    return not mark.path or concerns(mark, owner, line.asked)


def _line(text: bytes, stored_at_ms: float) -> Line:
    digest, path, query, headers, tags = json.loads(text)
    return Line(digest, Asked(path, query, headers), tuple(tags), int(stored_at_ms), text)
