"""What actions that follow a pipe need to know of it: open means STOPPED, closed means RUNNING."""

from breakers.actions.levels import Level, Subject, circuit_level
from breakers.dataplane import DataPlane
from compositions.models import Pipe
from compositions.standing import standing


def _level(plane: DataPlane, slug: str) -> Level | None:
    piece = plane.config.snapshot.of("pipe").get(slug)
    if piece is None:
        return None
    states = {name: guarded.effective(plane.now_ms()) for name, guarded in plane.circuits.items()}
    stands = standing(piece.body, states)
    levels = [level for name in piece.body.get("targets", ()) if (level := circuit_level(plane, name)) is not None]
    since = [level.since_ms for level in levels if level.stopped == stands.stopped]
    if stands.stopped:
        return Level(True, min(since, default=0), stands.reason)
    return Level(False, max(since, default=0))


PIPE = Subject("pipe", lambda slug: Pipe.objects.filter(slug=slug).exists(), _level)
