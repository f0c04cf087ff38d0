"""Kept answers as pages show them: whose, how many, how large, how old."""

from typing import NamedTuple

from django.conf import settings

from breakers.admission.redaction import shown_query
from breakers.store.kept import KeptStore, Line
from controlplane.kernel import valkey

SHOWN = 50
WEIGHED = 1000  # answers whose sizes are added up; of more the page says "at least"


class Owner(NamedTuple):
    """Whose answers: a target, or a route in a stage. `key` is the slug under which the store has them."""

    kind: str
    slug: str
    stage: str
    answers: int
    key: str


class Answer(NamedTuple):
    path: str
    query: str
    tags: tuple[str, ...]
    variant: str
    stored_at_ms: int
    size: int


class Kept(NamedTuple):
    """What one owner keeps: the newest answers, and the bytes of those that were weighed."""

    owner: Owner
    shown: list[Answer]
    size: int
    more: bool
    oldest_ms: int | None
    now_ms: int


def owners() -> list[Owner] | None:
    """By kind and slug; None when the store does not answer."""
    try:
        return sorted(_owner(key, count) for key, count in _store().owners().items())
    except valkey.Away:
        return None


def of(kind: str, slug: str) -> list[Kept] | None:
    """What is kept of a target, or of a route in each stage; None when the store does not answer."""
    store = _store()
    try:
        now_ms = valkey.server_ms(valkey.shared())
        found = [_owner(key, count) for key, count in store.owners().items()]
        return [_kept(store, owner, now_ms) for owner in found if (owner.kind, owner.slug) == (kind, slug)]
    except valkey.Away:
        return None


def _kept(store: KeptStore, owner: Owner, now_ms: int) -> Kept:
    lines = store.newest(owner.key, WEIGHED)
    sizes = store.sizes(owner.key, [line.digest for line in lines])
    alive = [(line, size) for line, size in zip(lines, sizes, strict=True) if size]
    return Kept(
        owner._replace(answers=len(alive) if len(lines) == owner.answers else owner.answers),
        [_answer(line, size) for line, size in alive[:SHOWN]],
        sum(size for _, size in alive),
        owner.answers > len(lines),
        alive[-1][0].stored_at_ms if alive else None,
        now_ms,
    )


def _answer(line: Line, size: int) -> Answer:
    query = "&".join(f"{name}={value}" for name, value in shown_query(line.asked.query))
    varied = ", ".join(name for name, digest in line.asked.headers.items() if digest)
    return Answer(line.asked.path, query, line.tags, varied, line.stored_at_ms, size)


def _owner(key: str, answers: int) -> Owner:
    kind, *parts = key.split("/")
    return (
        Owner("route", parts[1], parts[0], answers, key) if len(parts) > 1 else Owner("target", kind, "", answers, key)
    )


def _store() -> KeptStore:
    return KeptStore(valkey.shared(), settings.KEY_PREFIX)
