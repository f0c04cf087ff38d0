"""A real Valkey of the wheel for one test process; nothing of it stays."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from controlplane.supervisor import embedded


class Valkey:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return embedded.port(self.folder)

    @property
    def url(self) -> str:
        return embedded.url(self.folder)

    def start(self) -> None:
        (self.folder / "valkey").mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(embedded.argv(self.folder), stdout=subprocess.DEVNULL)
        if not embedded.wait_until_answers(self.port, timeout_s=10):
            raise RuntimeError("Valkey does not answer.")

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None
