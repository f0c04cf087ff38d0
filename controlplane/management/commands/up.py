"""Runs everything on this machine under one supervisor, until Ctrl-C or SIGTERM.

The order: lock DATA_DIR and look at the ports; Valkey; database, static files, first user; control and front door; as
soon as they answer, say where the pages are, and start worker, beat and the demo's downstreams.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.supervisor import embedded, table
from controlplane.supervisor.announcement import Announcement, reachable
from controlplane.supervisor.child import die_with
from controlplane.supervisor.loop import Stopping, Supervisor
from controlplane.supervisor.parent import is_interrupted
from controlplane.supervisor.preparation import prepare

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# The groups of a supervisor that was killed a moment ago may still be ending, and hold the lock until they have.
LOCK_WAIT_S = 3.0
# On two cores, all processes importing at once would make the first page wait for the last of them.
PAGES_FIRST_S = 4.0


class Command(BaseCommand):
    help = "Starts control, front door, worker, beat, the embedded Valkey and the demo, and supervises them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--with-parent", action="store_true", help="stop when the process that started this ends")

    def handle(self, *args: Any, **options: Any) -> None:
        self.began = time.monotonic()
        self.parent = os.getppid() if options["with_parent"] else 0
        if self.parent:
            die_with(self.parent, signal.SIGTERM)
        os.umask(0o077)  # what lies in DATA_DIR is nobody else's: rows, sessions, logs, keys
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with (settings.DATA_DIR / "up.lock").open("a+") as lock:
            take(lock)
            self.look_at_ports()
            supervisor = Supervisor(
                home=settings.BASE_DIR,
                logs=settings.DATA_DIR / "logs",
                env=environment(),
                held=lock.fileno(),
                say=self.say,
            )
            try:
                self.start(supervisor)
            except Stopping:
                pass
            finally:
                supervisor.stop()
        self.say("Switchgear has stopped.")

    def start(self, supervisor: Supervisor) -> None:
        if not os.environ.get("REDIS_URL"):
            supervisor.add(table.valkey())
            if not embedded.wait_until_answers(embedded.port(settings.DATA_DIR), timeout_s=30):
                raise CommandError(
                    f"The embedded Valkey does not answer; {settings.DATA_DIR}/logs/valkey.log says why."
                )
        credentials = prepare(self.say)
        supervisor.preparing = False
        for child in table.servers():
            supervisor.add(child)
        announcement = Announcement(credentials, self.began, self.say)
        rest = deque(table.background())
        pages_first_until = time.monotonic() + PAGES_FIRST_S

        def each_turn() -> None:
            announcement.try_again()
            if announcement.done or time.monotonic() > pages_first_until:
                while rest:
                    supervisor.add(rest.popleft())

        supervisor.run(each_turn, wanted=lambda: not (self.parent and is_interrupted(self.parent)))

    def look_at_ports(self) -> None:
        for name in ("CONTROL_PORT", "FRONTDOOR_PORT"):
            port = getattr(settings, name) or embedded.free_port(settings.BIND_HOST)
            setattr(settings, name, port)
            if not embedded.is_free(settings.BIND_HOST, port):
                raise CommandError(
                    f"Port {port} on {settings.BIND_HOST} is taken by another program. "
                    f"Stop it, or set {name} to a free port."
                )
        if settings.DEMO and not embedded.is_free("127.0.0.1", settings.RANGE_PORT):
            raise CommandError(
                f"Port {settings.RANGE_PORT}, the demo's, is taken by another program. "
                "Set RANGE_PORT to the first of nine free ports in a row, or DEMO=0."
            )
        if not os.environ.get("REDIS_URL") and not embedded.is_free("127.0.0.1", embedded.port(settings.DATA_DIR)):
            embedded.choose_port(settings.DATA_DIR)
            # The settings were read with the old port; nothing runs yet, so begin again with the new one.
            os.execv(sys.executable, [sys.executable, *sys.argv])

    def say(self, text: str) -> None:
        try:
            self.stdout.write(text)
            self.stdout.flush()
        except OSError:
            pass  # nobody reads any more; the logs go on


def take(lock: TextIO) -> None:
    """The lock of DATA_DIR: one supervisor for each."""
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip()
            if time.monotonic() > deadline or Path(f"/proc/{holder}").exists():
                raise CommandError(
                    f"Switchgear already runs on {settings.DATA_DIR} (process {holder}). "
                    "Stop it, or set DATA_DIR to another place."
                ) from None
            time.sleep(0.05)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def environment() -> dict[str, str]:
    """What the children get: the same places, plain HTTP on loopback, and none of the operator's secrets."""
    env = {name: value for name, value in os.environ.items() if name not in {"ADMIN_PASSWORD", "API_TOKEN"}}
    env |= {
        "PYTHONUNBUFFERED": "1",
        "DATA_DIR": str(settings.DATA_DIR),
        "REDIS_URL": settings.VALKEY_URL,
        "DATABASE_URL": settings.DATABASE_URL,
        "CONTROL_PORT": str(settings.CONTROL_PORT),
        "FRONTDOOR_PORT": str(settings.FRONTDOOR_PORT),
    }
    env.setdefault("FRONTDOOR_URL", f"http://{reachable()}:{settings.FRONTDOOR_PORT}")  # for the demo's own traffic
    if settings.BIND_HOST in LOOPBACK and not settings.BEHIND_TLS_PROXY:
        env.setdefault("PLAIN_HTTP", "1")
    return env
