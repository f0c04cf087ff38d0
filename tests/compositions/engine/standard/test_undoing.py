"""Calls that put things right go before others, and have a share of their target and no more."""

import asyncio
from collections import Counter
from contextlib import suppress

import pytest

from breakers.guard.errors import ContractExhausted
from breakers.guard.messages import Request

from .conftest import Sagas, call, machine

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
REFUND = [{"ErrorEquals": ["States.ALL"], "Next": "Refund"}]


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


async def test_a_refund_gets_the_next_slot_of_a_contract_before_everybody_else(sagas: Sagas) -> None:
    await sagas.target("bank", contracts=[{"limit": 1, "period_s": 1, "on_exhausted": "reject"}])
    await sagas.define(machine(Pay=call("shop", "/pay", Catch=REFUND), Refund=call("bank", "/refund")))
    sagas.downstream.behave("/pay", status=409)
    await sagas.engine()

    async def crowd() -> None:
        while True:
            with suppress(ContractExhausted):
                await sagas.plane.guard.call("bank", Request("GET", "/balance"))
            await asyncio.sleep(0.005)

    crowding = asyncio.create_task(crowd())
    await sagas.until(lambda: len(sagas.calls("/balance")) == 2)
    assert (await sagas.ended(sagas.start())).status == "PARTIAL"
    assert len(sagas.calls("/balance")) <= 5
    crowding.cancel()
