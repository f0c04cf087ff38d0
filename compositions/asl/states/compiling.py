"""What a state is told of the definition around it while it is compiled."""

from typing import Any, Protocol

from compositions.asl.workflow import Workflow


class Compiling(Protocol):
    is_jsonata: bool
    reads_context: bool
    name: str
    path: str

    def workflow(self, definition: Any, part: str) -> Workflow: ...
