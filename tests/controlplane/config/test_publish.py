"""The configuration's copy in Valkey: pushed after the commit, repaired by level, never in the way."""

import json
from typing import Any

import pytest
import redis

from controlplane.config import keys, publish
from controlplane.config.models import ConfigVersion
from tests.controlplane.groups import add

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("groups_compiled")]


@pytest.fixture
def store(valkey: str) -> redis.Redis:
    return redis.Redis.from_url(valkey)


def held(store: redis.Redis) -> tuple[int, dict[str, Any]]:
    """The version in Valkey, with its bodies."""
    number = int(store.get(keys.head()))
    manifest = json.loads(store.get(keys.manifest(number)))
    return number, {key: json.loads(store.hget(keys.pieces(), digest))["body"] for key, digest in manifest.items()}


def test_a_commit_puts_the_new_version_into_valkey_and_announces_it(
    store: redis.Redis, django_capture_on_commit_callbacks: Any
) -> None:
    listener = store.pubsub()
    listener.subscribe(keys.push())
    listener.get_message(timeout=1)
    with django_capture_on_commit_callbacks(execute=True):
        add("night-shift")
    number, bodies = held(store)
    assert number == 1
    assert bodies["group/night-shift"] == {"slug": "night-shift", "permissions": []}
    assert json.loads(listener.get_message(timeout=1)["data"]) == {"k": "config", "n": 1}


def test_several_commits_in_one_transaction_are_announced_once(
    store: redis.Redis, django_capture_on_commit_callbacks: Any
) -> None:
    listener = store.pubsub()
    listener.subscribe(keys.push())
    listener.get_message(timeout=1)
    with django_capture_on_commit_callbacks(execute=True):
        add("night-shift")
        add("day-shift")
    assert json.loads(listener.get_message(timeout=1)["data"]) == {"k": "config", "n": 2}
    assert listener.get_message(timeout=0.05) is None


@pytest.mark.usefixtures("no_valkey")
def test_a_commit_succeeds_while_valkey_is_away(django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        made = add("night-shift")
    assert made.version == ConfigVersion.objects.get().number


def test_republishing_fills_a_flushed_valkey_and_then_rests(store: redis.Redis) -> None:
    add("night-shift")
    assert publish.republish()
    assert not publish.republish()
    store.flushall()
    assert publish.republish()
    assert held(store)[0] == 1


def test_republishing_repairs_a_copy_that_lost_its_pieces(store: redis.Redis) -> None:
    add("night-shift")
    publish.republish()
    store.delete(keys.pieces())
    assert publish.republish()
    assert "group/night-shift" in held(store)[1]


def test_announcing_never_turns_the_head_back_but_republishing_follows_the_database(store: redis.Redis) -> None:
    add("night-shift")
    store.set(keys.head(), 7)
    publish.announce()
    assert store.get(keys.head()) == b"7"
    publish.republish()
    assert store.get(keys.head()) == b"1"


def test_an_empty_database_publishes_nothing(store: redis.Redis) -> None:
    assert not publish.republish()
    assert store.dbsize() == 0
