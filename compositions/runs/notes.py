"""What one front door notes of its runs until it is handed on: nothing waits for it, and it is bounded.

Every run counts in the figures of its minute. Its story is kept when it failed, lacked a part, or took longer than
nearly all others, up to so many a second; of the quick and good ones, one now and then. Bodies are never kept.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from compositions import redaction
from compositions.asl.ports import Key

from . import figures

MOST_WAITING: Final = 500  # stories between two flushes, while the store is away
MOST_COMPOSITIONS: Final = 2000
A_SECOND: Final = {"failed": 5, "partial": 3, "slow": 2}
SAMPLE_EVERY_S: Final = 10.0
ENOUGH_FOR_SLOW: Final = 50  # runs of late, before "slow" means anything
FADING: Final = 0.98  # at each handing on: what counts as slow is learned from the last minute or so
MOST_CALLS: Final = 60
CAUSE: Final = 1000


PathOf = Callable[[str, Key], str]


class Call(Protocol):
    """What is read of a call that a run made (compositions.resources.context.Met)."""

    place: Key
    target: str
    source: str
    fresh: bool
    age_s: float | None
    breaker: str
    status: int | None
    error: str | None
    ms: float


class Ended(Protocol):
    """What is read of a run (compositions.engine.express.Run)."""

    composition: str
    version: int
    status: str
    error: str | None
    cause: str | None
    complete: bool
    started_at: float
    ms: float

    @property
    def met(self) -> Sequence[Call]: ...


class ToldCall(msgspec.Struct, omit_defaults=True):
    """`path` is the state's place in the definition."""

    path: str
    target: str
    source: str = ""
    fresh: bool = True
    age_s: float | None = None
    breaker: str = ""
    status: int | None = None
    error: str | None = None
    ms: float = 0.0


class Story(msgspec.Struct, omit_defaults=True):
    """A run as it is kept. `why`: failed, partial, slow or sample. `at` in seconds since 1970."""

    composition: str
    version: int
    status: str
    why: str
    at: float
    ms: float
    complete: bool = False
    error: str = ""
    cause: str = ""
    calls: list[ToldCall] = []
    calls_left_out: int = 0


class Batch(msgspec.Struct):
    """What one front door hands on: figures by (composition, minute since 1970), and stories."""

    figures: list[tuple[str, int, list[int]]] = []
    stories: list[Story] = []
    left_out: int = 0


class _Known:
    """A composition's present minute, what is slow for it, and what was kept of this second."""

    __slots__ = ("figures", "kept", "minute", "recent", "sample_at", "second", "slow_ms")

    def __init__(self) -> None:
        self.minute = 0
        self.figures = figures.empty()
        self.recent: list[float] = [0.0] * figures.SIZE
        self.slow_ms: float | None = None
        self.sample_at = 0.0
        self.second = 0
        self.kept: dict[str, int] = {}


class RunNotes:
    """`path_of` gives the place of a call in a composition's definition; it is asked when notes are handed on."""

    def __init__(self, path_of: PathOf) -> None:
        self._path_of = path_of
        self._known: dict[str, _Known] = {}
        self._past: list[tuple[str, int, list[int]]] = []
        self._stories: list[tuple[str, Ended]] = []
        self._left_out = 0

    def note(self, run: Ended) -> None:
        """After the answer has gone out; a few additions."""
        at = run.started_at + run.ms / 1000
        known = self._known.get(run.composition)
        if known is None:
            if len(self._known) >= MOST_COMPOSITIONS:
                return
            known = self._known[run.composition] = _Known()
        minute = int(at // 60)
        if minute != known.minute:
            self._turn(run.composition, known, minute)
        kept = refused = 0
        for call in run.met:
            kept += call.source in ("cache", "projection", "static")
            refused += call.error == "Breaker.Open"
        figures.note(
            known.figures, ms=run.ms, complete=run.complete, failed=run.status != "SUCCEEDED",
            calls=len(run.met), kept=kept, refused=refused,
        )  # fmt: skip
        why = self._why(known, run, at)
        if why:
            if len(self._stories) < MOST_WAITING:
                self._stories.append((why, run))
            else:
                self._left_out += 1

    def taken(self) -> Batch:
        """Everything noted since the last time; empty when there was nothing."""
        found, self._past = self._past, []
        for slug, known in self._known.items():
            if known.figures[figures.RUNS]:
                found.append((slug, known.minute, known.figures))
                self._learn(known)
                known.figures = figures.empty()
        stories, self._stories = self._stories, []
        left_out, self._left_out = self._left_out, 0
        return Batch(found, [self._story(why, run) for why, run in stories], left_out)

    def give_back(self, batch: Batch) -> None:
        """What could not be handed on: figures are added to what comes, stories as far as there is room."""
        merged = {(slug, minute): counts for slug, minute, counts in self._past}
        for slug, minute, counts in batch.figures[: 10 * MOST_COMPOSITIONS]:
            merged[slug, minute] = figures.added([merged.get((slug, minute), ()), counts])
        self._past = [(slug, minute, counts) for (slug, minute), counts in merged.items()][: 10 * MOST_COMPOSITIONS]
        self._left_out += len(batch.stories) + batch.left_out

    def _learn(self, known: _Known) -> None:
        """Slow is what takes longer than 99 of 100 runs of late."""
        recent = known.recent = [FADING * old + new for old, new in zip(known.recent, known.figures, strict=True)]
        enough = recent[figures.RUNS] >= ENOUGH_FOR_SLOW
        known.slow_ms = figures.percentile(recent, 0.99) if enough else None

    def _turn(self, slug: str, known: _Known, minute: int) -> None:
        if known.figures[figures.RUNS]:
            self._past.append((slug, known.minute, known.figures))
            known.figures = figures.empty()
        known.minute = minute

    def _why(self, known: _Known, run: Ended, at: float) -> str:
        if run.status != "SUCCEEDED":
            why = "failed"
        elif not run.complete:
            why = "partial"
        elif known.slow_ms is not None and run.ms > known.slow_ms:
            why = "slow"
        elif at >= known.sample_at:
            known.sample_at = at + SAMPLE_EVERY_S
            return "sample"
        else:
            return ""
        second = int(at)
        if second != known.second:
            known.second, known.kept = second, {}
        known.kept[why] = known.kept.get(why, 0) + 1
        return why if known.kept[why] <= A_SECOND[why] else ""

    def _story(self, why: str, run: Ended) -> Story:
        calls = [
            ToldCall(
                self._path_of(run.composition, call.place), call.target, call.source, call.fresh,
                None if call.age_s is None else round(call.age_s, 1), call.breaker, call.status, call.error,
                round(call.ms, 1),
            )
            for call in run.met[:MOST_CALLS]
        ]  # fmt: skip
        return Story(
            run.composition, run.version, run.status, why, run.started_at, round(run.ms, 2), run.complete,
            (run.error or "")[:200], redaction.text(run.cause or "")[:CAUSE], calls, max(0, len(run.met) - MOST_CALLS),
        )  # fmt: skip
