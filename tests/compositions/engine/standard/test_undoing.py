"""Calls that put things right go before others, and have a share of their target and no more."""

import asyncio
from collections import Counter

import pytest

from compositions.engine.standard.undoing import Undoing

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
REFUND = [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]


async def test_calls_that_go_forward_give_way_while_one_that_undoes_waits(sagas: Sagas) -> None:
    undoing = Undoing(sagas.plane)
    with undoing.waits("shop"):
        giving = asyncio.ensure_future(undoing.give_way("shop"))
        await undoing.give_way("other")
        await asyncio.sleep(0.1)
        assert not giving.done()
    await asyncio.wait_for(giving, 1)
    assert not undoing.is_waiting


async def test_undoing_has_a_quarter_of_what_a_target_bears_at_once(sagas: Sagas) -> None:
    await sagas.target("bank", max_concurrency=8)
    await sagas.define(machine(Pay=call("shop", "/pay", Catch=REFUND), Refund=call("bank", "/refund")))
    sagas.downstream.behave("/pay", status=409)
    sagas.downstream.behave("/refund", delay_s=0.3)
    await sagas.engine()
    ids = [sagas.start() for _ in range(6)]
    for id in ids:
        assert (await sagas.ended(id)).status == "PARTIAL"
    at = sorted(request.at for request in sagas.calls("/refund"))
    assert max(Counter(sum(begin <= one < begin + 0.25 for one in at) for begin in at)) <= 2
