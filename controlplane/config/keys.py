"""Where the configuration's copy lies in Valkey. All keys share one hash tag."""

from __future__ import annotations

from controlplane.kernel.valkey import named, tagged


def head() -> str:
    return tagged("config", "head")


def manifest(number: int) -> str:
    return tagged("config", "manifest", str(number))


def pieces() -> str:
    return tagged("config", "pieces")


def push() -> str:
    """The channel on which everything is announced that processes should not have to poll for."""
    return named("push")
