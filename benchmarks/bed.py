"""Where benchmarks run: a Valkey and a database of their own, servers on one core, everything else on the other."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .load import family

_CORES = sorted(os.sched_getaffinity(0))
UNDER_TEST = {_CORES[0]}
ELSEWHERE = set(_CORES[1:]) or UNDER_TEST
READY_WITHIN_S = 30


@contextmanager
def cores(wanted: set[int]) -> Iterator[None]:
    """This thread, and the processes that it starts meanwhile, run on `wanted`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A granian that answers on `port`; `pids` are it and its worker."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process, self.port = process, port
        self.pids: tuple[int, ...] = ()


class Bed:
    """To be made before Django is set up: the settings read the environment that is prepared here."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="switchgear-bench-"))
        self._running: list[subprocess.Popen[bytes]] = []
        self._log: IO[bytes] = (self.folder / "servers.log").open("ab")
        for name in ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "CORS_ALLOWED_ORIGINS", "FRONTDOOR_WORKERS"):
            os.environ.pop(name, None)
        os.environ |= {
            "DATA_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
            "FRONTDOOR_PORT": str(free_port()),
            "BIND_HOST": "127.0.0.1",
            "PLAIN_HTTP": "1",
            "DEMO": "0",
            "LOG_LEVEL": "WARNING",
        }

    def prepare(self) -> None:
        """Valkey, and an empty database."""
        import django

        django.setup()
        from django.core.management import call_command

        from controlplane.supervisor import embedded

        (self.folder / "valkey").mkdir(exist_ok=True)
        self._start(embedded.argv(self.folder))
        if not embedded.wait_until_answers(embedded.port(self.folder), READY_WITHIN_S):
            raise RuntimeError("Valkey does not answer.")
        call_command("migrate", verbosity=0)

    def backend(self) -> Server:
        """The downstream of every benchmark, beside the load."""
        argv = ["benchmarks.peers:backend", "--interface", "rsgi", "--loop", "uvloop", "--no-ws"]
        return self._serve(lambda port: _granian(port, *argv))

    def server(self, app: str | None = None, *, listener: str = "frontdoor", **environment: str) -> Server:
        """The front door as `manage.py up` starts it, or another application with the very same flags; or `control`."""
        from django.conf import settings

        from controlplane.supervisor import table

        argv = next(child.argv for child in table.servers() if child.name == listener)
        its_port = {"frontdoor": settings.FRONTDOOR_PORT, "control": settings.CONTROL_PORT}[listener]
        other = {} if app is None else {settings.FRONTDOOR_APP: app}

        def command(port: int) -> list[str]:
            swapped = other | {str(its_port): str(port)}
            return [swapped.get(word, word) for word in argv]

        with cores(UNDER_TEST):
            return self._serve(command, **environment)

    def background(self, name: str, **environment: str) -> "subprocess.Popen[bytes]":
        """A worker as `manage.py up` starts it, beside the load."""
        from controlplane.supervisor import table

        return self._start(next(child.argv for child in table.background() if child.name == name), **environment)

    def stop(self, *servers: Server) -> None:
        for server in servers:
            self.end(server.process)

    def end(self, process: "subprocess.Popen[bytes]") -> None:
        _end(process)
        self._running.remove(process)

    def close(self) -> None:
        for process in reversed(self._running):
            _end(process)
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self) -> str:
        """The last lines that the servers wrote."""
        return "\n".join((self.folder / "servers.log").read_text(errors="replace").splitlines()[-40:])

    def _serve(self, command, **environment: str) -> Server:
        port = free_port()
        server = Server(self._start(command(port), **environment), port)
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if server.process.poll() is not None:
                raise RuntimeError(f"{server.process.args} ended with {server.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
                continue
            server.pids = family(server.process.pid)
            if len(server.pids) > 1:
                return server
        raise RuntimeError(f"{server.process.args} does not listen")

    def _start(self, argv: list[str], **environment: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            argv,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self._running.append(process)
        return process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _granian(port: int, *words: str) -> list[str]:
    from controlplane.supervisor import table

    return table.program("granian", "--host", "127.0.0.1", "--port", str(port), *words)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask, then kill the whole session; nothing stays behind."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
