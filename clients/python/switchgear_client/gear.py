"""The one connection of a process with Switchgear: a thread that reads states and sends outcomes in batches."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from .circuits import Circuit
from .outcomes import outcome_of as judged

log = logging.getLogger("switchgear_client")

BATCH_S = 0.2
MOST_IN_BATCH = 500
GIVE_UP_S = 60.0  # the front door counts nothing older
ASK_AGAIN_S = 1.0


class Switchgear:
    """`url` of a front door, `token` of a user with the role service. Close it in the end, or use it in a `with`."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float = 2.0,
        trust_s: float = 30.0,
        when_unknown: str = "call",
        first_wait_s: float = 0.5,
        outcome_of: Callable[[BaseException], int | str] = judged,
    ) -> None:
        if when_unknown not in ("call", "refuse"):
            raise ValueError(f"when_unknown={when_unknown!r}: use call or refuse.")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"url={url!r}: use http://host:port of a front door.")
        self._parts, self._token, self._timeout_s = parts, token, timeout_s
        self.trust_s, self.when_unknown, self.first_wait_s = trust_s, when_unknown, first_wait_s
        self.outcome_of = outcome_of
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def circuit(self, target: str) -> Circuit:
        """The circuit of a target; the same object for the same slug."""
        with self._lock:
            found = self._circuits.setdefault(target, Circuit(self, target))
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._run, name="switchgear", daemon=True)
                self._thread.start()
        return found

    def wake(self) -> None:
        self._woken.set()

    def flush(self) -> None:
        """Send what waits now, from the calling thread. Failing that, it is sent later."""
        with self._lock:
            circuits = list(self._circuits.values())
        for circuit in circuits:
            self._send(circuit)

    def permit(self, target: str) -> str | None:
        """Leave for one trial call; None when the front door gives none."""
        try:
            status, _, body = self._ask("POST", f"/-/circuits/{target}/permits")
        except (OSError, http.client.HTTPException):
            return None
        return str(json.loads(body)["permit"]) if status == 201 else None

    def close(self) -> None:
        self._closing = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join(2 * self._timeout_s)
        self.flush()

    def __enter__(self) -> Switchgear:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # The thread -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing:
            self._woken.clear()
            with self._lock:
                circuits = list(self._circuits.values())
            for circuit in circuits:
                try:
                    self._send(circuit)
                    if time.monotonic() >= circuit.due_at:
                        self._read(circuit)
                except Exception:  # the thread lives as long as its process, whatever an answer holds
                    log.exception("circuit %s", circuit.target)
                    circuit.due_at = time.monotonic() + ASK_AGAIN_S
            self._woken.wait(BATCH_S)

    def _read(self, circuit: Circuit) -> None:
        circuit.due_at = time.monotonic() + ASK_AGAIN_S
        seen = {"If-None-Match": circuit.etag} if circuit.etag else {}
        try:
            status, fields, body = self._ask("GET", f"/-/circuits/{circuit.target}", headers=seen)
        except (OSError, http.client.HTTPException) as error:
            log.warning("front door away: %s", error)
            return
        if status == 200:
            circuit.etag = fields.get("etag", "")
            self._learn(circuit, json.loads(body))
        elif status == 304 and circuit.state is not None:
            left = fields.get("retry-after")
            self._learn(circuit, circuit.state | ({"retry_after_s": float(left)} if left else {}))
        else:
            log.error("circuit %s: the front door answers %s", circuit.target, status)

    @staticmethod
    def _learn(circuit: Circuit, state: dict[str, Any]) -> None:
        circuit.state, circuit.heard_at = state, time.monotonic()
        circuit.due_at = circuit.heard_at + float(state.get("poll_after_s", ASK_AGAIN_S))
        circuit.known.set()

    def _send(self, circuit: Circuit) -> None:
        """Send the batch that was not confirmed, or else what waits; one batch at a time keeps the order."""
        with self._lock:
            if circuit.batch is None and circuit.waiting:
                count = min(len(circuit.waiting), MOST_IN_BATCH)
                outcomes = [circuit.waiting.popleft() for _ in range(count)]
                circuit.batch = {"batch": uuid.uuid4().hex, "outcomes": outcomes, "made": time.monotonic()}
            batch = circuit.batch
        if batch is None:
            return
        if time.monotonic() - batch["made"] > GIVE_UP_S:
            self._done(circuit, batch)
            return
        sent = {"batch": batch["batch"], "outcomes": batch["outcomes"], "sent_at": datetime.now(UTC).isoformat()}
        try:
            status, _, body = self._ask("POST", f"/-/circuits/{circuit.target}/outcomes", sent)
        except (OSError, http.client.HTTPException) as error:
            log.warning("outcomes wait: %s", error)
            return
        if status == 200:
            circuit.etag = ""
            self._learn(circuit, json.loads(body)["circuit"])
        elif status >= 500:
            return
        else:
            log.error("outcomes of %s refused with %s: %s", circuit.target, status, body[:500])
        self._done(circuit, batch)

    def _done(self, circuit: Circuit, batch: dict[str, Any]) -> None:
        with self._lock:  # another thread may have sent it as well, and be at the next one
            if circuit.batch is batch:
                circuit.batch = None

    def _ask(
        self, method: str, path: str, document: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        https = self._parts.scheme == "https"
        make = http.client.HTTPSConnection if https else http.client.HTTPConnection
        connection = make(self._parts.hostname or "", self._parts.port, timeout=self._timeout_s)
        try:
            body = None if document is None else json.dumps(document).encode()
            fields = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **(headers or {})}
            connection.request(method, self._parts.path.rstrip("/") + path, body, fields)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()
