"""Finds processes by a variable in their environment, so that none is missed and none of others is touched."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

MARK = "SWITCHGEAR_TEST_STACK"


def marked(mark: str) -> dict[int, str]:
    """Process id -> command line of every living process that was started with MARK=mark."""
    needle = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if needle in environ and command:  # a zombie has neither
            found[int(entry.name)] = command
    return found


def matching(mark: str, pattern: str) -> list[int]:
    return sorted(pid for pid, command in marked(mark).items() if re.search(pattern, command))


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Waits for something that other processes do; the only kind of waiting a test needs."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {timeout_s:g} s: {what}")
        time.sleep(0.1)
