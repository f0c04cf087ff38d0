"""What a front door needs to take intents: the pipes' terms, who commits intents, and who looks them up."""

from functools import cache
from typing import Any

from .reader import Reader
from .terms import PipeTable, Snapshot, Terms
from .writer import Writer


class Desk:
    """One per process; its threads begin with the first request."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.writer = Writer(self.reader.kept)
        self._pipes = PipeTable()

    def terms(self, slug: str, snapshot: Snapshot) -> Terms | None:
        return self._pipes.find(slug, snapshot)

    async def find(self, intent: str) -> dict[str, Any] | None:
        return await self.reader.find(intent)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@cache
def desk() -> Desk:
    """The one of this process."""
    return Desk()
