"""Chaos by the seed: what breaks when, and the hands that break it. The same seed breaks the same things again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import redis

from controlplane.supervisor import embedded
from tests.servers.postgresql import PostgreSQL
from tests.servers.stack import Stack

SERVICES = ("fraud", "payment", "content", "newsletter", "loyalty", "monolith")
# A slow answer comes after its target's timeout of 2 s, and what was asked for has been done: the worst of both.
FAILURES: tuple[dict[str, Any], ...] = (
    {"behaviour": "errors_500"},
    {"behaviour": "slow", "delay_ms": 2600},
    {"behaviour": "refuse"},
    {"behaviour": "hang"},
)
SHARES = (50, 75, 100)
# These meet each other in every run, so that money goes back, sign-ups fail, and charges are not heard of; then chance.
CERTAIN = (("content", 0), ("newsletter", 0), ("payment", 1), ("fraud", 2), ("loyalty", 3), ("monolith", 1))
# What is hurt in every run, and how often.
HURTS = {
    "kill_saga_worker": 2,
    "kill_front_door": 2,
    "kill_operations_worker": 1,
    "flush_valkey": 1,
    "kill_valkey": 1,
    "restart_database": 2,
}
BREAK_EVERY_S, LASTS_S = 1.2, (2.0, 6.0)
DATABASE_AWAY_S = 1.0


class Act(NamedTuple):
    """At `at_s` seconds, this is done to that."""

    at_s: float
    what: str
    service: str = ""
    setting: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.at_s:5.1f} s  {self.what} {self.service} {self.setting or ''}".rstrip()


def schedule(drawn: random.Random, seconds: float) -> list[Act]:
    """Every service fails and every failure happens, if the time is long enough for it."""
    acts = [Act(drawn.uniform(1, seconds), what) for what, times in HURTS.items() for _ in range(times)]
    certain, at_s = list(CERTAIN), 0.5
    drawn.shuffle(certain)
    while at_s < seconds - LASTS_S[0]:
        service, number = certain.pop() if certain else (drawn.choice(SERVICES), drawn.randrange(len(FAILURES)))
        share = 100 if FAILURES[number]["behaviour"] == "refuse" else drawn.choice(SHARES)
        acts.append(Act(at_s, "break", service, {**FAILURES[number], "share": share}))
        acts.append(Act(at_s + drawn.uniform(*LASTS_S), "mend", service, {"behaviour": "healthy"}))
        at_s += BREAK_EVERY_S * drawn.uniform(0.6, 1.4)
    return sorted(acts, key=lambda act: act.at_s)


class Hands:
    """Does to a running stack, and to the PostgreSQL it stands on, what a schedule says."""

    def __init__(self, stack: Stack, server: PostgreSQL | None) -> None:
        self.stack, self.server = stack, server
        self.done: list[str] = []

    def follow(self, acts: list[Act]) -> None:
        began = time.monotonic()
        for act in acts:
            time.sleep(max(0.0, began + act.at_s - time.monotonic()))
            if act.setting:
                self.switch(act.service, act.setting)
            else:
                self.hurts[act.what]()
            self.done.append(f"{time.monotonic() - began:5.1f} s: {act}")

    @property
    def hurts(self) -> dict[str, Callable[[], None]]:
        return {
            "kill_saga_worker": lambda: self.kill(self.stack.pids("sagas")),
            "kill_front_door": lambda: self.kill(self.stack.workers_of("frontdoor")[:1]),
            "kill_operations_worker": lambda: self.kill(self.stack.pids("worker")),
            "flush_valkey": self.flush_valkey,
            "kill_valkey": lambda: self.kill(self.stack.pids("valkey")),
            "restart_database": self.restart_database,
        }

    def switch(self, service: str, setting: dict[str, Any]) -> None:
        answer = self.stack.ask(self.stack.range, "PUT", f"/behaviours/{service}", setting, {})
        assert answer.status == 200, answer.body

    def mend(self) -> None:
        assert self.stack.ask(self.stack.range, "POST", "/reset", None, {}).status == 200

    @staticmethod
    def kill(pids: list[int]) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def flush_valkey(self) -> None:
        with contextlib.suppress(redis.RedisError, OSError):  # it may just have been killed
            redis.Redis(port=embedded.port(self.stack.data_dir), socket_timeout=1).flushall()

    def restart_database(self) -> None:
        """PostgreSQL is killed with all its sessions and started again after a while; on SQLite somebody else has the
        write lock for as long."""
        if self.server is not None:
            self.server.kill()
            time.sleep(DATABASE_AWAY_S)
            self.server.start()
            return
        with contextlib.closing(sqlite3.connect(self.stack.data_dir / "switchgear.sqlite3", timeout=10)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(DATABASE_AWAY_S)
            other.rollback()
