"""Certificates of SNS: fetched over the guard's wire from places that were vetted, and kept.

A stranger may name places at will, so one is fetched at a time, and not more than one a second.
"""

import threading
import time
from urllib.parse import urlsplit

from django.conf import settings

from breakers.core.settings import TargetSettings
from breakers.guard.addresses import AddressRule
from breakers.guard.errors import GuardError
from breakers.guard.faults import WireFailure
from breakers.guard.messages import Request
from breakers.guard.transport import open_wire
from breakers.hosting import hosted
from controlplane.kernel.errors import Unavailable

TIMEOUT_S = 3.0
MAX_BYTES = 64 << 10
KEPT = 50
PAUSE_S = 1.0

_known: dict[str, str] = {}
_fetching = threading.Lock()
_fetched_at = float("-inf")


def at(url: str) -> str:
    """The text behind a vetted address. Raises Unavailable when it cannot be had now."""
    global _fetched_at
    if (known := _known.get(url)) is not None:
        return known
    if not _fetching.acquire(blocking=False):  # whoever waited here would hold a thread of the pages
        raise Unavailable("A certificate is being fetched.", retry_after_s=PAUSE_S)
    try:
        if (known := _known.get(url)) is not None:
            return known
        if time.monotonic() - _fetched_at < PAUSE_S:
            raise Unavailable("Certificates are fetched one a second.", retry_after_s=PAUSE_S)
        _fetched_at = time.monotonic()
        text = fetch(url)
        while len(_known) >= KEPT:
            _known.pop(next(iter(_known)))
        _known[url] = text
        return text
    finally:
        _fetching.release()


def fetch(url: str) -> str:
    """GET of a vetted address; also confirms a subscription. Raises Unavailable."""
    try:
        return hosted("control").run(_fetch(url), timeout_s=TIMEOUT_S + 2)
    except (WireFailure, GuardError, OSError, ValueError) as error:
        raise Unavailable(f"{urlsplit(url).netloc} did not answer as it should: {error}.", retry_after_s=5) from error


async def _fetch(url: str) -> str:
    parts = urlsplit(url)
    addresses = AddressRule(settings.ALLOW_PRIVATE_ADDRESSES, settings.ALLOW_LINK_LOCAL)
    origin = TargetSettings(slug="sns", base_url=f"{parts.scheme}://{parts.netloc}")
    wire = open_wire(origin, max_body=MAX_BYTES, addresses=addresses)
    try:
        answer = await wire.send(Request("GET", parts.path or "/", parts.query, []), timeout_s=TIMEOUT_S)
    finally:
        await wire.close()
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    return answer.body.decode(errors="replace")
