"""The writer commits for many, and what one of them has wrong harms nobody else."""

import asyncio

import pytest

from compositions.engine.standard.journal import storable, written
from compositions.engine.standard.statements import Line
from compositions.engine.standard.writer import Job, Lost, Writer
from compositions.models import Execution, JournalEntry
from controlplane.kernel import clock

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def row(id: str, fence: int = 1) -> None:
    Execution.objects.create(id=id, composition="order", version=1, input="{}", started_at=clock.now(), fence=fence)


def job(id: str, number: int = 1, fence: int = 1, told: str = "[]") -> Job:
    return Job(Line(id, fence, number, clock.now(), False, told))


async def test_lines_are_committed_together_and_under_their_fence(no_sessions_left: None) -> None:
    for id in ("a", "b", "c"):
        row(id)
    writer = Writer()
    told = [writer.submit(job("a")), writer.submit(job("b", fence=0)), writer.submit(job("c", number=2))]
    found = await asyncio.gather(*told, return_exceptions=True)
    assert [type(one) for one in found] == [type(None), Lost, type(None)]
    assert sorted(JournalEntry.objects.values_list("execution", "number")) == [("a", 1), ("c", 2)]
    await writer.close()


async def test_what_cannot_be_written_is_lost_and_the_others_are_written(no_sessions_left: None) -> None:
    for id in ("a", "b"):
        row(id)
    writer = Writer()
    bad = job("a")
    bad.line = bad.line._replace(told=object())  # type: ignore[union-attr, arg-type]
    found = await asyncio.gather(writer.submit(bad), writer.submit(job("b")), return_exceptions=True)
    assert [type(one) for one in found] == [Lost, type(None)]
    await writer.close()


async def test_an_ended_execution_takes_no_more_lines(no_sessions_left: None) -> None:
    row("a")
    Execution.objects.update(status="ABORTED")
    writer = Writer()
    with pytest.raises(Lost):
        await writer.submit(job("a"))
    await writer.close()


def test_text_that_no_database_takes_is_mended() -> None:
    assert storable("a\x00b\ud800") == "a\ufffdb?"
    assert "\x00" not in written([("call", (), 0, 1, {"output": "\x00"})])


async def test_an_answer_with_bytes_that_no_database_takes_ends_like_any_other(sagas: Sagas) -> None:
    sagas.downstream.behave("/pay", status=402, body=b"no\x00money\xff")
    await sagas.define(machine(Pay=call("shop", "/pay")))
    await sagas.engine()
    row = await sagas.ended(sagas.start())
    assert (row.status, row.cause) == ("FAILED", "no\ufffdmoney\ufffd")
