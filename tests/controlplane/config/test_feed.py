"""A process's copy of the configuration: where it comes from when Valkey, the database or both are away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio

from controlplane.config import keys
from controlplane.config.feed import ConfigFeed, Snapshot
from controlplane.config.pieces import Manifest, Piece
from controlplane.kernel import valkey as valkeys

NOBODY = "redis://127.0.0.1:1/0"


class Database:
    """What a feed knows of a database: a reader that may fail."""

    def __init__(self) -> None:
        self.number = 0
        self.pieces: dict[str, Piece] = {}
        self.manifest: Manifest = {}
        self.away = False
        self.readings = 0

    def commit(self, number: int, **bodies: Any) -> None:
        pieces = [Piece("target", slug, body).sealed() for slug, body in bodies.items()]
        self.number = number
        self.manifest = {piece.key: piece.digest for piece in pieces}
        self.pieces |= {piece.digest: piece for piece in pieces}

    def publish(self, url: str) -> None:
        with redis.Redis.from_url(url) as store:
            for digest, piece in self.pieces.items():
                body = {"kind": piece.kind, "slug": piece.slug, "body": piece.body}
                store.hset(keys.pieces(), digest, json.dumps(body))
            store.set(keys.manifest(self.number), json.dumps(self.manifest))
            store.set(keys.head(), self.number)

    def newest(self) -> tuple[int, Manifest, Callable[[list[str]], dict[str, Piece]]]:
        self.readings += 1
        if self.away:
            raise ConnectionError("no database")
        return self.number, self.manifest, lambda digests: {digest: self.pieces[digest] for digest in digests}


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
async def feed_on(database: Database, tmp_path: Path) -> AsyncIterator[Callable[[str], ConfigFeed]]:
    made: list[tuple[ConfigFeed, redis.asyncio.Redis]] = []

    def make(url: str) -> ConfigFeed:
        client = valkeys.connect_async(url)
        feed = ConfigFeed(client, database.newest, tmp_path / "last-good.json")
        made.append((feed, client))
        return feed

    yield make
    for feed, client in made:
        await feed.close()
        await client.aclose()


async def test_a_feed_follows_valkey_without_asking_the_database(valkey: str, database: Database, feed_on: Any) -> None:
    feed = feed_on(valkey)
    await feed.start()
    database.commit(1, catalog={"base_url": "http://127.0.0.1:1"})
    database.publish(valkey)
    readings = database.readings
    await feed.refresh()
    assert feed.snapshot.version == 1
    assert feed.snapshot.of("target")["catalog"].body == {"base_url": "http://127.0.0.1:1"}
    assert feed.source == "valkey"
    assert database.readings == readings


async def test_with_valkey_away_the_database_is_asked(database: Database, feed_on: Any) -> None:
    feed = feed_on(NOBODY)
    await feed.start()
    database.commit(3, catalog={})
    await feed.refresh()
    assert (feed.snapshot.version, feed.source, feed.valkey_ok) == (3, "database", False)


async def test_a_flushed_valkey_changes_nothing(valkey: str, database: Database, feed_on: Any) -> None:
    database.commit(2, catalog={})
    database.publish(valkey)
    feed = feed_on(valkey)
    await feed.start()
    with redis.Redis.from_url(valkey) as store:
        store.flushall()
    assert (await feed.refresh()).version == 2


async def test_an_incomplete_copy_in_valkey_is_passed_by(valkey: str, database: Database, feed_on: Any) -> None:
    database.commit(2, catalog={"title": "Catalog"})
    database.publish(valkey)
    with redis.Redis.from_url(valkey) as store:
        store.delete(keys.pieces())
    feed = feed_on(valkey)
    assert (await feed.refresh()).of("target")["catalog"].body == {"title": "Catalog"}
    assert feed.source == "database"


async def test_the_database_wins_over_a_copy_that_is_ahead_of_it(valkey: str, database: Database, feed_on: Any) -> None:
    database.commit(9, catalog={"title": "from another life"})
    database.publish(valkey)
    database.commit(1, catalog={"title": "Catalog"})
    feed = feed_on(valkey)
    await feed.refresh(database=True)
    assert feed.snapshot.version == 1
    assert feed.snapshot.of("target")["catalog"].body == {"title": "Catalog"}


async def test_with_everything_away_the_last_good_file_is_used(valkey: str, database: Database, feed_on: Any) -> None:
    database.commit(4, catalog={"title": "Catalog"})
    database.publish(valkey)
    first = feed_on(valkey)
    await first.start()
    await first.close()  # the file is written beside the swap
    database.away = True
    feed = feed_on(NOBODY)
    await feed.start()
    assert (feed.snapshot.version, feed.source) == (4, "file")
    assert feed.snapshot.of("target")["catalog"].body == {"title": "Catalog"}


async def test_a_damaged_last_good_file_is_not_trusted(database: Database, feed_on: Any, tmp_path: Path) -> None:
    database.commit(4, catalog={"title": "Catalog"})
    first = feed_on(NOBODY)
    await first.start()
    await first.close()
    file = tmp_path / "last-good.json"
    file.write_text(file.read_text().replace("Catalog", "Katalog"))
    database.away = True
    feed = feed_on(NOBODY)
    await feed.start()
    assert (feed.snapshot.version, feed.source) == (0, "none")


async def test_after_the_file_the_truth_is_taken_up_again(database: Database, feed_on: Any) -> None:
    database.commit(4, catalog={})
    await feed_on(NOBODY).start()
    database.away = True
    feed = feed_on(NOBODY)
    await feed.start()
    database.away = False
    database.commit(5, catalog={}, search={})
    await feed.refresh()
    assert (feed.snapshot.version, feed.source) == (5, "database")


async def test_subscribers_see_each_new_snapshot_once_and_cannot_stop_each_other(
    database: Database, feed_on: Any
) -> None:
    feed = feed_on(NOBODY)
    seen: list[int] = []

    def faulty(snapshot: Snapshot) -> None:
        raise ValueError("a subscriber's fault")

    feed.subscribe(faulty)
    feed.subscribe(lambda snapshot: seen.append(snapshot.version))
    database.commit(1, catalog={})
    await feed.refresh()
    await feed.refresh()
    database.commit(2, catalog={"title": "Catalog"})
    await feed.refresh()
    assert seen == [1, 2]


async def test_unchanged_pieces_stay_the_same_objects(database: Database, feed_on: Any) -> None:
    feed = feed_on(NOBODY)
    database.commit(1, catalog={}, search={})
    before = (await feed.refresh()).of("target")["catalog"]
    database.commit(2, catalog={}, search={"title": "Search"})
    assert (await feed.refresh()).of("target")["catalog"] is before
