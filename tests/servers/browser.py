"""The headless Chromium of this machine, or the reason why there is none."""

from __future__ import annotations

import os
import shutil

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> str | None:
    """BROWSER_PATH wins over what is on PATH."""
    given = os.environ.get("BROWSER_PATH")
    return given or shutil.which("chromium-headless-shell") or shutil.which("chromium")
