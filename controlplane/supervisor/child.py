"""One child process: started in a group of its own, read, stopped, and started again with back-off."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 5.0
HEALTHY_AFTER_S = 30.0
MOST_LOG_BYTES = 5_000_000
MOST_ECHOED, ECHOED_PER_S = 40, 10.0
PR_SET_PDEATHSIG = 1

# A line worth the operator's eye: a level as structlog ("level": "error"), granian ([ERROR]) and Celery (: ERROR/)
# write it.
ALARMING = re.compile(
    rb'(?i:"level": ?"|\[|: )(?i:warning|error|critical|fatal)(?i:"|\]| *\]|/|:)|^Traceback|^\w*Error: '
)

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with(parent: int, number: signal.Signals) -> None:
    """Asks the kernel to signal this process when its parent ends. On Linux only; elsewhere nothing happens."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it ended before we asked
            os.kill(os.getpid(), number)


@dataclass
class Child:
    """A program to keep running. `stop_with` are the signals that ask it to end, from polite to firm."""

    name: str
    argv: list[str]
    stop_with: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0  # when it is to be started; counts only without a process
    backoff_s: float = FIRST_BACKOFF_S  # how long the next restart waits
    last_lines: deque[bytes] = field(default_factory=lambda: deque(maxlen=12))

    def start(self, now: float, env: Mapping[str, str], cwd: Path) -> subprocess.Popen[bytes]:
        # The parent-death signal follows the thread that forks: this is called from the main thread only.
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            bufsize=0,
            process_group=0,
            preexec_fn=lambda: die_with(parent, signal.SIGKILL),
        )
        self.started_at = now
        self.last_lines.clear()
        return self.process

    def ended(self, now: float) -> int | None:
        """The exit status of a process that has just ended. What it left of its group is killed; a restart is due."""
        if self.process is None or (status := self.process.poll()) is None:
            return None
        kill_group(self.process.pid)  # a worker that outlives its master would keep the port
        self.process = None
        if now - self.started_at >= HEALTHY_AFTER_S:
            self.backoff_s = FIRST_BACKOFF_S
        self.due_at = now + self.backoff_s
        self.backoff_s = min(self.backoff_s * 2, LONGEST_BACKOFF_S)
        return status

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        pass


class Output:
    """What a child prints: all of it to its log file, which is capped, and what alarms to the terminal."""

    def __init__(self, child: Child, source: IO[bytes], path: Path, echo: Callable[[str], None]) -> None:
        os.set_blocking(source.fileno(), False)
        self.child, self.source, self.path, self.echo = child, source, path, echo
        self.rest = b""
        self.inside_traceback = False
        self.echoed, self.since = 0, 0.0

    def pump(self) -> bool:
        """Reads what is there; False at the end of the stream."""
        try:
            data = os.read(self.source.fileno(), 65536)
        except BlockingIOError:
            return True
        *lines, self.rest = (self.rest + data).split(b"\n")
        if not data and self.rest:
            lines, self.rest = [self.rest], b""
        if len(self.rest) > 65536:
            lines, self.rest = [*lines, self.rest], b""
        if lines:
            self._write(b"\n".join(lines) + b"\n")
        for line in lines:
            self.child.last_lines.append(line)
            if self._alarms(line):
                self._echo(line.decode(errors="replace"))
        return bool(data)

    def _echo(self, line: str) -> None:
        """A child that fails at every request must not flood the terminal."""
        if time.monotonic() - self.since > ECHOED_PER_S:
            self.echoed, self.since = 0, time.monotonic()
        self.echoed += 1
        if self.echoed <= MOST_ECHOED:
            self.echo(f"{self.child.name:10} | {line}")
        elif self.echoed == MOST_ECHOED + 1:
            self.echo(f"{self.child.name:10} | … and more, in {self.path}")

    def _alarms(self, line: bytes) -> bool:
        if self.inside_traceback and line.startswith((b" ", b"\t")):
            return True
        self.inside_traceback = line.startswith(b"Traceback")
        return ALARMING.search(line) is not None

    def _write(self, data: bytes) -> None:
        try:
            if self.path.exists() and self.path.stat().st_size + len(data) > MOST_LOG_BYTES:
                self.path.replace(self.path.with_suffix(".log.1"))
            with self.path.open("ab") as log:
                log.write(data)
        except OSError:
            pass  # a full disk must not stop the supervisor
