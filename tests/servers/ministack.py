"""AWS on loopback: ministack in an environment of its own, made when a test first asks for it. Nothing of it stays."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"
START_S = 30
INSTALL_S = 300


class Ministack:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        environment = [sys.executable, str(ROOT / "bin" / "environment.py"), "aws"]
        subprocess.run(environment, check=True, timeout=INSTALL_S, stdout=subprocess.DEVNULL)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = {
            "BIND_HOST": "127.0.0.1",  # its default is every interface
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
        }
        log = (self.folder / "ministack.log").open("w")
        command = [*environment, "-m", "ministack"]
        self.process = subprocess.Popen(command, cwd=self.folder, env=os.environ | settings, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ministack did not start:\n{(self.folder / 'ministack.log').read_text()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.reset()
        except OSError:
            return False
        return True

    def reset(self) -> None:
        """Forget everything that was made."""
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_ministack/reset", method="POST"), timeout=5).close()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
