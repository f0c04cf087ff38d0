"""What an operator owns of the flow, what it runs, and what runs left behind, as rows."""

from .compositions import Composition, CompositionVersion
from .executions import Execution, JournalEntry, SagaWorker, TaskToken
from .intents import Intent
from .pipes import Pipe, PipeLease
from .routes import Route
from .runs import CompositionRun, RunMinute
from .watching import BulkRun, SavedView

__all__ = [
    "BulkRun",
    "Composition",
    "CompositionRun",
    "CompositionVersion",
    "Execution",
    "Intent",
    "JournalEntry",
    "Pipe",
    "PipeLease",
    "Route",
    "RunMinute",
    "SagaWorker",
    "SavedView",
    "TaskToken",
]
