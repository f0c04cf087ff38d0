"""The practice range as one process: every service on its own port, the switches and the demo site on RANGE_PORT."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from contextlib import AsyncExitStack

from compositions.practice_range import pages
from compositions.practice_range.addresses import Addresses, BadAddress
from compositions.practice_range.frontdoor_client import FrontDoor
from compositions.practice_range.notices import Notices
from compositions.practice_range.services import PortTaken, Services
from compositions.practice_range.shop import Shop
from compositions.practice_range.switches import Switches
from compositions.practice_range.traffic import Traffic
from compositions.practice_range.wire import Answer, Handler, Listener, Request, json_answer, problem

logger = logging.getLogger("practice_range")


def site(switches: Switches, notices: Notices, shop: Shop) -> Handler:
    """What RANGE_PORT answers: health, static files, the switches, runbooks and status pages, the demo site."""

    async def answer(request: Request) -> Answer:
        if request.path == "/healthz":
            return json_answer({"status": "ok"})
        if request.path.startswith("/static/"):
            found = pages.static_file(request.path.removeprefix("/static/"))
        else:
            found = await switches.answer(request) or notices.answer(request) or await shop.answer(request)
        return found or problem(404, f"There is nothing at {request.path}. Switches: /, demo site: /shop.")

    return answer


async def serve(addresses: Addresses, *, with_traffic: bool) -> None:
    """Run until SIGTERM or SIGINT, then give back every port."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        services = Services(addresses)
        stack.push_async_callback(services.close)
        await services.open()
        frontdoor = await stack.enter_async_context(FrontDoor(addresses.frontdoor_url))
        traffic = Traffic(frontdoor) if with_traffic else None
        switches = Switches(services, addresses.control_url, addresses.frontdoor_url, traffic)
        notices = Notices(services, addresses.frontdoor_url)
        control = Listener(addresses.host, addresses.port, site(switches, notices, Shop(frontdoor)))
        stack.push_async_callback(control.close)
        try:
            await control.open()
        except OSError as error:
            raise PortTaken("the page of switches", addresses.host, addresses.port) from error
        if traffic:
            running = asyncio.create_task(traffic.run())
            stack.push_async_callback(_cancel, running)
        logger.info("practice range on %s, demo site on %s/shop", addresses.control_url, addresses.control_url)
        await stopped.wait()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        addresses = Addresses.from_environment()
        asyncio.run(serve(addresses, with_traffic=os.environ.get("RANGE_TRAFFIC", "1") != "0"))
    except BadAddress as error:
        logger.error("%s", error)
        return 2
    except PortTaken as error:
        logger.error("%s Set RANGE_PORT to the first of nine free ports in a row.", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
