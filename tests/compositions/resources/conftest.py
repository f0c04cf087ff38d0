"""A flow on a real data plane, store and downstream; only the configuration is handed over directly."""

from tests.compositions.flows import flow, world

__all__ = ["flow", "world"]
