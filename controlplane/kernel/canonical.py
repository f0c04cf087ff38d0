"""Canonical JSON: one text for one value, so that equal documents have equal hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of the canonical text, in hexadecimal."""
    return hashlib.sha256(text(value).encode()).hexdigest()
