"""A whole Switchgear as a user starts it: `manage.py up` in a data directory and on ports of its own."""

from __future__ import annotations

import http.client
import json as jsonlib
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from controlplane.supervisor.embedded import is_free
from tests.servers.processes import MARK, marked, matching, wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
# What the test process sets for itself, and what would point the stack at somebody else's data.
NOT_OURS = {
    "ADMIN_PASSWORD",
    "API_TOKEN",
    "DATA_DIR",
    "DJANGO_ALLOW_ASYNC_UNSAFE",
    "DJANGO_SETTINGS_MODULE",
    "LOG_LEVEL",
    "LOGIN_THROTTLE",
    "PLAIN_HTTP",
    "REDIS_URL",
}
# What a process's command line looks like, by the name that stack.pids() takes.
COMMANDS = {
    "supervisor": r"manage\.py up",
    "valkey": r"valkey-server",
    "control": r"granian .*controlplane\.wsgi",
    "frontdoor": r"granian .*frontdoor",
    "worker": r"celery .*worker.* ops@",
    "sagas": r"celery .*worker.* sagas@",
    "beat": r"celery .*beat",
    "downstreams": r"practice_range\.server",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class Stack:
    """Started by `start()`, which returns when the pages answer. `env` overrides anything."""

    collected: ClassVar[Path | None] = (
        None  # static files of an earlier stack: collecting them is half of a first start
    )

    def __init__(
        self, data_dir: Path, *, demo: bool = False, workers: int = 2, env: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir
        self.mark = secrets.token_hex(8)
        self.control_port, self.frontdoor_port = quiet_ports(), quiet_ports()
        self.range_port = quiet_ports(9) if demo else 0
        self.control = f"http://127.0.0.1:{self.control_port}"
        self.frontdoor = f"http://127.0.0.1:{self.frontdoor_port}"
        self.range = f"http://127.0.0.1:{self.range_port}"
        self.output: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self.database: str | None = None
        self.env = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        self.env |= {
            MARK: self.mark,
            "DATA_DIR": str(data_dir),
            "CONTROL_PORT": str(self.control_port),
            "FRONTDOOR_PORT": str(self.frontdoor_port),
            "FRONTDOOR_WORKERS": str(workers),
            "DEMO": "1" if demo else "0",
        }
        if demo:
            self.env["RANGE_PORT"] = str(self.range_port)
        if self.env.get("DATABASE_URL", "").startswith("postgres") and "DATABASE_URL" not in (env or {}):
            self.database = f"stack_{self.mark}"
            self.env["DATABASE_URL"] = own_database(self.env["DATABASE_URL"], self.database)
        self.env |= env or {}

    def spawn(self) -> subprocess.Popen[str]:
        """Starts the supervisor, and waits for nothing."""
        static = self.data_dir / "static"
        if Stack.collected is not None and Stack.collected.exists() and not static.exists():
            shutil.copytree(Stack.collected, static, copy_function=os.link)
        command = [sys.executable, "manage.py", "up", "--with-parent"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=pipe, stderr=subprocess.STDOUT
        )
        threading.Thread(target=self._collect, args=[self.process], daemon=True).start()
        return self.process

    def start(self, timeout_s: float = 180) -> Stack:
        self.output.clear()
        process = self.spawn()
        wait_until(lambda: self.said("  token ") or process.poll() is not None, timeout_s, "the stack is ready")
        if process.poll() is not None:
            raise AssertionError("The stack ended:\n" + "\n".join(self.output))
        Stack.collected = Stack.collected or self.data_dir / "static"
        return self

    def _collect(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line.rstrip("\n"))

    def said(self, text: str) -> bool:
        return any(text in line for line in list(self.output))

    def told(self, name: str) -> str:
        """What the announcement says after a name: `password`, `token`, `board`."""
        line = next(line for line in self.output if re.match(rf"  {name} ", line))
        return line.split(None, 1)[1].removeprefix("door").strip()

    @property
    def password(self) -> str:
        return self.told("password")

    @property
    def token(self) -> str:
        return self.told("token")

    def pids(self, name: str) -> list[int]:
        """Process ids by a name of COMMANDS, lowest first; granian's workers are among them."""
        return matching(self.mark, COMMANDS[name])

    def workers_of(self, name: str) -> list[int]:
        """granian's worker processes: the children of its master."""
        masters = self.children_of(self.pids("supervisor")[0])
        return [pid for pid in marked(self.mark) if _parent(pid) in set(masters) & set(self.pids(name))]

    def children_of(self, parent: int) -> list[int]:
        return [pid for pid in marked(self.mark) if _parent(pid) == parent]

    def everything(self) -> dict[int, str]:
        return marked(self.mark)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, timeout_s: float = 30) -> int:
        """Ends it as an operator would; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout_s)

    def restart(self) -> Stack:
        self.stop()
        return self.start()

    def end(self) -> None:
        """Whatever happened: nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for pid in self.everything():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.database:
            drop_database(os.environ["DATABASE_URL"], self.database)

    def api(self, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One call to the control listener with the token. `path` begins after /api/v1 unless it names it."""
        if not path.startswith("/api/"):
            path = f"/api/v1/{path.lstrip('/')}"
        return self.ask(self.control, method, path, json, {"Authorization": f"Bearer {self.token}", **(headers or {})})

    def call(self, method: str, path: str, json: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One call to the front door, on a connection of its own."""
        return self.ask(self.frontdoor, method, path, json, headers or {})

    def ask(self, base: str, method: str, path: str, json: Any, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=15)
        try:
            body = json if isinstance(json, bytes) or json is None else jsonlib.dumps(json).encode()
            kind = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body, {**kind, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def sign_in(self, page: Any, path: str = "/") -> None:
        """A browser page logs in as admin and lands on `path`."""
        page.goto(f"{self.control}{path}")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", self.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{self.control}{path}")


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def quiet_ports(count: int = 1) -> int:
    """The first of so many free ports in a row, below those that the system gives to outgoing connections: nobody else
    takes one of them between our look and the moment when the stack listens."""
    while True:
        first = 16_000 + secrets.randbelow(16_000)
        if all(is_free("127.0.0.1", first + offset) for offset in range(count)):
            return first


def own_database(url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def drop_database(url: str, name: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
