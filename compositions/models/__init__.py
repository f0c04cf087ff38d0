"""What an operator owns of the flow, and what it runs, as rows."""

from .compositions import Composition, CompositionVersion
from .executions import Execution, JournalEntry, SagaWorker, TaskToken
from .intents import Intent
from .pipes import Pipe, PipeLease
from .routes import Route

__all__ = [
    "Composition",
    "CompositionVersion",
    "Execution",
    "Intent",
    "JournalEntry",
    "Pipe",
    "PipeLease",
    "Route",
    "SagaWorker",
    "TaskToken",
]
