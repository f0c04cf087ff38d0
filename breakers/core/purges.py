"""Purges: which kept answers stand no more. A purge is a time and no event, so that one heard late is not lost.

Answers to calls that began before the time are neither given nor kept, whoever kept them and wherever they come from.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import parse_qsl

import msgspec

Tags = tuple[str, ...]


class Mark(msgspec.Struct, frozen=True):
    """One purge. What it names, it is narrowed to: answers of `owner`, answers with `tag`, answers to requests for
    `path`, and of these `query` (None: any) and `headers` (name -> digest of the value; those left out: any).

    `owner` is a target's slug, or `route/{slug}` for what the front door keeps of a route in whatever stage.
    """

    at_ms: int
    owner: str = ""
    tag: str = ""
    path: str = ""
    query: str | None = None
    headers: dict[str, str] = {}


class Asked(msgspec.Struct, frozen=True):
    """The request of a kept answer, as far as people may know it: headers by name with a digest of the value."""

    path: str
    query: str
    headers: dict[str, str]

    @classmethod
    def of_key(cls, key: str) -> "Asked":
        """Reads the text that `privacy.cache_key` makes."""
        _, names, path, query, *values = key.split("\n")
        return cls(path, query, dict(zip(names.split(","), map(digest_of, values), strict=True)))


class Purges:
    """All purges that still count. `of` is asked for every answer that is kept, so it looks up and hardly searches."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._owners: dict[str, int] = {}
        self._tags: dict[str, int] = {}
        self._requests: dict[tuple[str, str], list[Mark]] = {}
        for mark in marks:
            if mark.path:
                self._requests.setdefault((mark.owner, mark.path), []).append(mark)
            elif mark.tag:
                self._tags[mark.tag] = max(mark.at_ms, self._tags.get(mark.tag, 0))
            else:
                self._owners[mark.owner] = max(mark.at_ms, self._owners.get(mark.owner, 0))

    def __bool__(self) -> bool:
        return bool(self._owners or self._tags or self._requests)

    def of(self, key: str, tags: Tags) -> int:
        """The time before which an answer with this key and these tags stands no more; 0 when none was purged."""
        slug, _, rest = key.partition("\n")
        owner = owner_of(slug)
        newest = max(self._owners.get(owner, 0), self._owners.get("", 0))
        for tag in tags:
            newest = max(newest, self._tags.get(tag, 0))
        if self._requests:
            _, path, _ = rest.split("\n", 2)
            for mark in self._requests.get((owner, path), ()):
                if mark.at_ms > newest and concerns(mark, owner, Asked.of_key(key)):
                    newest = mark.at_ms
        return newest


def concerns(mark: Mark, owner: str, asked: Asked) -> bool:
    """Whether a purge of requests is about this one. A header that makes no different answer is not looked at."""
    if (mark.owner, mark.path) != (owner, asked.path):
        return False
    if any(asked.headers.get(name, digest) != digest for name, digest in mark.headers.items()):
        return False
    if mark.query is None or mark.query == asked.query:
        return True
    wanted, kept = _pairs(mark.query), _pairs(asked.query)
    # A route may look at some of the parameters only, and then knows nothing of the others.
    return set(kept) <= set(wanted) if owner.startswith("route/") else sorted(kept) == sorted(wanted)


@lru_cache(maxsize=4096)
def owner_of(slug: str) -> str:
    """Whose answers are kept under `slug`: a target's slug, or `route/{stage}/{route}/{made by}`."""
    kind, *parts = slug.split("/")
    return f"{kind}/{parts[1]}" if len(parts) > 1 else slug


def digest_of(value: str) -> str:
    """Enough of a header's value to tell it from another, and too little to use it: values may be credentials."""
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest() if value else ""


def header_digest(value: str | None) -> str:
    """The digest of a header that is sent once with this value; None: not sent."""
    return "" if value is None else digest_of(f"={value}")


def tags_in(headers: Iterable[tuple[str, str]]) -> Tags:
    """The tags that an answer gives itself: `Cache-Tag: a, b` and `Surrogate-Key: a b`, whatever their case."""
    found: dict[str, None] = {}
    for name, value in headers:
        if name == "cache-tag":
            found |= dict.fromkeys(word for part in value.lower().split(",") if (word := part.strip()))
        elif name == "surrogate-key":
            found |= dict.fromkeys(value.lower().split())
    return tuple(found)


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)
