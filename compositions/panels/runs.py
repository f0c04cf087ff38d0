"""Runs as pages show them: charts over time, and what a run's calls tell of its states; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from breakers.panels import charts as drawing
from breakers.panels.charts import Chart, Column
from compositions.diagrams.overlay import Seen
from compositions.runs import figures

MOST_COLUMNS = 60


def charts(minutes: Sequence[tuple[datetime, Sequence[int]]]) -> list[Chart]:
    """Runs a minute, those without an answer on top."""
    step = max(1, len(minutes) // MOST_COLUMNS)
    columns = []
    for start in range(0, len(minutes), step):
        some = minutes[start : start + step]
        counts = figures.added([each for _, each in some])
        failed = counts[figures.FAILED] / len(some)
        columns.append(Column(f"{some[0][0]:%H:%M}", counts[figures.RUNS] / len(some) - failed, failed))
    if not any(column.value or column.refused for column in columns):
        return []
    names = ("answered", "without an answer")
    each = "minutes" if step == 1 else f"stretches of {step} min"
    return [drawing.use("runs", "Runs a minute", columns, unit="runs/min", each=each, names=names)]


def seen(calls: Iterable[Mapping[str, Any]], *, succeeded: bool) -> dict[str, Seen]:
    """What became of the states that called something, and of those around them; a kept run tells no more."""
    found: dict[str, Seen] = {}
    for call in calls:
        status = "passed" if call.get("source") == "live" else "cached"
        if call.get("error"):
            status = "caught" if succeeded else "failed"
        before = found.get(call["path"])
        ms = float(call.get("ms") or 0.0)
        found[call["path"]] = Seen(
            status, 1 if before is None else before.attempts + 1, ms + (before.ms or 0.0 if before else 0.0)
        )
    for path, inner in list(found.items()):
        for holder in _around(path):
            if inner.status == "failed" or holder not in found:
                found[holder] = Seen("failed" if inner.status == "failed" else "passed")
    return found


def _around(path: str) -> Iterator[str]:
    """The states that hold a state: `/States/A/Branches[0]/States/B` lies in `/States/A`."""
    while (holder := path.rpartition("/States/")[0].rpartition("/")[0]) and holder != path:
        yield holder
        path = holder
