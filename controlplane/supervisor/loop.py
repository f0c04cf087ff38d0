"""The supervisor's loop: one thread that starts children, reads them, restarts the dead, and stops all in reverse.

Each turn: wait for output, a signal or a moment; pass output on; bury and rebury; start what is due. A stop signal
ends the loop; a second one ends the patience with slow children.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from controlplane.supervisor.child import Child, Output, kill_group

TURN_S = 0.25
GRACE_S = 4.0
STOPPING_S = 12.0


class Stopping(BaseException):
    """Raised out of the preparation when a stop signal arrives; not an error, so no `except Exception` takes it."""


class Supervisor:
    def __init__(
        self, *, home: Path, logs: Path, env: Mapping[str, str], held: int, say: Callable[[str], None]
    ) -> None:
        """`held` is a file descriptor (the lock of DATA_DIR) that stays open until the last orphan is killed."""
        self.home, self.logs, self.env, self.held, self.say = home, logs, env, held, say
        self.children: list[Child] = []
        self.outputs: dict[int, Output] = {}
        self.stop_signals = 0
        self.preparing = True
        self.watch: subprocess.Popen[bytes] | None = None
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.wakeup, wake = os.pipe()
        for end in (self.wakeup, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)  # only to wake up
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup asks to be left alone
                signal.signal(number, self._on_stop)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_signals += 1
        if self.preparing:
            self.preparing = False
            raise Stopping

    # Starting ---------------------------------------------------------------------------------------------------------

    def add(self, child: Child) -> None:
        """Children are started in the order in which they are added, and stopped in the reverse."""
        self.children.append(child)
        self._start(child, time.monotonic())

    def _start(self, child: Child, now: float) -> None:
        try:
            process = child.start(now, self.env, self.home)
        except OSError as error:
            self.say(f"{child.name} cannot be started: {error}")
            child.due_at = now + child.backoff_s
            return
        self._tell_watch(f"+{process.pid}\n")
        assert process.stdout is not None
        self.outputs[process.stdout.fileno()] = Output(child, process.stdout, self.logs / f"{child.name}.log", self.say)

    def _tell_watch(self, line: str) -> None:
        """Keeps the process that kills orphans informed, and running."""
        if self.watch is None or self.watch.poll() is not None:
            self.watch = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("orphans.py"))],
                stdin=subprocess.PIPE,
                bufsize=0,
                env=dict(self.env),
                start_new_session=True,
                pass_fds=[self.held],
            )
            line = "".join(f"+{child.process.pid}\n" for child in self.children if child.process) + line
        assert self.watch.stdin is not None
        try:
            self.watch.stdin.write(line.encode())
        except OSError:
            self.watch.kill()  # started anew at the next line

    # Running ----------------------------------------------------------------------------------------------------------

    def run(self, each_turn: Callable[[], None], wanted: Callable[[], bool]) -> None:
        """Returns after a stop signal, or when `wanted` says no."""
        self.preparing = False
        while not self.stop_signals and wanted():
            self.turn(TURN_S)
            for child in self.children:
                if child.process is None and child.due_at <= time.monotonic():
                    self._start(child, time.monotonic())
            if self.watch is not None and self.watch.poll() is not None:
                self._tell_watch("")
            each_turn()

    def turn(self, wait_s: float) -> None:
        """Waits at most `wait_s` for something to happen, and deals with it."""
        due = [child.due_at - time.monotonic() for child in self.children if child.process is None]
        ready, _, _ = select.select([self.wakeup, *self.outputs], [], [], max(0.0, min([wait_s, *due])))
        for number in ready:
            if number == self.wakeup:
                os.read(self.wakeup, 4096)
            elif not self.outputs[number].pump():
                self.outputs.pop(number).source.close()
        for child in self.children:
            self._bury(child)

    def _bury(self, child: Child) -> None:
        pid = child.process.pid if child.process else 0
        age_s = time.monotonic() - child.started_at
        status = child.ended(time.monotonic())
        if status is None:
            return
        for output in self.outputs.values():
            if output.child is child:
                output.pump()
        self._tell_watch(f"-{pid}\n")
        if self.stop_signals:
            return
        wait_s = child.due_at - time.monotonic()
        self.say(f"{child.name} ended ({describe(status)}); it is started again in {wait_s:.1f} s.")
        if age_s < 10 and status > 0:
            self.say(f"The last lines of {child.name} (all are in {self.logs / child.name}.log):")
            self.say(b"\n".join(b"    " + line for line in child.last_lines).decode(errors="replace"))

    # Stopping ---------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Ends the children in reverse order: each gets its signals one after the other, then its group is killed."""
        self.preparing = False
        self.stop_signals = max(self.stop_signals, 1)
        deadline = time.monotonic() + STOPPING_S
        for child in reversed(self.children):
            for number in child.stop_with:
                child.signal(number)
                if self._ends_within(child, min(time.monotonic() + GRACE_S, deadline)):
                    break
            if child.process is not None:
                kill_group(child.process.pid)
                self._ends_within(child, time.monotonic() + 2.0)
        if self.watch is not None and self.watch.stdin is not None:
            self.watch.stdin.close()
            self.watch.wait(timeout=5)

    def _ends_within(self, child: Child, deadline: float) -> bool:
        while child.process is not None and time.monotonic() < deadline and self.stop_signals < 2:
            self.turn(0.05)
        return child.process is None


def describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"
