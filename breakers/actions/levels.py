"""Whether a circuit or a journey is open or closed now, as this process's data plane knows it.

`ACTION_SUBJECTS` names what actions may follow: "circuit" and "journey" are here, other floors add theirs.
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from django.conf import settings

from breakers.core.states import STOPPED, State
from breakers.dataplane import DataPlane
from breakers.models import Journey, Target
from controlplane.aws.plans import NotKnown
from controlplane.kernel import seams
from controlplane.kernel.clock import to_ms
from controlplane.kernel.errors import NotFound


class Level(msgspec.Struct, frozen=True):
    """Open (`stopped`) or closed, since when (0: ever), and why."""

    stopped: bool
    since_ms: int = 0
    reason: str = ""

    @property
    def word(self) -> str:
        return "open" if self.stopped else "closed"


class Subject(msgspec.Struct, frozen=True):
    """A kind of noun that has a level: whether one exists, by the database, and its level, by the data plane.

    A level is None when the data plane does not know the noun (yet); it raises NotKnown when it cannot know.
    """

    noun: str
    exists: Callable[[str], bool]
    level: Callable[[DataPlane, str], Level | None]


@cache
def subjects() -> dict[str, Subject]:
    """What actions may follow, by the word that stands before the colon."""
    found: list[Subject] = [seams.resolve(path) for path in settings.ACTION_SUBJECTS]
    return {subject.noun: subject for subject in found}


def together(plane: DataPlane, names: tuple[str, ...]) -> Level | None:
    """The level of several subjects: open while any of them is. None when none is known. Raises NotKnown."""
    if not plane.store_ok or plane.config.source == "none":
        raise NotKnown("the shared state is out of reach, so what holds is left as it is")
    levels: list[Level] = []
    for name in names:
        noun, _, slug = name.partition(":")
        level = subjects()[noun].level(plane, slug) if noun in subjects() else None
        if level is not None:
            levels.append(msgspec.structs.replace(level, reason=f"{slug}: {level.reason}" if level.reason else ""))
    stopped = [level for level in levels if level.stopped]
    if stopped:
        reasons = "; ".join(level.reason for level in stopped if level.reason)
        return Level(True, min(level.since_ms for level in stopped), reasons)
    return Level(False, max(level.since_ms for level in levels)) if levels else None


def circuit_level(plane: DataPlane, slug: str) -> Level | None:
    guarded = plane.circuits.get(slug)
    if guarded is None:
        return None
    state, circuit, order = guarded.effective(plane.now_ms()), guarded.circuit, guarded.override
    if state not in STOPPED:
        return Level(False, circuit.since_ms)
    if state is State.FORCED_OPEN and order is not None:
        return Level(True, order.since_ms, order.reason)
    # An outage spans every opening of it, so that a failed recovery is no news.
    return Level(True, circuit.outage_ms or circuit.since_ms, circuit.reason)


def _journey(plane: DataPlane, slug: str) -> Level | None:
    try:
        document, _ = plane.delays.find(journey=slug)
    except NotFound:
        return None
    told: dict[str, Any] = json.loads(document.body)
    since = to_ms(datetime.fromisoformat(told["since"])) if told.get("since") else 0
    return Level(told["delayed"], since, "delayed" if told["delayed"] else "")


CIRCUIT = Subject("circuit", lambda slug: Target.objects.filter(slug=slug).exists(), circuit_level)
JOURNEY = Subject("journey", lambda slug: Journey.objects.filter(slug=slug).exists(), _journey)
