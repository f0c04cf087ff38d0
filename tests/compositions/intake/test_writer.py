"""Intents are committed many at a time; a key stands for one intent, whoever sends it when and where."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from compositions.intake.errors import BeingAccepted, KeyReused, NotAccepted
from compositions.intake.reader import Reader
from compositions.intake.rows import Offer
from compositions.intake.writer import Writer
from compositions.models import Intent

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def offer(key: str = "", *, print_: str = "a", pipe: str = "subscribe", **more: Any) -> Offer:
    return Offer(pipe=pipe, body='{"plan": "premium"}', key_hash=key, fingerprint=print_ if key else "", **more)


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.fixture
def writer(reader: Reader) -> Iterator[Writer]:
    made = Writer(reader.kept)
    yield made
    made.close()


@pytest.fixture
def second(reader: Reader) -> Iterator[Writer]:
    """The writer of another front door."""
    made = Writer(reader.kept)
    yield made
    made.close()


async def test_what_is_accepted_is_committed_before_it_is_told(writer: Writer) -> None:
    accepted = await asyncio.gather(*(writer.accept(offer()) for _ in range(300)))
    ids = {id for id, new in accepted if new}
    assert len(ids) == 300
    rows = await asyncio.to_thread(lambda: {row.pk: row for row in Intent.objects.all()})
    assert set(rows) == ids
    assert {(row.status, row.body, row.pipe) for row in rows.values()} == {
        ("ACCEPTED", '{"plan": "premium"}', "subscribe")
    }


async def test_the_same_key_and_body_is_the_same_intent(writer: Writer, second: Writer) -> None:
    first, new = await writer.accept(offer("k1"))
    assert new
    assert await writer.accept(offer("k1")) == (first, False)
    assert await second.accept(offer("k1")) == (first, False), "another front door knows it too"


async def test_another_body_is_refused_and_another_consumer_or_pipe_is_somebody_else(writer: Writer) -> None:
    first, _ = await writer.accept(offer("k1", consumer="acme"))
    with pytest.raises(KeyReused):
        await writer.accept(offer("k1", print_="b", consumer="acme"))
    others = [offer("k1", consumer="other"), offer("k1", pipe="search", consumer="acme"), offer("k1")]
    assert len({first, *[(await writer.accept(other))[0] for other in others]}) == 4


async def test_a_key_that_is_being_committed_is_refused_for_the_moment() -> None:
    async def not_yet(_: Offer) -> None:
        """What a reader sees before the commit."""

    writer = Writer(not_yet)
    results = await asyncio.gather(*(writer.accept(offer("k1")) for _ in range(5)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["BeingAccepted"] * 4 + ["tuple"]
    refused = next(result for result in results if isinstance(result, BeingAccepted))
    assert (refused.status, refused.retry_after) == (409, "1")
    writer.close()


async def test_two_front_doors_that_get_one_key_at_once_agree_on_one_intent(writer: Writer, second: Writer) -> None:
    for turn in range(10):
        one, other = await asyncio.gather(writer.accept(offer(f"k{turn}")), second.accept(offer(f"k{turn}")))
        assert one[0] == other[0]
        assert sorted((one[1], other[1])) == [False, True]


async def test_beyond_the_backlog_nothing_is_accepted_but_known_keys_have_their_answer(writer: Writer) -> None:
    first, _ = await writer.accept(offer("k1", max_backlog=5))
    results = await asyncio.gather(*(writer.accept(offer(max_backlog=5)) for _ in range(9)), return_exceptions=True)
    assert sum(isinstance(result, NotAccepted) for result in results) == 5
    assert await asyncio.to_thread(Intent.objects.count) == 5
    assert await writer.accept(offer("k1", max_backlog=5)) == (first, False)
    await asyncio.to_thread(lambda: Intent.objects.filter(pk=first).update(status="RUNNING"))
    assert (await writer.accept(offer(max_backlog=5)))[1], "room again"


async def test_a_row_that_cannot_be_stored_spoils_no_other(writer: Writer) -> None:
    spoiled = offer(consumer="x" * 100)
    results = await asyncio.gather(
        writer.accept(offer()), writer.accept(spoiled), writer.accept(offer()), return_exceptions=True
    )
    stored = connection.vendor == "sqlite"  # which takes text of any length
    assert [isinstance(result, tuple) for result in results] == [True, stored, True]


async def test_a_key_that_was_committed_has_its_answer_however_many_ask_at_once(writer: Writer) -> None:
    first, _ = await writer.accept(offer("k1"))
    again = await asyncio.gather(*(writer.accept(offer("k1")) for _ in range(20)))
    assert set(again) == {(first, False)}
    other = await asyncio.gather(
        writer.accept(offer("k1")), writer.accept(offer("k1", print_="b")), return_exceptions=True
    )
    assert (other[0], type(other[1])) == ((first, False), KeyReused)


async def test_an_intent_is_found_by_its_id_and_by_nothing_else(writer: Writer, reader: Reader) -> None:
    ids = [(await writer.accept(offer()))[0] for _ in range(3)]
    found = await asyncio.gather(*(reader.find(intent) for intent in [*ids, "0" * 28]))
    assert [row and row["id"] for row in found] == [*ids, None]
    assert ids == sorted(ids), "ids sort by the time of acceptance"
