"""100,000 intents wait: the pages that operators look at, and the delay flag while they are worked off.

board, pipes   a page of a signed-in operator over HTTP, whole
delay flag     the flag as a page polls it, while a worker on the other core drains the pipe
"""

import json
import time
import urllib.request
from collections.abc import Callable
from statistics import median

from .bed import Bed, Server
from .figures import Aim, Entry
from .intake import MANY, apart, postgresql, prepared
from .load import Aimed
from .served import constant, entry, in_turn, read

# Each with what it must show.
PAGES = {"board": ("/", b"payment"), "pipes": ("/pipes/", b"onboarding"), "pipe": ("/pipes/onboarding/", b"onboarding")}
LOOKS = 9
AIM_MS = Aim(below=300)


def backlog(bed: Bed, backend: Server) -> list[Entry]:
    entries = []
    with postgresql() as url:
        for database, variables in (("SQLite", {}), ("PostgreSQL", {"DATABASE_URL": url})):
            environment = prepared(bed, f"backlog-{database.lower()}", variables, backend.port)
            entries += _pages(bed, database, environment, apart("waiting", environment)["cookie"])
            if database == "PostgreSQL":
                entries += _draining(bed, environment)
    return entries


def _pages(bed: Bed, database: str, environment: dict[str, str], cookie: str) -> list[Entry]:
    control = bed.server(listener="control", **environment)
    took = {name: median(_look(control.port, *page, cookie) for _ in range(LOOKS)) for name, page in PAGES.items()}
    bed.stop(control)
    return [Entry(f"{name} page, {MANY:,} waiting, {database}", ms, "ms", aim=AIM_MS) for name, ms in took.items()]


def _look(port: int, path: str, words: bytes, cookie: str) -> float:
    began = time.perf_counter()
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        shown = answer.read()
    took = (time.perf_counter() - began) * 1000
    if words not in shown:
        raise RuntimeError(f"{path} led to {answer.url}, which does not show {words.decode()}.")
    return took


def _draining(bed: Bed, environment: dict[str, str]) -> list[Entry]:
    door, worker = bed.server(**environment), bed.background("sagas", **environment)
    _until(lambda: json.loads(read(door)[1])["delayed"], "the flag is raised")
    raw = constant(bed, door)
    began, before = time.monotonic(), apart("left", environment)["left"]
    _until(lambda: apart("left", environment)["left"] < before - 1000, "the pipe drains")
    flag, bytes_alone = in_turn(
        Aimed("the delay flag", door.port, "/-/processing-delay", door.pids),
        Aimed("the raw handler", raw.port, "/", raw.pids),
    )
    drained = before - (left := apart("left", environment)["left"])
    per_s = drained / (time.monotonic() - began)
    bed.end(worker)
    bed.stop(door, raw)
    if not left:
        raise RuntimeError("The backlog was gone before the flag was measured.")
    shown = entry(
        "delay flag, 200, while draining", flag, bytes_alone, "raw ASGI handler, same bytes", Aim(at_least=0.8)
    )
    return [shown._replace(note=f"{shown.note}; {per_s:,.0f} intents/s were worked off meanwhile")]


def _until(condition: Callable[[], bool], what: str, within_s: float = 30) -> None:
    ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > ends:
            raise RuntimeError(f"Not within {within_s:g} s: {what}")
        time.sleep(0.2)
