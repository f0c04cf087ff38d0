"""The site's only way to its own downstreams: through the front door, as any consumer would."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectError, ConnectTimeoutError, PyreqwestError

TIMEOUT = timedelta(seconds=8)


class FrontDoorAway(Exception):
    """Nothing answers at the front door's address."""


@dataclass(frozen=True)
class Reply:
    """What the front door said. `status` 0 stands for an answer that broke off or took too long."""

    status: int
    document: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    took_ms: int = 0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300 and isinstance(self.document, dict)

    def seconds(self, header: str) -> int | None:
        """A header that counts seconds (Age, Retry-After), or None when it is missing or a date."""
        value = self.headers.get(header, "")
        return int(value) if value.isascii() and value.isdecimal() else None


class FrontDoor:
    """One pooled HTTP client, opened for the life of the process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        builder = ClientBuilder().timeout(TIMEOUT).connect_timeout(timedelta(seconds=2)).follow_redirects(False)
        self._client = builder.no_proxy().user_agent("parallax-site/1").build()
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._client is not None:
            await self._client.__aexit__(*failure)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        assert self._client is not None, "the front door client is used inside `async with`"
        started = time.monotonic()
        request = self._client.request(method, self.url + path).headers(dict(headers or {}))
        if query:
            request = request.query(dict(query))
        if body is not None:
            request = request.header("Content-Type", "application/json").body_text(json.dumps(body))
        try:
            response = await request.build().send()
            text = await response.text()
        except (ConnectError, ConnectTimeoutError) as error:
            raise FrontDoorAway(str(error)) from error
        except PyreqwestError:
            return Reply(0, None, took_ms=_ms_since(started))
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        wanted = ("X-Cache", "Age", "Retry-After", "Location", "Idempotent-Replayed")
        kept = {name: value for name in wanted if (value := response.get_header(name)) is not None}
        return Reply(response.status, document, kept, _ms_since(started))


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
