"""Whether the parent (make) has been told to stop without passing it on.

Ctrl-C in a terminal reaches every process. A SIGINT sent to make alone does not: make then waits for its recipe to
end, and holds the signal blocked while it waits. Seeing that, the supervisor ends, and make with it. Other parents may
hold the signal blocked for reasons of their own (Python does, for the moment of starting a process); of them only the
end counts.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

INTERRUPT = 1 << (signal.SIGINT - 1)


def is_interrupted(parent: int) -> bool:
    """Linux only; elsewhere, or when nothing can be read, False."""
    if os.getppid() != parent:
        return True
    try:
        status = Path(f"/proc/{parent}/status").read_text()
    except OSError:
        return False
    if status.split("\n", 1)[0].partition("\t")[2] not in ("make", "gmake"):
        return False
    blocked = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
    return bool(int(blocked, 16) & INTERRUPT)
