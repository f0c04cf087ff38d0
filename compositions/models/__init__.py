"""What an operator owns of the flow, and what it runs, as rows."""

from .compositions import Composition, CompositionVersion
from .executions import Execution, JournalEntry, SagaWorker, TaskToken
from .routes import Route

__all__ = [
    "Composition",
    "CompositionVersion",
    "Execution",
    "JournalEntry",
    "Route",
    "SagaWorker",
    "TaskToken",
]
